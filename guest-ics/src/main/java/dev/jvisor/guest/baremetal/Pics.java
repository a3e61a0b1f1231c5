package dev.jvisor.guest.baremetal;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Gpr;

/** The ports of the two 8259A interrupt controllers (Intel 8259A datasheet). */
public final class Pics {
    /** The first one's ICW1 and OCW2. */
    public static final int MASTER_COMMAND = 0x20;
    /** The first one's ICW2 to ICW4, then its mask. */
    public static final int MASTER_MASK = 0x21;
    /** The second one's ICW1 and OCW2. */
    public static final int SLAVE_COMMAND = 0xA0;
    /** The second one's ICW2 to ICW4, then its mask. */
    public static final int SLAVE_MASK = 0xA1;

    private Pics() { }

    /** Emits, at CPL0, the masking of all their lines. Changes AL. */
    public static void maskAll(Assembler a) {
        a.mov(Gpr.AL, 0xFF);
        a.out(MASTER_MASK, Gpr.AL);
        a.out(SLAVE_MASK, Gpr.AL);
    }
}
