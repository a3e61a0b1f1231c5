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

    /**
     * Emits, at CPL0, the set-up of both as a PC has them, cascaded (ICW1 to ICW4). Changes AL.
     *
     * @param master the vector of the first one's line 0
     * @param slave the vector of the second one's
     */
    static void initialize(Assembler a, int master, int slave) {
        int[][] writes = {{MASTER_COMMAND, 0x11}, {SLAVE_COMMAND, 0x11}, {MASTER_MASK, master}, {SLAVE_MASK, slave}, {MASTER_MASK, 4},
            {SLAVE_MASK, 2}, {MASTER_MASK, 1}, {SLAVE_MASK, 1}};
        for (int[] write : writes) {
            write(a, write[0], write[1]);
        }
    }

    /** Emits, at CPL0, the write of a value to one of the ports. Changes AL. */
    static void write(Assembler a, int port, int value) {
        a.mov(Gpr.AL, value);
        a.out(port, Gpr.AL);
    }

    /** Emits, at CPL0, the masking of all their lines. Changes AL. */
    public static void maskAll(Assembler a) {
        a.mov(Gpr.AL, 0xFF);
        a.out(MASTER_MASK, Gpr.AL);
        a.out(SLAVE_MASK, Gpr.AL);
    }
}
