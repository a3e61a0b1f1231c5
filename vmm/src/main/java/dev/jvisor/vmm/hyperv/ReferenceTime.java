package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.time.Clock;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.math.BigInteger;

/**
 * The partition's time in units of 100 ns (TLFS 12.4). One clock: the guest's TSC, scaled; the reference TSC page lets the guest do the same
 * sum itself, so that the counter MSR and the page never disagree. Threads other than a VP's cannot read the TSC and go by the host's clock
 * from the last time that a VP did.
 *
 * <pre>
 *   page: u32 sequence @0 (0 = not valid), u64 scale @8, s64 offset @16;  time = (tsc * scale >> 64) + offset
 * </pre>
 */
final class ReferenceTime {
    private static final long UNITS_PER_SECOND = 10_000_000;
    private static final int NS_PER_UNIT = 100;
    private static final int SEQUENCE = 0, SCALE = 8, OFFSET = 16, BYTES = 24;

    private final Partition partition;
    private final GpaSpace gpa;
    private final Clock clock;
    private final long scale;
    private long offset;
    private int sequence;
    private long msr;
    private long sampleNs;
    private long sampleTime;

    ReferenceTime(Partition partition) {
        this.partition = partition;
        this.gpa = partition.gpa();
        this.clock = partition.timers();
        this.scale = BigInteger.valueOf(UNITS_PER_SECOND).shiftLeft(64).divide(BigInteger.valueOf(partition.tscHz())).longValue();
        // Not every backend's TSC stands at 0 when the partition's clock does.
        this.offset = clock.nowNs() / NS_PER_UNIT - scaled(partition.processor(0).tsc());
        now(0);
    }

    /** {@return the time}. On the VP's thread inside an intercept, or with the VP standing still. */
    synchronized long now(int vp) {
        long time = scaled(partition.processor(vp).tsc()) + offset;
        sampleNs = clock.nowNs();
        sampleTime = time;
        return time;
    }

    /** {@return the time as the host's clock has it}. Any thread. */
    synchronized long estimate() {
        return sampleTime + (clock.nowNs() - sampleNs) / NS_PER_UNIT;
    }

    /** {@return the host's clock when the time will be {@code time}, nanoseconds; far futures are cut}. Any thread. */
    synchronized long hostNs(long time) {
        long left = Math.min(Math.max(time - sampleTime, 0), Long.MAX_VALUE / 4 / NS_PER_UNIT);
        return sampleNs + left * NS_PER_UNIT;
    }

    private long scaled(long tsc) {
        return Math.unsignedMultiplyHigh(tsc, scale);
    }

    /** {@return HV_X64_MSR_REFERENCE_TSC} */
    synchronized long msr() {
        return msr;
    }

    /** The guest writes HV_X64_MSR_REFERENCE_TSC. */
    synchronized void msr(long value) {
        boolean same = value == msr;
        msr = value;
        if (!same) {
            writePage();
        }
    }

    private void writePage() {
        long at = msr & -GpaSpace.PAGE_SIZE;
        MemorySegment page = (msr & 1) == 0 ? null : gpa.ram(at, GpaSpace.PAGE_SIZE);
        if (page == null) {
            return;
        }
        sequence = sequence + 1 == 0 ? 1 : sequence + 1;
        Layouts.INT.setVolatile(page, SEQUENCE, 0);
        page.set(Layouts.LE32, 4, 0);
        page.set(Layouts.LE64, SCALE, scale);
        page.set(Layouts.LE64, OFFSET, offset);
        VarHandle.releaseFence();
        Layouts.INT.setVolatile(page, SEQUENCE, sequence);
        gpa.written(at, BYTES);
    }

    /** The partition restarts: time runs on, the page is gone. */
    synchronized void reset() {
        msr = 0;
        sequence = 0;
    }

    synchronized int sequence() {
        return sequence;
    }

    /** Makes the time go on from {@code time}, whatever the TSC is now; every VP stands still. */
    synchronized void restore(long savedMsr, int savedSequence, long time) {
        offset = time - scaled(partition.processor(0).tsc());
        msr = savedMsr;
        sequence = savedSequence;
        writePage();
        now(0);
    }
}
