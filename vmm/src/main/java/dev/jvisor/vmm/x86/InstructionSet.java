package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.fpu.X87Ops;
import dev.jvisor.vmm.x86.ops.IntegerOps;
import dev.jvisor.vmm.x86.simd.SimdOps;
import dev.jvisor.vmm.x86.system.SystemOps;

/** Puts the opcode table together from the instruction packages. */
final class InstructionSet {
    private InstructionSet() { }

    static OpcodeTable table(CpuLevel level) {
        OpcodeTable t = new OpcodeTable(level);
        IntegerOps.register(t);
        X87Ops.register(t);
        SystemOps.register(t);
        SimdOps.register(t);
        return t;
    }
}
