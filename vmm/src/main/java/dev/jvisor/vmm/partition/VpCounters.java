package dev.jvisor.vmm.partition;

/**
 * What one virtual processor has done. Written by the VP's own thread without synchronization; other threads read values that may be a
 * little old.
 */
public final class VpCounters {
    /** IN. */
    public long portReads;
    /** OUT. */
    public long portWrites;
    /** Accesses (byte-wise) to ports without a device. */
    public long unknownPorts;
    /** Reads of device memory. */
    public long mmioReads;
    /** Writes to device memory. */
    public long mmioWrites;
    /** Accesses to GPAs with nothing behind them. */
    public long unknownMmio;
    /** RDMSR that reached the partition. */
    public long msrReads;
    /** WRMSR that reached the partition. */
    public long msrWrites;
    /** RDMSR and WRMSR that raised #GP. */
    public long unknownMsrs;
    /** Times the VP halted and waited. */
    public long halts;
    /** Times the run loop was left because somebody kicked the VP. */
    public long kicks;
    /** Remarks of the CPU. */
    public long remarks;

    /** Adds another VP's counts to these. */
    public void add(VpCounters o) {
        portReads += o.portReads;
        portWrites += o.portWrites;
        unknownPorts += o.unknownPorts;
        mmioReads += o.mmioReads;
        mmioWrites += o.mmioWrites;
        unknownMmio += o.unknownMmio;
        msrReads += o.msrReads;
        msrWrites += o.msrWrites;
        unknownMsrs += o.unknownMsrs;
        halts += o.halts;
        kicks += o.kicks;
        remarks += o.remarks;
    }

    @Override
    public String toString() {
        return "portReads=" + portReads + " portWrites=" + portWrites + " unknownPorts=" + unknownPorts
                + " mmioReads=" + mmioReads + " mmioWrites=" + mmioWrites + " unknownMmio=" + unknownMmio
                + " msrReads=" + msrReads + " msrWrites=" + msrWrites + " unknownMsrs=" + unknownMsrs
                + " halts=" + halts + " kicks=" + kicks + " remarks=" + remarks;
    }
}
