package dev.jvisor.devices.disk;

/**
 * How a disk is opened.
 *
 * @param format the format the file must have, null to find out; a file that looks like no known format is raw
 * @param readOnly changes are refused, and others may read it too
 * @param threads how many requests may be in the host's system calls at once, 1 to 64
 */
public record DiskOptions(DiskFormat format, boolean readOnly, int threads) {
    /** Threads unless told. */
    public static final int DEFAULT_THREADS = 4;

    /** Checks the number of threads. */
    public DiskOptions {
        if (threads < 1 || threads > 64) {
            throw new IllegalArgumentException("threads " + threads + " is not 1 to 64");
        }
    }

    /** {@return for writing, format found out} */
    public static DiskOptions writable() {
        return new DiskOptions(null, false, DEFAULT_THREADS);
    }

    /** {@return for reading, format found out} */
    public static DiskOptions reading() {
        return new DiskOptions(null, true, DEFAULT_THREADS);
    }

    /** {@return these, with a format} */
    public DiskOptions format(DiskFormat wanted) {
        return new DiskOptions(wanted, readOnly, threads);
    }
}
