package dev.jvisor.devices.ide;

import java.util.concurrent.atomic.LongAdder;

/** Counters of one controller, read by anybody at any time. */
public final class IdeMetrics {
    final LongAdder portAccesses = new LongAdder();
    final LongAdder commands = new LongAdder();
    final LongAdder rejected = new LongAdder();
    final LongAdder diskErrors = new LongAdder();
    final LongAdder interrupts = new LongAdder();
    final LongAdder readBytes = new LongAdder();
    final LongAdder writtenBytes = new LongAdder();
    final LongAdder dmaTransfers = new LongAdder();
    final LongAdder pioBlocks = new LongAdder();

    IdeMetrics() { }

    /** {@return accesses to ports of the channels and of the bus master; each was an intercept} */
    public long portAccesses() {
        return portAccesses.sum();
    }

    /** {@return commands given to drives that are there} */
    public long commands() {
        return commands.sum();
    }

    /** {@return commands refused because of what the guest asked: unknown, out of range, bad PRD table} */
    public long rejected() {
        return rejected.sum();
    }

    /** {@return commands that failed because the host's disk did} */
    public long diskErrors() {
        return diskErrors.sum();
    }

    /** {@return rises of the interrupt lines} */
    public long interrupts() {
        return interrupts.sum();
    }

    /** {@return bytes read from disks for the guest} */
    public long readBytes() {
        return readBytes.sum();
    }

    /** {@return bytes written to disks for the guest} */
    public long writtenBytes() {
        return writtenBytes.sum();
    }

    /** {@return pieces of work given to disks straight from or to guest memory} */
    public long dmaTransfers() {
        return dmaTransfers.sum();
    }

    /** {@return DRQ blocks that went through the data port} */
    public long pioBlocks() {
        return pioBlocks.sum();
    }
}
