package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Registers every instruction of this package. */
public final class IntegerOps {
    private IntegerOps() { }

    /** Fills the integer instructions into {@code t}. */
    public static void register(OpcodeTable t) {
        Arithmetic.register(t);
        Moves.register(t);
        StackOps.register(t);
        Jumps.register(t);
        BitTests.register(t);
        BitCounts.register(t);
        BitFields.register(t);
        Shifts.register(t);
        Multiply.register(t);
        Strings.register(t);
        Decimal.register(t);
        FlagOps.register(t);
    }
}
