package dev.jvisor.guest.disk;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A sector that says where it belongs and which write it is of. Little endian words of 8 bytes, and no two sectors have the same one at the
 * same place:
 *
 * <pre>
 *  0: number of the sector    8: generation    then word i: MAGIC + sector * SECTOR_FACTOR + generation * GENERATION_FACTOR + i * WORD_FACTOR
 * </pre>
 */
public final class SectorPattern {
    /** Terms of a word. */
    public static final long MAGIC = 0x6A76_6973_6F72_0001L, SECTOR_FACTOR = 0x9E37_79B9_7F4A_7C15L,
            GENERATION_FACTOR = 0xC2B2_AE3D_27D4_EB4FL, WORD_FACTOR = 0x1656_67B1_9E37_79F9L;
    /** What {@link #generation} says of a sector that is no zeroes and not whole, or that belongs elsewhere. */
    public static final long FOREIGN = -1;

    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private SectorPattern() { }

    /** Fills a sector. @param generation of the write, above 0 */
    public static void fill(MemorySegment memory, long at, int sectorBytes, long sector, long generation) {
        memory.set(WORD, at, sector);
        memory.set(WORD, at + 8, generation);
        long base = MAGIC + sector * SECTOR_FACTOR + generation * GENERATION_FACTOR;
        for (int i = 2; i < sectorBytes / 8; i++) {
            memory.set(WORD, at + 8L * i, base + i * WORD_FACTOR);
        }
    }

    /** {@return which write a sector is of; 0 when it is all zeroes, {@link #FOREIGN} when it is neither} */
    public static long generation(MemorySegment memory, long at, int sectorBytes, long sector) {
        long generation = memory.get(WORD, at + 8);
        if (generation == 0) {
            for (int i = 0; i < sectorBytes / 8; i++) {
                if (memory.get(WORD, at + 8L * i) != 0) {
                    return FOREIGN;
                }
            }
            return 0;
        }
        long base = MAGIC + sector * SECTOR_FACTOR + generation * GENERATION_FACTOR;
        for (int i = 2; i < sectorBytes / 8; i++) {
            if (memory.get(WORD, at + 8L * i) != base + i * WORD_FACTOR) {
                return FOREIGN;
            }
        }
        return memory.get(WORD, at) == sector && generation > 0 ? generation : FOREIGN;
    }

    /** {@return a sector in words, for a message: what it says of itself, and where it stops being of one piece} */
    public static String describe(MemorySegment memory, long at, int sectorBytes) {
        long sector = memory.get(WORD, at);
        long generation = memory.get(WORD, at + 8);
        long base = MAGIC + sector * SECTOR_FACTOR + generation * GENERATION_FACTOR;
        int i = 2;
        while (i < sectorBytes / 8 && memory.get(WORD, at + 8L * i) == base + i * WORD_FACTOR) {
            i++;
        }
        return "says it is sector " + sector + " of write " + generation + (i == sectorBytes / 8 ? "" : ", and is something else from byte " + 8 * i);
    }
}
