package dev.jvisor.vmm.backend;

/**
 * Data that a debugger wants to hear of: a VP stops with {@link VpExit#DEBUG} behind the instruction that accessed any byte of it.
 *
 * @param linear linear address of the first byte
 * @param length bytes, 1 or more
 * @param kind which accesses count
 */
public record Watchpoint(long linear, long length, Kind kind) {
    /** Which accesses count. */
    public enum Kind {
        /** Writes. */
        WRITE,
        /** Reads. */
        READ,
        /** Both. */
        ACCESS
    }

    /** Checks the length. */
    public Watchpoint {
        if (length < 1) {
            throw new IllegalArgumentException("length=" + length);
        }
    }

    /** {@return whether an access of {@code size} bytes at {@code at} hits it} */
    public boolean hit(long at, long size, boolean write) {
        // Differences, so that what ends at the top of the address space is compared rightly.
        boolean overlaps = Long.compareUnsigned(at - linear, length) < 0 || Long.compareUnsigned(linear - at, size) < 0;
        return overlaps && (kind == Kind.ACCESS || write == (kind == Kind.WRITE));
    }
}
