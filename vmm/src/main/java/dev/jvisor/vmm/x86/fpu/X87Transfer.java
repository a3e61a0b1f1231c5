package dev.jvisor.vmm.x86.fpu;

import static dev.jvisor.vmm.x86.fpu.X87Stack.C1;
import static dev.jvisor.vmm.x86.fpu.X87Stack.st;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.softfloat.F80;

/** x87 loads, stores, constants, exchanges and conditional moves. */
final class X87Transfer {
    /** Operand kinds in {@code u.a}, beyond those of {@link X87Arithmetic}. */
    static final int I64 = 5, M80 = 6, BCD = 7;
    /** {@code u.scale} bits of a store. */
    static final int POP = 1, TRUNCATE = 2;

    /** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: significands, truncated to 64 bits. */
    private static final long[] CONSTANT = {0x8000_0000_0000_0000L, 0xD49A_784B_CD1B_8AFEL, 0xB8AA_3B29_5C17_F0BBL, 0xC90F_DAA2_2168_C234L,
            0x9A20_9A84_FBCF_F798L, 0xB172_17F7_D1CF_79ABL, 0};
    private static final int[] CONSTANT_EXP = {0x3FFF, 0x4000, 0x3FFF, 0x4000, 0x3FFD, 0x3FFE, 0};
    /** Whether the true value lies above the midpoint of the truncated significand and its successor. */
    private static final boolean[] CONSTANT_HIGH = {false, false, true, true, true, true, false};

    private X87Transfer() { }

    /** FLD, FILD from memory of kind {@code u.a}. */
    static void load(Cpu c, Uop u) {
        X87Stack.waitingForMemory(c, u);
        F80 f = c.f80;
        long at = c.r[Cpu.TA];
        switch (u.a) {
            case I64 -> {
                f.begin(c.fcw);
                f.fromLong(c.ld64(at, u));
            }
            case M80 -> {
                f.begin(c.fcw);
                long m = c.ld64(at, u);
                f.se = (int) c.ld16(at + 8, u);
                f.mant = m;
            }
            case BCD -> {
                f.begin(c.fcw);
                loadBcd(c, u, at);
            }
            default -> {
                X87Arithmetic.loadOperand(c, u);
                f.load();
            }
        }
        X87Stack.accessed(c, u);
        X87Stack.push(c);
    }

    private static void loadBcd(Cpu c, Uop u, long at) {
        long low = c.ld64(at, u);
        int high = (int) c.ld16(at + 8, u);
        long v = 0;
        for (int k = 7; k >= 0; k--) {
            int b = (int) (low >>> 8 * k) & 0xFF;
            if (k == 7) {
                int top = high & 0xFF;
                v = (top >> 4) * 10 + (top & 15);
            }
            v = v * 100 + (b >> 4) * 10 + (b & 15);
        }
        c.f80.fromLong(v);
        c.f80.se |= high & 0x8000;
    }

    /** FLD ST(i). */
    static void loadRegister(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, u.b)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = st(c, u.b);
            f.mant = c.fpMant[p];
            f.se = c.fpExp[p];
        }
        X87Stack.push(c);
    }

    /** FLD1 and its like, number in {@code u.d}. */
    static void constant(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        int rounding = c.fcw >> 10 & 3;
        boolean exact = u.d == 0 || u.d == 6;
        boolean up = !exact && (rounding == F80.UP || rounding == F80.NEAREST && CONSTANT_HIGH[u.d]);
        f.mant = CONSTANT[u.d] + (up ? 1 : 0);
        f.se = CONSTANT_EXP[u.d];
        X87Stack.push(c);
    }

    /** FST, FSTP, FIST, FISTP, FISTTP to memory of kind {@code u.a}. */
    static void store(Cpu c, Uop u) {
        X87Stack.waitingForMemory(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        long at = c.r[Cpu.TA];
        long m = c.fpMant[c.fpTop];
        int se = c.fpExp[c.fpTop];
        if (X87Stack.empty(c, 0)) {
            X87Stack.stackFault(c, false);
            m = f.mant;
            se = f.se;
        }
        int stack = f.flags;
        boolean storable = true;
        boolean truncate = (u.scale & TRUNCATE) != 0;
        switch (u.a) {
            case X87Arithmetic.M32 -> storable = f.toSingle(m, se);
            case X87Arithmetic.M64 -> storable = f.toDouble(m, se);
            case X87Arithmetic.I16 -> f.toInteger(m, se, 16, truncate);
            case X87Arithmetic.I32 -> f.toInteger(m, se, 32, truncate);
            case I64 -> f.toInteger(m, se, 64, truncate);
            default -> { }
        }
        f.flags |= stack;
        storable &= !X87Stack.refused(c);
        if (storable) {
            switch (u.a) {
                case X87Arithmetic.M32, X87Arithmetic.I32 -> c.st32(at, f.bits, u);
                case X87Arithmetic.I16 -> c.st16(at, f.bits, u);
                case M80 -> {
                    c.hostForWrite(at, 10, u);
                    c.st64(at, m, u);
                    c.st16(at + 8, se, u);
                }
                case BCD -> storeBcd(c, u, at, m, se);
                default -> c.st64(at, f.bits, u);
            }
            storable = !X87Stack.refused(c);
        } else {
            // A store that is refused still faults on its address first; nothing was rounded.
            f.roundedUp = false;
            c.hostForWrite(at, u.a == X87Arithmetic.I16 ? 2 : u.a == X87Arithmetic.M32 || u.a == X87Arithmetic.I32 ? 4 : 8, u);
        }
        X87Stack.accessed(c, u);
        X87Stack.commit(c);
        if (storable && (u.scale & POP) != 0) {
            X87Stack.pop(c);
        }
    }

    private static void storeBcd(Cpu c, Uop u, long at, long m, int se) {
        F80 f = c.f80;
        c.hostForWrite(at, 10, u);
        f.toInteger(m, se, 64, false);
        // Of -2^63 the magnitude is one only as an unsigned number.
        long magnitude = Math.abs(f.bits);
        if ((f.flags & F80.IE) != 0 || Long.compareUnsigned(magnitude, 999_999_999_999_999_999L) > 0) {
            f.flags = f.flags & ~F80.PE | F80.IE;
            f.roundedUp = false;
            if (!X87Stack.refused(c)) {
                c.st64(at, 0xC000_0000_0000_0000L, u);
                c.st16(at + 8, 0xFFFF, u);
            }
            return;
        }
        if (X87Stack.refused(c)) {
            return;
        }
        long low = 0;
        long v = magnitude;
        for (int k = 0; k < 16; k++) {
            low |= v % 10 << 4 * k;
            v /= 10;
        }
        long high = v % 10 | v / 10 << 4;
        c.st64(at, low, u);
        c.st16(at + 8, high | se & 0x8000, u);
    }

    /** FST ST(i), FSTP ST(i). */
    static void storeRegister(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0)) {
            X87Stack.stackFault(c, false);
        } else {
            f.mant = c.fpMant[c.fpTop];
            f.se = c.fpExp[c.fpTop];
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, u.b, f.mant, f.se);
            if ((u.scale & POP) != 0) {
                X87Stack.pop(c);
            }
        }
    }

    /** FSTP1, the undocumented D9 D8: like FSTP ST(i), but an empty register is moved as such. */
    static void storeQuietly(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        int from = c.fpTop;
        int to = st(c, u.b);
        c.fpMant[to] = c.fpMant[from];
        c.fpExp[to] = c.fpExp[from];
        c.fpUsed = c.fpUsed & ~(1 << to) | (c.fpUsed >> from & 1) << to;
        X87Stack.pop(c);
    }

    /** FXCH. */
    static void exchange(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, u.b)) {
            X87Stack.stackFault(c, false);
            if (!X87Stack.commit(c)) {
                return;
            }
            if (X87Stack.empty(c, 0)) {
                X87Stack.put(c, 0, f.mant, f.se);
            }
            if (X87Stack.empty(c, u.b)) {
                X87Stack.put(c, u.b, f.mant, f.se);
            }
        } else {
            c.fsw &= ~C1;
        }
        int p = c.fpTop;
        int q = st(c, u.b);
        long m = c.fpMant[p];
        int se = c.fpExp[p];
        c.fpMant[p] = c.fpMant[q];
        c.fpExp[p] = c.fpExp[q];
        c.fpMant[q] = m;
        c.fpExp[q] = se;
    }

    /** FCMOVcc: {@code u.b} = i, {@code u.d} = condition as Jcc encodes it. */
    static void conditional(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, u.b)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = Flags.test(c, u.d) ? st(c, u.b) : c.fpTop;
            f.mant = c.fpMant[p];
            f.se = c.fpExp[p];
        }
        if (X87Stack.commitKeepingC1(c)) {
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }
}
