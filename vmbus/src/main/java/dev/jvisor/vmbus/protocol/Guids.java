package dev.jvisor.vmbus.protocol;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.UUID;

/**
 * GUIDs in memory, in Microsoft's mixed order: the first three groups little-endian, the last two as they are written.
 * <pre>
 *   f8615163 - df3e - 46c5 - 913f - f2d2f965ed0e
 *   63 51 61 f8  3e df  c5 46  91 3f  f2 d2 f9 65 ed 0e
 * </pre>
 */
public final class Guids {
    /** Bytes of a GUID. */
    public static final int SIZE = 16;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong BE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Guids() {
    }

    /** Writes a GUID. */
    public static void put(MemorySegment at, long offset, UUID guid) {
        long high = guid.getMostSignificantBits();
        at.set(LE32, offset, (int) (high >>> 32));
        at.set(LE16, offset + 4, (short) (high >>> 16));
        at.set(LE16, offset + 6, (short) high);
        at.set(BE64, offset + 8, guid.getLeastSignificantBits());
    }

    /** {@return the GUID in memory} */
    public static UUID get(MemorySegment at, long offset) {
        long high = (long) at.get(LE32, offset) << 32 | Short.toUnsignedLong(at.get(LE16, offset + 4)) << 16
                | Short.toUnsignedLong(at.get(LE16, offset + 6));
        return new UUID(high, at.get(BE64, offset + 8));
    }
}
