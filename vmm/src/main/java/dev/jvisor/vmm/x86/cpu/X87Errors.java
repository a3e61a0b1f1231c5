package dev.jvisor.vmm.x86.cpu;

/**
 * How an unmasked x87 exception gets to the guest (Intel SDM 1, 8.7): as #MF when CR0.NE is set; else by the pins FERR# and IGNNE#, over a
 * chipset and IRQ 13 (SDM 1, appendix D; SDM 3A, 2.5).
 *
 * <p>FERR# is always deferred, of the two ways that manuals leave open: an exception is silent until the next instruction that heeds it, a
 * WAIT, x87 or MMX instruction other than the no-wait forms. That instruction asserts FERR#, and unless IGNNE# is active then the VP is frozen
 * before it: like one halted, but that it returns from the interrupt to that very instruction, which looks again. With CR0.NE set FERR# is never
 * asserted. It is released when no unmasked exception waits any more, by whatever instruction (FNCLEX, FNINIT, FNSAVE, a new control word
 * and so on). IGNNE# is sampled by such an instruction only, so that a VP already frozen notices it when an interrupt has woken it.
 */
public final class X87Errors {
    private static final int SUMMARY = 0x80;

    private final Cpu c;
    /** The chipset may hold FERR# for asserted. */
    private boolean asserted;

    X87Errors(Cpu c) {
        this.c = c;
    }

    /** To be asked by every instruction that heeds x87 exceptions, before it changes anything. Throws #MF, or freezes. */
    public static void heed(Cpu c, Uop u) {
        if ((c.fsw & SUMMARY) != 0) {
            c.x87Errors.report(u);
        }
    }

    private void report(Uop u) {
        if ((c.cr0 & Cpu.CR0_NE) != 0) {
            throw c.fault(Cpu.MF, Cpu.NO_ERROR, u);
        }
        asserted = true;
        if (!c.handler.coprocessorError(c.index)) {
            throw c.fault(Cpu.FREEZE, Cpu.NO_ERROR, u);
        }
    }

    /** The status word may have changed: releases FERR# when no unmasked exception waits. */
    public void changed() {
        if (asserted && (c.fsw & SUMMARY) == 0) {
            asserted = false;
            c.handler.coprocessorErrorOver(c.index);
        }
    }

    /** The VP's state was replaced: it is not known what the chipset has been told, so it is told again by the next {@link #changed}. */
    public void replaced() {
        asserted = true;
    }
}
