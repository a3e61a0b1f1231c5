package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** The system instructions as a whole. */
public final class SystemOps {
    private SystemOps() { }

    /** Puts the system instructions into the table. */
    public static void register(OpcodeTable t) {
        SegmentOps.register(t);
        FarOps.register(t);
        ControlOps.register(t);
        PortOps.register(t);
        SyscallOps.register(t);
    }
}
