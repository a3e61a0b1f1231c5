package dev.jvisor.devices.scsi;

import java.util.concurrent.atomic.LongAdder;

/** Counters of one unit, read by anybody at any time. */
public final class ScsiMetrics {
    final LongAdder reads = new LongAdder();
    final LongAdder readBytes = new LongAdder();
    final LongAdder writes = new LongAdder();
    final LongAdder writtenBytes = new LongAdder();
    final LongAdder flushes = new LongAdder();
    final LongAdder unmaps = new LongAdder();
    final LongAdder diskErrors = new LongAdder();
    final LongAdder rejected = new LongAdder();

    ScsiMetrics() { }

    /** {@return read commands begun} */
    public long reads() {
        return reads.sum();
    }

    /** {@return bytes those asked for} */
    public long readBytes() {
        return readBytes.sum();
    }

    /** {@return write commands begun, WRITE SAME included} */
    public long writes() {
        return writes.sum();
    }

    /** {@return bytes those brought} */
    public long writtenBytes() {
        return writtenBytes.sum();
    }

    /** {@return cache flushes} */
    public long flushes() {
        return flushes.sum();
    }

    /** {@return ranges unmapped} */
    public long unmaps() {
        return unmaps.sum();
    }

    /** {@return commands that failed because the host's disk did} */
    public long diskErrors() {
        return diskErrors.sum();
    }

    /** {@return commands refused because of what the guest asked: unknown, out of range, short of data} */
    public long rejected() {
        return rejected.sum();
    }
}
