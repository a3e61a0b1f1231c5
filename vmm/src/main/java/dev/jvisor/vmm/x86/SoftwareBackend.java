package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** The backend that needs nothing of the host: an x86-64 processor in Java. */
public final class SoftwareBackend implements Backend {
    private static final long TSC_HZ = 1_000_000_000L;

    private final OpcodeTable[] opcodes = new OpcodeTable[CpuLevel.values().length];

    /** {@return a new table of every instruction this processor knows; for listings and tests} */
    public static OpcodeTable opcodes() {
        return InstructionSet.table(CpuLevel.MAX);
    }

    private synchronized OpcodeTable opcodes(CpuLevel level) {
        OpcodeTable t = opcodes[level.ordinal()];
        if (t == null) {
            t = InstructionSet.table(level);
            opcodes[level.ordinal()] = t;
        }
        return t;
    }

    @Override
    public String name() {
        return "software";
    }

    @Override
    public String describe() {
        return "x86-64 processor in Java, interpreted: about 100 million instructions a second";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new SoftwarePartition(gpa, config, opcodes(config.cpu()), config.tscHz() == 0 ? TSC_HZ : config.tscHz());
    }

    @Override
    public void close() {
        // Partitions own everything.
    }
}
