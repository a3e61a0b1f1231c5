package dev.jvisor.guest.disk;

/**
 * What {@link DiskGuest} does with its disk.
 *
 * @param operation every transfer's direction
 * @param random whether blocks are taken at random (uniformly, by a linear congruential generator), or one after the other
 * @param blockBytes bytes of a transfer: a power of two from a sector to 1 MiB
 * @param depth transfers on their way at once, 1 to 64; IDE has one
 * @param areaBytes the part of the disk that is used, from its start; a multiple of {@code blockBytes}
 * @param sectorBytes logical sector of the disk, 512 or 4096
 * @param flushEvery every so many operations one is a flush; 0 for none
 * @param count operations until the end; 0 to go on until the host says so
 * @param verify whether sectors are filled with what their address and the seed say, and checked for it when they are read
 * @param seed of the order of random blocks and of verified contents
 */
public record DiskWorkload(Operation operation, boolean random, int blockBytes, int depth, long areaBytes, int sectorBytes, int flushEvery,
    long count, boolean verify, long seed) {
    /** Most transfers at once. */
    public static final int MAX_DEPTH = 64;
    /** Longest transfer. */
    public static final int MAX_BLOCK = 1 << 20;

    /** Direction of transfers. */
    public enum Operation {
        /** Disk to memory. */
        READ,
        /** Memory to disk. */
        WRITE
    }

    /** Checks the ranges. */
    public DiskWorkload {
        if (Integer.bitCount(blockBytes) != 1 || blockBytes < sectorBytes || blockBytes > MAX_BLOCK || depth < 1 || depth > MAX_DEPTH
                || areaBytes < blockBytes || areaBytes % blockBytes != 0 || areaBytes / blockBytes > Integer.MAX_VALUE
                || sectorBytes != 512 && sectorBytes != 4096 || flushEvery < 0 || count < 0) {
            throw new IllegalArgumentException("no such workload: blockBytes=" + blockBytes + ", depth=" + depth + ", areaBytes=" + areaBytes
                    + ", sectorBytes=" + sectorBytes + ", flushEvery=" + flushEvery + ", count=" + count);
        }
    }

    /** {@return a workload on 512-byte sectors without flushes that goes on until the host says so} */
    public static DiskWorkload of(Operation operation, boolean random, int blockBytes, int depth, long areaBytes) {
        return new DiskWorkload(operation, random, blockBytes, depth, areaBytes, 512, 0, 0, false, 1);
    }

    /** {@return this with another number of transfers at once} */
    public DiskWorkload withDepth(int newDepth) {
        return new DiskWorkload(operation, random, blockBytes, newDepth, areaBytes, sectorBytes, flushEvery, count, verify, seed);
    }

    /** {@return this with a flush every so many operations} */
    public DiskWorkload withFlushEvery(int operations) {
        return new DiskWorkload(operation, random, blockBytes, depth, areaBytes, sectorBytes, operations, count, verify, seed);
    }

    /** {@return this with another logical sector} */
    public DiskWorkload withSectorBytes(int bytes) {
        return new DiskWorkload(operation, random, blockBytes, depth, areaBytes, bytes, flushEvery, count, verify, seed);
    }

    /** {@return this, ending by itself after so many operations, with contents that are filled in or checked} */
    public DiskWorkload verified(long operations, long newSeed) {
        return new DiskWorkload(operation, random, blockBytes, depth, areaBytes, sectorBytes, flushEvery, operations, true, newSeed);
    }

    /** {@return number of blocks in the area} */
    public int blocks() {
        return (int) (areaBytes / blockBytes);
    }

    /** {@return the 8 bytes at a place of a verified disk} @param word offset on the disk / 8 */
    public long content(long word) {
        return word * CONTENT_FACTOR ^ seed;
    }

    /** In {@link #content}. */
    static final long CONTENT_FACTOR = 0x9E3779B97F4A7C15L;
}
