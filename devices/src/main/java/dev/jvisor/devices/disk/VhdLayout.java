package dev.jvisor.devices.disk;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.UUID;

/**
 * Offsets and values of the Virtual Hard Disk Image Format Specification 1.0 (Microsoft, 2006). All fields are big-endian.
 *
 * <pre>
 *  fixed:    | data ... | footer |
 *  dynamic:  | copy of footer | dynamic header | block allocation table | locators | { sector bitmap, block } ... | footer |
 * </pre>
 */
final class VhdLayout {
    static final int SECTOR = 512;
    static final int FOOTER_SIZE = 512;
    static final long COOKIE = 0x636f6e6563746978L; // "conectix"
    static final int FEATURES = 8;
    static final int VERSION = 12;
    static final int DATA_OFFSET = 16;
    static final int TIMESTAMP = 24;
    static final int CREATOR = 28;
    static final int CREATOR_VERSION = 32;
    static final int CREATOR_HOST = 36;
    static final int ORIGINAL_SIZE = 40;
    static final int CURRENT_SIZE = 48;
    static final int GEOMETRY = 56;
    static final int TYPE = 60;
    static final int CHECKSUM = 64;
    static final int UNIQUE_ID = 68;
    static final int TYPE_FIXED = 2;
    static final int TYPE_DYNAMIC = 3;
    static final int TYPE_DIFFERENCING = 4;
    static final int VERSION_1 = 0x10000;
    /** Seconds from 1970 to 2000, where VHD's time begins. */
    static final long EPOCH_2000 = 946684800;
    static final int CREATOR_WIN = 0x77696e20; // "win ": readers that know it take the size and not the geometry
    static final int CREATOR_VPC = 0x76706320; // "vpc "
    static final int CREATOR_QEMU = 0x71656d75; // "qemu"
    static final int HOST_WINDOWS = 0x5769326b; // "Wi2k"
    static final long MAX_GEOMETRY_SECTORS = 65535L * 16 * 255;

    static final int HEADER_SIZE = 1024;
    static final long HEADER_COOKIE = 0x6378737061727365L; // "cxsparse"
    static final int TABLE_OFFSET = 16;
    static final int HEADER_VERSION = 24;
    static final int MAX_ENTRIES = 28;
    static final int BLOCK_SIZE = 32;
    static final int HEADER_CHECKSUM = 36;
    static final int PARENT_ID = 40;
    static final int PARENT_TIMESTAMP = 56;
    static final int PARENT_NAME = 64;
    static final int LOCATORS = 576;
    static final int LOCATOR_SIZE = 24;
    static final int LOCATOR_COUNT = 8;
    static final int W2RU = 0x57327275;
    static final int W2KU = 0x57326b75;

    static final int UNUSED = -1;
    static final long MAX_DISK_SIZE = 2040L << 30;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private VhdLayout() {
    }

    static int u8(MemorySegment m, long at) {
        return m.get(ValueLayout.JAVA_BYTE, at) & 0xff;
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

    static UUID id(MemorySegment m, long at) {
        return new UUID(u64(m, at), u64(m, at + 8));
    }

    static void id(MemorySegment m, long at, UUID value) {
        u64(m, at, value.getMostSignificantBits());
        u64(m, at + 8, value.getLeastSignificantBits());
    }

    /** {@return the one's complement of the sum of all bytes but the checksum's own} */
    static int checksum(MemorySegment m, int checksumAt) {
        int sum = 0;
        for (int i = 0; i < m.byteSize(); i++) {
            if (i < checksumAt || i >= checksumAt + 4) {
                sum += u8(m, i);
            }
        }
        return ~sum;
    }

    static boolean validFooter(MemorySegment m) {
        return u64(m, 0) == COOKIE && u32(m, CHECKSUM) == checksum(m, CHECKSUM);
    }

    static void sealFooter(MemorySegment m) {
        u32(m, CHECKSUM, checksum(m, CHECKSUM));
    }

    /** The geometry for a size, by the algorithm of the specification's appendix: cylinders << 16 | heads << 8 | sectors per track. */
    static int geometry(long bytes) {
        long total = Math.min(bytes / SECTOR, MAX_GEOMETRY_SECTORS);
        if (total >= 65535L * 16 * 63) {
            return (int) (total / 255 / 16) << 16 | 16 << 8 | 255;
        }
        long sectors = 17;
        long cylinderTimesHeads = total / sectors;
        long heads = Math.max(4, (cylinderTimesHeads + 1023) / 1024);
        if (cylinderTimesHeads >= heads * 1024 || heads > 16) {
            sectors = 31;
            heads = 16;
            cylinderTimesHeads = total / sectors;
        }
        if (cylinderTimesHeads >= heads * 1024) {
            sectors = 63;
            heads = 16;
            cylinderTimesHeads = total / sectors;
        }
        return (int) (cylinderTimesHeads / heads) << 16 | (int) heads << 8 | (int) sectors;
    }

    /** {@return the disk's size as its creator meant it: two of them round to whole cylinders} */
    static long diskSize(MemorySegment footer) {
        long size = u64(footer, CURRENT_SIZE);
        int creator = u32(footer, CREATOR);
        long chs = (long) u16(footer, GEOMETRY) * u8(footer, GEOMETRY + 2) * u8(footer, GEOMETRY + 3);
        boolean byGeometry = (creator == CREATOR_VPC || creator == CREATOR_QEMU) && chs > 0 && chs < MAX_GEOMETRY_SECTORS;
        return byGeometry ? chs * SECTOR : size;
    }
}
