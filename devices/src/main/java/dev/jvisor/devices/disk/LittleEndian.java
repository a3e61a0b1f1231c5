package dev.jvisor.devices.disk;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;

/** Fields of VHDX structures: little-endian, unaligned, GUIDs in Microsoft's mixed order. */
final class LittleEndian {
    static final UUID ZERO_GUID = new UUID(0, 0);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64_BIG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private LittleEndian() {
    }

    static int u16(MemorySegment m, long at) {
        return m.get(U16, at) & 0xffff;
    }

    static int u32(MemorySegment m, long at) {
        return m.get(U32, at);
    }

    static long u64(MemorySegment m, long at) {
        return m.get(U64, at);
    }

    static void u16(MemorySegment m, long at, int value) {
        m.set(U16, at, (short) value);
    }

    static void u32(MemorySegment m, long at, int value) {
        m.set(U32, at, value);
    }

    static void u64(MemorySegment m, long at, long value) {
        m.set(U64, at, value);
    }

    static UUID guid(MemorySegment m, long at) {
        long high = (long) u32(m, at) << 32 | (long) u16(m, at + 4) << 16 | u16(m, at + 6);
        return new UUID(high, m.get(U64_BIG, at + 8));
    }

    static void guid(MemorySegment m, long at, UUID value) {
        long high = value.getMostSignificantBits();
        u32(m, at, (int) (high >>> 32));
        u16(m, at + 4, (int) (high >>> 16));
        u16(m, at + 6, (int) high);
        m.set(U64_BIG, at + 8, value.getLeastSignificantBits());
    }

    /** {@return the CRC-32C of the structure, its checksum field (4 bytes at 4) taken as zero} */
    static int crcAt4(MemorySegment m) {
        CRC32C crc = new CRC32C();
        crc.update(m.asSlice(0, 4).asByteBuffer());
        crc.update(new byte[4]);
        crc.update(m.asSlice(8).asByteBuffer());
        return (int) crc.getValue();
    }
}
