package dev.jvisor.vmm.x86.fpu;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.cpu.X87Errors;

/** x87 control instructions: control and status words, environment, whole state, initialization. */
final class X87Control {
    private X87Control() { }

    /** FWAIT: unlike the others it heeds CR0.TS only together with MP, and not EM. */
    static void fwait(Cpu c, Uop u) {
        long both = Cpu.CR0_MP | Cpu.CR0_TS;
        if ((c.cr0 & both) == both) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
        X87Errors.heed(c, u);
    }

    /** FNOP. */
    static void nop(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
    }

    /** FNENI, FNDISI, FNSETPM: nothing since the 387. */
    static void oldNop(Cpu c, Uop u) {
        X87Stack.available(c, u);
    }

    /** FNINIT. */
    static void init(Cpu c, Uop u) {
        X87Stack.available(c, u);
        reset(c);
    }

    private static void reset(Cpu c) {
        c.fcw = 0x37F;
        c.fsw = 0;
        c.fpTop = 0;
        c.fpUsed = 0;
        c.fop = 0;
        c.fip = 0;
        c.fdp = 0;
        c.x87Errors.changed();
    }

    /** FNCLEX. */
    static void clearExceptions(Cpu c, Uop u) {
        X87Stack.available(c, u);
        c.fsw &= ~(0xFF | X87Stack.PENDING);
        c.x87Errors.changed();
    }

    /** FLDCW. */
    static void loadControl(Cpu c, Uop u) {
        X87Stack.available(c, u);
        X87Errors.heed(c, u);
        setControl(c, (int) c.ld16(c.r[Cpu.TA], u));
    }

    private static void setControl(Cpu c, int value) {
        // Bit 6 reads as 1, bits 7 and 13 to 15 as 0.
        c.fcw = value & 0x1F3F | 0x40;
        X87Stack.refreshSummary(c);
    }

    /** FNSTCW. */
    static void storeControl(Cpu c, Uop u) {
        X87Stack.available(c, u);
        c.st16(c.r[Cpu.TA], c.fcw, u);
    }

    /** FNSTSW m16. */
    static void storeStatus(Cpu c, Uop u) {
        X87Stack.available(c, u);
        c.st16(c.r[Cpu.TA], X87Stack.statusWord(c), u);
    }

    /** FNSTSW AX. */
    static void storeStatusAx(Cpu c, Uop u) {
        X87Stack.available(c, u);
        c.r[Cpu.RAX] = c.r[Cpu.RAX] & ~0xFFFFL | X87Stack.statusWord(c);
    }

    /** FINCSTP and FDECSTP: {@code u.d} = 1 or 7. */
    static void turn(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        c.fpTop = c.fpTop + u.d & 7;
        c.fsw &= ~X87Stack.C1;
    }

    /** FFREE, and FFREEP with {@code u.d} = 1. */
    static void free(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        c.fpUsed &= ~(1 << X87Stack.st(c, u.b));
        c.fsw &= ~X87Stack.C1;
        if (u.d != 0) {
            X87Stack.pop(c);
        }
    }

    /** FNSTENV; {@code u.a} is the operand size, 2 or 4. */
    static void storeEnvironment(Cpu c, Uop u) {
        X87Stack.available(c, u);
        long at = c.r[Cpu.TA];
        boolean aligning = c.checks.suspendAlignment(at, u.a, u);
        try {
            c.hostForWrite(at, u.a == 2 ? 14 : 28, u);
            environment(c, u, at);
        } finally {
            c.checks.resumeAlignment(aligning);
        }
        // All exceptions are masked afterwards.
        c.fcw |= 63;
        X87Stack.refreshSummary(c);
    }

    private static void environment(Cpu c, Uop u, long at) {
        boolean real = (c.mode & Cpu.MODE_REAL) != 0;
        if (u.a == 2) {
            c.st16(at, c.fcw, u);
            c.st16(at + 2, X87Stack.statusWord(c), u);
            c.st16(at + 4, X87Stack.tagWord(c), u);
            c.st16(at + 6, c.fip, u);
            c.st16(at + 8, real ? (c.fip >>> 16 & 15) << 12 | c.fop & 0x7FF : 0, u);
            c.st16(at + 10, c.fdp, u);
            c.st16(at + 12, real ? (c.fdp >>> 16 & 15) << 12 : 0, u);
        } else {
            c.st32(at, 0xFFFF0000L | c.fcw, u);
            c.st32(at + 4, 0xFFFF0000L | X87Stack.statusWord(c), u);
            c.st32(at + 8, 0xFFFF0000L | X87Stack.tagWord(c), u);
            if (real) {
                c.st32(at + 12, 0xFFFF0000L | c.fip & 0xFFFF, u);
                c.st32(at + 16, (c.fip >>> 16 & 0xFFFF) << 12 | c.fop & 0x7FF, u);
                c.st32(at + 20, 0xFFFF0000L | c.fdp & 0xFFFF, u);
                c.st32(at + 24, (c.fdp >>> 16 & 0xFFFF) << 12, u);
            } else {
                c.st32(at + 12, c.fip, u);
                c.st32(at + 16, (c.fop & 0x7FFL) << 16, u);
                c.st32(at + 20, c.fdp, u);
                c.st32(at + 24, 0xFFFF0000L, u);
            }
        }
    }

    /** FLDENV. */
    static void loadEnvironment(Cpu c, Uop u) {
        X87Stack.available(c, u);
        X87Errors.heed(c, u);
        boolean aligning = c.checks.suspendAlignment(c.r[Cpu.TA], u.a, u);
        try {
            // Everything is touched before anything is changed, the two bytes at its end included that are not used.
            c.hostForRead(c.r[Cpu.TA], u.a == 2 ? 14 : 28, u);
            readEnvironment(c, u, c.r[Cpu.TA]);
        } finally {
            c.checks.resumeAlignment(aligning);
        }
    }

    private static void readEnvironment(Cpu c, Uop u, long at) {
        int step = u.a == 2 ? 2 : 4;
        int control = (int) c.ld16(at, u);
        int status = (int) c.ld16(at + step, u);
        int tags = (int) c.ld16(at + 2 * step, u);
        long ip = step == 2 ? c.ld16(at + 6, u) : c.ld32(at + 12, u);
        long code = step == 2 ? c.ld16(at + 8, u) : c.ld32(at + 16, u);
        long dp = step == 2 ? c.ld16(at + 10, u) : c.ld32(at + 20, u);
        boolean real = (c.mode & Cpu.MODE_REAL) != 0;
        c.fip = ip;
        c.fdp = dp;
        c.fop = (int) (step == 4 && !real ? code >>> 16 : code) & 0x7FF;
        c.fpTop = status >> 11 & 7;
        c.fsw = status & ~0x3800;
        int used = 0;
        for (int p = 0; p < 8; p++) {
            if ((tags >> 2 * p & 3) != 3) {
                used |= 1 << p;
            }
        }
        c.fpUsed = used;
        setControl(c, control);
    }

    /** FNSAVE: environment, then ST(0) to ST(7), then initialization. */
    static void save(Cpu c, Uop u) {
        X87Stack.available(c, u);
        long at = c.r[Cpu.TA];
        int head = u.a == 2 ? 14 : 28;
        boolean aligning = c.checks.suspendAlignment(at, u.a, u);
        try {
            c.hostForWrite(at, head + 80, u);
            environment(c, u, at);
            for (int i = 0; i < 8; i++) {
                int p = X87Stack.st(c, i);
                c.st64(at + head + 10L * i, c.fpMant[p], u);
                c.st16(at + head + 10L * i + 8, c.fpExp[p], u);
            }
        } finally {
            c.checks.resumeAlignment(aligning);
        }
        reset(c);
    }

    /** FRSTOR. */
    static void restore(Cpu c, Uop u) {
        X87Stack.available(c, u);
        X87Errors.heed(c, u);
        long at = c.r[Cpu.TA];
        int head = u.a == 2 ? 14 : 28;
        boolean aligning = c.checks.suspendAlignment(at, u.a, u);
        try {
            // Everything is touched before anything is changed.
            c.hostForRead(at, head + 80, u);
            readEnvironment(c, u, at);
            for (int i = 0; i < 8; i++) {
                int p = X87Stack.st(c, i);
                c.fpMant[p] = c.ld64(at + head + 10L * i, u);
                c.fpExp[p] = (int) c.ld16(at + head + 10L * i + 8, u);
            }
        } finally {
            c.checks.resumeAlignment(aligning);
        }
    }
}
