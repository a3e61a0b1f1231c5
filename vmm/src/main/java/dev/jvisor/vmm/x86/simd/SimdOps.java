package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Registers all instructions of this package. */
public final class SimdOps {
    private SimdOps() { }

    /** Puts every opcode of this package into {@code t}. */
    public static void register(OpcodeTable t) {
        SimdTable s = new SimdTable(t);
        MoveOps.register(s);
        VexMoves.register(s);
        IntegerOps.register(s);
        ShiftOps.register(s);
        ShuffleOps.register(s);
        FloatOps.register(s);
        FusedOps.register(s);
        ConvertOps.register(s);
        HalfOps.register(s);
        PermuteOps.register(s);
        MaskedMoves.register(s);
        GatherOps.register(s);
        StringOps.register(s);
        AesOps.register(s);
        ShaOps.register(s);
        StateOps.register(s);
    }
}
