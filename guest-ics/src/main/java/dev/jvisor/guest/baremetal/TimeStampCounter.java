package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.RAX;
import static dev.jvisor.guest.asm.Gpr.RDX;

import dev.jvisor.guest.asm.Assembler;

/** The processor's time-stamp counter, for bare-metal guests. */
public final class TimeStampCounter {
    private TimeStampCounter() {
    }

    /** Emits the reading of all 64 bits into RAX. Changes RDX. */
    public static void read(Assembler a) {
        a.rdtsc();
        a.shl(RDX, 32);
        a.or(RAX, RDX);
    }
}
