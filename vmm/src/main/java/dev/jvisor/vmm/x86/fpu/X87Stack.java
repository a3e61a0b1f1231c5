package dev.jvisor.vmm.x86.fpu;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.cpu.X87Errors;
import dev.jvisor.vmm.x86.softfloat.F80;

/** The x87 register stack, its status word, and the two ways in which an x87 instruction can be refused (Intel SDM 1, chapter 8). */
final class X87Stack {
    static final int C0 = 0x100;
    static final int C1 = 0x200;
    static final int C2 = 0x400;
    static final int C3 = 0x4000;
    static final int CONDITIONS = C0 | C1 | C2 | C3;
    static final int STACK_FAULT = 0x40;
    /** Error summary and busy: an unmasked exception waits for the next x87 instruction. */
    static final int PENDING = 0x8080;
    private static final int BEFORE = F80.IE | F80.DE | F80.ZE;

    private X87Stack() { }

    /** Checks of an instruction that waits for earlier exceptions and has no operand in memory. */
    static void waiting(Cpu c, Uop u) {
        waitingForMemory(c, u);
        c.fip = u.ip;
        c.fop = (int) u.imm;
    }

    /** Checks of an instruction that waits and has an operand in memory: {@link #accessed} is to follow once that cannot fault any more. */
    static void waitingForMemory(Cpu c, Uop u) {
        available(c, u);
        X87Errors.heed(c, u);
    }

    /** Notes the instruction and its operand at {@code r[TA]} in the pointers: that of data is the offset in its segment (SDM 1, 8.1.8). */
    static void accessed(Cpu c, Uop u) {
        c.fip = u.ip;
        c.fop = (int) u.imm;
        long at = c.r[Cpu.TA];
        if (!c.long64()) {
            c.fdp = at - c.segBase[u.seg] & 0xFFFF_FFFFL;
        } else {
            c.fdp = u.seg >= Cpu.FS ? at - c.segBase[u.seg] : at;
        }
    }

    /** Checks of an instruction that does not wait. */
    static void available(Cpu c, Uop u) {
        if ((c.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) != 0) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
    }

    /** {@return the physical register behind ST(i)} */
    static int st(Cpu c, int i) {
        return c.fpTop + i & 7;
    }

    static boolean empty(Cpu c, int i) {
        return (c.fpUsed & 1 << st(c, i)) == 0;
    }

    static void put(Cpu c, int i, long mant, int se) {
        int p = st(c, i);
        c.fpMant[p] = mant;
        c.fpExp[p] = se;
        c.fpUsed |= 1 << p;
    }

    static void pop(Cpu c) {
        c.fpUsed &= ~(1 << c.fpTop);
        c.fpTop = c.fpTop + 1 & 7;
    }

    /** Notes a stack fault and makes the default answer the result. @param overflow a push onto a full stack, else an empty register read */
    static void stackFault(Cpu c, boolean overflow) {
        F80 f = c.f80;
        f.flags |= F80.IE | STACK_FAULT;
        f.roundedUp = overflow;
        f.mant = F80.INDEFINITE;
        f.se = F80.INDEFINITE_SE;
    }

    /**
     * Moves the exceptions of the instruction into the status word.
     *
     * @return whether its result may be stored: no unmasked invalid, denormal or zero-divide
     */
    static boolean commit(Cpu c) {
        F80 f = c.f80;
        int flags = f.flags;
        int unmasked = flags & ~c.fcw & 63;
        boolean roundedUp = f.roundedUp;
        if ((unmasked & BEFORE) != 0) {
            // Found before any result was computed: nothing is known of what follows from results. C1 still tells stack faults apart.
            flags &= BEFORE | STACK_FAULT;
            roundedUp &= (flags & STACK_FAULT) != 0;
        }
        c.fsw = c.fsw & ~C1 | flags | (roundedUp ? C1 : 0);
        if (unmasked != 0) {
            c.fsw |= PENDING;
        }
        return (unmasked & BEFORE) == 0;
    }

    /** {@link #commit} for an instruction that leaves C1 alone but for a stack fault, as processors do with FCOMI and FCMOV. */
    static boolean commitKeepingC1(Cpu c) {
        int c1 = (c.f80.flags & STACK_FAULT) != 0 ? 0 : c.fsw & C1;
        boolean store = commit(c);
        c.fsw = c.fsw & ~C1 | c1;
        return store;
    }

    /** {@return whether the flags gathered so far forbid a store, without committing them} */
    static boolean refused(Cpu c) {
        return (c.f80.flags & ~c.fcw & BEFORE) != 0;
    }

    static void push(Cpu c) {
        F80 f = c.f80;
        if ((c.fpUsed & 1 << (c.fpTop - 1 & 7)) != 0 && (f.flags & STACK_FAULT) == 0) {
            // An operand that is not used has not been denormal either.
            f.flags &= ~F80.DE;
            stackFault(c, true);
        }
        if (commit(c)) {
            c.fpTop = c.fpTop - 1 & 7;
            put(c, 0, f.mant, f.se);
        }
    }

    /** {@return the status word with TOP} */
    static int statusWord(Cpu c) {
        return c.fsw & ~0x3800 | c.fpTop << 11;
    }

    /** Recomputes the error summary after a change of masks or flags. */
    static void refreshSummary(Cpu c) {
        if ((c.fsw & ~c.fcw & 63) != 0) {
            c.fsw |= PENDING;
        } else {
            c.fsw &= ~PENDING;
            c.x87Errors.changed();
        }
    }

    /** {@return the full tag word: two bits a physical register} */
    static int tagWord(Cpu c) {
        int tags = 0;
        for (int p = 0; p < 8; p++) {
            int tag;
            if ((c.fpUsed & 1 << p) == 0) {
                tag = 3;
            } else if (F80.zero(c.fpMant[p], c.fpExp[p])) {
                tag = 1;
            } else {
                int e = c.fpExp[p] & 0x7FFF;
                tag = e == 0 || e == 0x7FFF || c.fpMant[p] >= 0 ? 2 : 0;
            }
            tags |= tag << 2 * p;
        }
        return tags;
    }
}
