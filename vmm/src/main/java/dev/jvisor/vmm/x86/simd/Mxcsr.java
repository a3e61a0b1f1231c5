package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * MXCSR's bits, and how one instruction's exceptions are gathered and taken (Intel SDM 1, 10.2.3 and 11.5). Between {@link #begin} and
 * {@link #commit} the exceptions of all elements gather in the temporary register T2; only commit makes them visible, so it comes before
 * the destination is written.
 */
final class Mxcsr {
    /** Exceptions. */
    static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;
    /** Denormals are zeros. */
    static final int DAZ = 0x40;
    /** Place of the exception masks. */
    static final int MASK_SHIFT = 7;
    /** Rounding control. */
    static final int RC_SHIFT = 13;
    /** Flush to zero. */
    static final int FTZ = 0x8000;
    /** Rounding modes. */
    static final int NEAREST = 0, DOWN = 1, UP = 2, ZERO = 3;
    /** Everything that controls arithmetic; its value after reset: round to nearest, all masked, no DAZ, no FTZ. */
    static final int CONTROL = 0xFFC0, DEFAULT = 0x1F80;

    private static final int BEFORE = IE | DE | ZE;

    private Mxcsr() { }

    /** Begins an instruction. */
    static void begin(Cpu c) {
        c.r[Cpu.T2] = 0;
    }

    /** Notes exceptions. */
    static void note(Cpu c, int exceptions) {
        c.r[Cpu.T2] |= exceptions;
    }

    /** {@return the rounding mode} */
    static int rounding(Cpu c) {
        return c.mxcsr >> RC_SHIFT & 3;
    }

    /** {@return whether an exception is masked} */
    static boolean masked(Cpu c, int exception) {
        return (c.mxcsr & exception << MASK_SHIFT) != 0;
    }

    /** Sets the flags of what was noted; throws #XM, or #UD where the system has not asked for it, when any of it is unmasked. */
    static void commit(Cpu c, Uop u) {
        if (c.r[Cpu.T2] != 0) {
            take(c, u, (int) c.r[Cpu.T2]);
        }
    }

    private static void take(Cpu c, Uop u, int noted) {
        int exceptions = noted;
        int unmasked = exceptions & ~(c.mxcsr >> MASK_SHIFT);
        if ((unmasked & BEFORE) != 0) {
            // Found before any result was computed, so nothing is known of those that follow from results.
            exceptions &= BEFORE;
        }
        c.mxcsr |= exceptions;
        if (unmasked != 0) {
            throw c.fault((c.cr4 & Cpu.CR4_OSXMMEXCPT) != 0 ? Cpu.XM : Cpu.UD, Cpu.NO_ERROR, u);
        }
    }
}
