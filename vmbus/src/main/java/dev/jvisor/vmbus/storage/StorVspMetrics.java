package dev.jvisor.vmbus.storage;

import java.util.concurrent.atomic.LongAdder;

/** Counters of a storage VSP, read by anybody at any time. What the units did is in their own metrics. */
public final class StorVspMetrics {
    final LongAdder reads = new LongAdder();
    final LongAdder readBytes = new LongAdder();
    final LongAdder writes = new LongAdder();
    final LongAdder writtenBytes = new LongAdder();
    final LongAdder others = new LongAdder();
    final LongAdder failed = new LongAdder();
    final LongAdder invalid = new LongAdder();
    final LongAdder completions = new LongAdder();
    final LongAdder ringFull = new LongAdder();
    final LongAdder resets = new LongAdder();

    StorVspMetrics() { }

    /** {@return SRBs that brought data to the guest} */
    public long reads() {
        return reads.sum();
    }

    /** {@return bytes those brought} */
    public long readBytes() {
        return readBytes.sum();
    }

    /** {@return SRBs that took data from the guest} */
    public long writes() {
        return writes.sum();
    }

    /** {@return bytes those took} */
    public long writtenBytes() {
        return writtenBytes.sum();
    }

    /** {@return SRBs without data} */
    public long others() {
        return others.sum();
    }

    /** {@return SRBs that did not succeed, absent units included} */
    public long failed() {
        return failed.sum();
    }

    /** {@return packets and SRBs that made no sense: a guest that is broken or hostile} */
    public long invalid() {
        return invalid.sum();
    }

    /** {@return completion packets written} */
    public long completions() {
        return completions.sum();
    }

    /** {@return completions that had to wait because the guest's ring was full} */
    public long ringFull() {
        return ringFull.sum();
    }

    /** {@return resets carried out} */
    public long resets() {
        return resets.sum();
    }
}
