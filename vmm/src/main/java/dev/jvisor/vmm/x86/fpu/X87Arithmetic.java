package dev.jvisor.vmm.x86.fpu;

import static dev.jvisor.vmm.x86.fpu.X87Stack.C0;
import static dev.jvisor.vmm.x86.fpu.X87Stack.C1;
import static dev.jvisor.vmm.x86.fpu.X87Stack.C2;
import static dev.jvisor.vmm.x86.fpu.X87Stack.C3;
import static dev.jvisor.vmm.x86.fpu.X87Stack.CONDITIONS;
import static dev.jvisor.vmm.x86.fpu.X87Stack.st;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.softfloat.F80;
import dev.jvisor.vmm.x86.softfloat.Transcendental;

/** x87 arithmetic, comparison and transcendental instructions. */
final class X87Arithmetic {
    /** Operations, in {@code u.d}: as the opcode's reg field encodes them. */
    static final int ADD = 0, MUL = 1, COM = 2, COMP = 3, SUB = 4, SUBR = 5, DIV = 6, DIVR = 7;
    /** Where the other operand is, in {@code u.a}. */
    static final int REGISTER = 0, M32 = 1, M64 = 2, I32 = 3, I16 = 4;
    /** Bits of {@code u.scale}. */
    static final int TO_STI = 1, POP = 2;

    private X87Arithmetic() { }

    /** Loads the memory operand of kind {@code u.a} into the unit. */
    static void loadOperand(Cpu c, Uop u) {
        F80 f = c.f80;
        f.begin(c.fcw);
        long at = c.r[Cpu.TA];
        switch (u.a) {
            case M32 -> f.fromSingle((int) c.ld32(at, u));
            case M64 -> f.fromDouble(c.ld64(at, u));
            case I32 -> f.fromLong((int) c.ld32(at, u));
            default -> f.fromLong((short) c.ld16(at, u));
        }
        X87Stack.accessed(c, u);
    }

    /** Add, subtract, multiply, divide, compare of ST(0) with memory. */
    static void memory(Cpu c, Uop u) {
        X87Stack.waitingForMemory(c, u);
        loadOperand(c, u);
        F80 f = c.f80;
        long m = f.mant;
        int se = f.se;
        int denormal = f.flags;
        f.flags = 0;
        if (u.d == COM || u.d == COMP) {
            compare(c, m, se, X87Stack.empty(c, 0), false, denormal, u.d == COMP ? 1 : 0);
            return;
        }
        if (X87Stack.empty(c, 0)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = c.fpTop;
            operate(f, u.d, c.fpMant[p], c.fpExp[p], m, se);
            // An operand that was denormal in memory counts unless it was not used: NaNs, invalid operations and divisions by zero come first.
            if ((f.flags & (F80.IE | F80.ZE)) == 0 && !F80.nan(f.mant, f.se)) {
                f.flags |= denormal;
            }
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }

    /** Add, subtract, multiply, divide of ST(0) and ST(i), in {@code u.b}. */
    static void register(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        int i = u.b;
        boolean toSti = (u.scale & TO_STI) != 0;
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, i)) {
            X87Stack.stackFault(c, false);
        } else {
            int p0 = c.fpTop;
            int pi = st(c, i);
            if (toSti) {
                operate(f, u.d, c.fpMant[pi], c.fpExp[pi], c.fpMant[p0], c.fpExp[p0]);
            } else {
                operate(f, u.d, c.fpMant[p0], c.fpExp[p0], c.fpMant[pi], c.fpExp[pi]);
            }
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, toSti ? i : 0, f.mant, f.se);
            if ((u.scale & POP) != 0) {
                X87Stack.pop(c);
            }
        }
    }

    private static void operate(F80 f, int op, long am, int ase, long bm, int bse) {
        switch (op) {
            case ADD -> f.add(am, ase, bm, bse);
            case MUL -> f.mul(am, ase, bm, bse);
            case SUB -> f.sub(am, ase, bm, bse);
            case SUBR -> f.sub(bm, bse, am, ase);
            case DIV -> f.div(am, ase, bm, bse);
            default -> f.div(bm, bse, am, ase);
        }
    }

    private static void compare(Cpu c, long m, int se, boolean stackEmpty, boolean quiet, int extraFlags, int pops) {
        F80 f = c.f80;
        f.flags = 0;
        f.roundedUp = false;
        int order = 2;
        if (stackEmpty) {
            X87Stack.stackFault(c, false);
        } else {
            order = f.compare(c.fpMant[c.fpTop], c.fpExp[c.fpTop], m, se, quiet);
            if (order != 2) {
                f.flags |= extraFlags;
            }
        }
        boolean store = X87Stack.commit(c);
        c.fsw = c.fsw & ~(C0 | C2 | C3) | switch (order) {
            case -1 -> C0;
            case 0 -> C3;
            case 1 -> 0;
            default -> C0 | C2 | C3;
        };
        if (store) {
            for (int k = 0; k < pops; k++) {
                X87Stack.pop(c);
            }
        }
    }

    /** FCOM, FCOMP, FCOMPP, FUCOM...: {@code u.b} = i, {@code u.a} = 1 for FUCOM, {@code u.d} = number of pops. */
    static void compareRegister(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        c.f80.begin(c.fcw);
        int p = st(c, u.b);
        compare(c, c.fpMant[p], c.fpExp[p], X87Stack.empty(c, 0) || X87Stack.empty(c, u.b), u.a != 0, 0, u.d);
    }

    /** FCOMI, FUCOMI and their popping forms: result into RFLAGS; operands as {@link #compareRegister}. */
    static void compareToFlags(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        int order = 2;
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, u.b)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = st(c, u.b);
            order = f.compare(c.fpMant[c.fpTop], c.fpExp[c.fpTop], c.fpMant[p], c.fpExp[p], u.a != 0);
        }
        boolean store = X87Stack.commitKeepingC1(c);
        Flags.setStatus(c, switch (order) {
            case -1 -> Flags.CF;
            case 0 -> Flags.ZF;
            case 1 -> 0;
            default -> Flags.CF | Flags.PF | Flags.ZF;
        });
        if (store && u.d != 0) {
            X87Stack.pop(c);
        }
    }

    /** FTST. */
    static void test(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        c.f80.begin(c.fcw);
        compare(c, 0, 0, X87Stack.empty(c, 0), false, 0, 0);
    }

    /** FXAM. */
    static void examine(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        int p = c.fpTop;
        long m = c.fpMant[p];
        int se = c.fpExp[p];
        int e = se & 0x7FFF;
        int answer;
        if (X87Stack.empty(c, 0)) {
            answer = C0 | C3;
        } else if (e == 0x7FFF) {
            answer = m >= 0 ? 0 : m << 1 == 0 ? C0 | C2 : C0;
        } else if (e == 0) {
            answer = m == 0 ? C3 : C2 | C3;
        } else {
            answer = m >= 0 ? 0 : C2;
        }
        c.fsw = c.fsw & ~CONDITIONS | answer | ((se & 0x8000) != 0 ? C1 : 0);
    }

    /** FCHS, FABS: {@code u.d} = 0 or 1. */
    static void sign(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0)) {
            X87Stack.stackFault(c, false);
        } else {
            f.mant = c.fpMant[c.fpTop];
            int se = c.fpExp[c.fpTop];
            f.se = u.d == 0 ? se ^ 0x8000 : se & 0x7FFF;
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }

    /** One-operand instructions, in {@code u.d}: the last three bits and map of D9 E0-FF as named below. */
    static final int SQRT = 0, RNDINT = 1, F2XM1 = 2, SIN = 3, COS = 4;

    /** FSQRT, FRNDINT, F2XM1, FSIN, FCOS. */
    static void unary(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0)) {
            X87Stack.stackFault(c, false);
        } else {
            long m = c.fpMant[c.fpTop];
            int se = c.fpExp[c.fpTop];
            switch (u.d) {
                case SQRT -> f.sqrt(m, se);
                case RNDINT -> f.roundToInt(m, se);
                default -> {
                    f.fullPrecision();
                    if (u.d != F2XM1 && !settled(f, m, se) && Transcendental.outOfRange(se)) {
                        c.fsw = c.fsw & ~(C1 | C2) | C2;
                        return;
                    }
                    transcendental(f, u.d, m, se);
                }
            }
        }
        if (u.d == SIN || u.d == COS) {
            c.fsw &= ~C2;
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }

    /** {@return whether NaN, infinity or zero decide the answer of a one-operand function} */
    private static boolean settled(F80 f, long m, int se) {
        return F80.unsupported(m, se) || F80.nan(m, se) || F80.infinite(m, se) || F80.zero(m, se);
    }

    private static void transcendental(F80 f, int op, long m, int se) {
        if (F80.unsupported(m, se) || F80.infinite(m, se) && op != F2XM1) {
            f.invalid();
            return;
        }
        if (F80.nan(m, se)) {
            f.add(m, se, m, se);
            return;
        }
        if (F80.infinite(m, se)) {
            f.mant = F80.ONE;
            f.se = (se & 0x8000) != 0 ? 0x8000 | F80.BIAS : se;
            return;
        }
        if (m == 0) {
            f.mant = op == COS ? F80.ONE : 0;
            f.se = op == COS ? F80.BIAS : se;
            return;
        }
        if (F80.denormal(m, se)) {
            f.flags |= F80.DE;
        }
        f.flags |= F80.PE;
        switch (op) {
            case F2XM1 -> Transcendental.f2xm1(f, m, se);
            case SIN -> Transcendental.fsin(f, m, se);
            default -> Transcendental.fcos(f, m, se);
        }
    }

    /** FPTAN and FSINCOS ({@code u.d} = 0, 1): two results. */
    static void twoResults(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        f.fullPrecision();
        long m = c.fpMant[c.fpTop];
        int se = c.fpExp[c.fpTop];
        boolean overflow = !X87Stack.empty(c, 0) && (c.fpUsed & 1 << (c.fpTop - 1 & 7)) != 0;
        if (X87Stack.empty(c, 0) || overflow) {
            X87Stack.stackFault(c, overflow);
            store2(c, f.mant, f.se, f.mant, f.se);
            return;
        }
        if (!settled(f, m, se) && Transcendental.outOfRange(se)) {
            c.fsw = c.fsw & ~(C1 | C2) | C2;
            return;
        }
        c.fsw &= ~C2;
        if (F80.unsupported(m, se) || F80.infinite(m, se) || F80.nan(m, se)) {
            transcendental(f, SIN, m, se);
            store2(c, f.mant, f.se, f.mant, f.se);
            return;
        }
        if (m == 0) {
            store2(c, m, se, F80.ONE, F80.BIAS);
            return;
        }
        if (u.d == 0) {
            if (F80.denormal(m, se)) {
                f.flags |= F80.DE;
            }
            f.flags |= F80.PE;
            Transcendental.fptan(f, m, se);
            store2(c, f.mant, f.se, F80.ONE, F80.BIAS);
        } else {
            transcendental(f, COS, m, se);
            long cm = f.mant;
            int cse = f.se;
            transcendental(f, SIN, m, se);
            store2(c, f.mant, f.se, cm, cse);
        }
    }

    private static void store2(Cpu c, long m0, int se0, long m1, int se1) {
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 0, m0, se0);
            c.fpTop = c.fpTop - 1 & 7;
            X87Stack.put(c, 0, m1, se1);
        }
    }

    /** Operations of {@link #binary}, in {@code u.d}. */
    static final int YL2X = 0, PATAN = 1, YL2XP1 = 2;

    /** FYL2X, FPATAN, FYL2XP1: ST(1) op ST(0) into ST(1), then pop. */
    static void binary(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        f.fullPrecision();
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, 1)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = c.fpTop;
            int q = st(c, 1);
            long xm = c.fpMant[p];
            int xse = c.fpExp[p];
            long ym = c.fpMant[q];
            int yse = c.fpExp[q];
            if (F80.unsupported(xm, xse) || F80.unsupported(ym, yse) || F80.nan(xm, xse) || F80.nan(ym, yse)) {
                f.add(ym, yse, xm, xse);
            } else {
                if (F80.denormal(xm, xse) || F80.denormal(ym, yse)) {
                    f.flags |= F80.DE;
                }
                switch (u.d) {
                    case YL2X -> logarithm(f, xm, xse, ym, yse);
                    case PATAN -> {
                        Transcendental.fpatan(f, ym, yse, xm, xse);
                        if (f.mant != 0) {
                            f.flags |= F80.PE;
                        }
                    }
                    default -> logarithmPlus1(f, xm, xse, ym, yse);
                }
            }
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 1, f.mant, f.se);
            X87Stack.pop(c);
        }
    }

    private static void logarithm(F80 f, long xm, int xse, long ym, int yse) {
        boolean yInf = F80.infinite(ym, yse);
        boolean xInf = F80.infinite(xm, xse);
        int sign = yse & 0x8000;
        if ((xse & 0x8000) != 0 && xm != 0) {
            f.invalid();
        } else if (xm == 0) {
            if (ym == 0) {
                f.invalid();
            } else {
                if (!yInf) {
                    f.flags |= F80.ZE;
                }
                f.mant = F80.ONE;
                f.se = sign ^ 0xFFFF;
            }
        } else if (xInf) {
            if (ym == 0) {
                f.invalid();
            } else {
                f.mant = F80.ONE;
                f.se = sign | 0x7FFF;
            }
        } else {
            boolean one = xm == F80.ONE && xse == F80.BIAS;
            if (one && yInf) {
                f.invalid();
                return;
            }
            boolean below = (xse & 0x7FFF) < F80.BIAS;
            if (yInf || ym == 0) {
                f.mant = ym;
                f.se = below ? yse ^ 0x8000 : yse;
                return;
            }
            if (!one) {
                f.flags |= xm == F80.ONE ? 0 : F80.PE;
            }
            Transcendental.fyl2x(f, xm, xse, ym, yse);
        }
    }

    private static void logarithmPlus1(F80 f, long xm, int xse, long ym, int yse) {
        if (F80.infinite(xm, xse) && ((xse & 0x8000) != 0 || ym == 0) || F80.infinite(ym, yse) && xm == 0) {
            f.invalid();
        } else if (xm == 0 || ym == 0) {
            f.mant = 0;
            f.se = (xse ^ yse) & 0x8000;
        } else if (F80.infinite(ym, yse) || F80.infinite(xm, xse)) {
            f.mant = F80.ONE;
            f.se = (xse ^ yse) & 0x8000 | 0x7FFF;
        } else if ((xse & 0x8000) != 0 && (xse & 0x7FFF) >= F80.BIAS) {
            f.invalid();
        } else {
            f.flags |= F80.PE;
            Transcendental.fyl2xp1(f, xm, xse, ym, yse);
        }
    }

    /** FPREM and FPREM1 ({@code u.d} = 0, 1). */
    static void remainder(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        int q = -2;
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, 1)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = c.fpTop;
            int p1 = st(c, 1);
            q = f.remainder(c.fpMant[p], c.fpExp[p], c.fpMant[p1], c.fpExp[p1], u.d != 0);
        }
        boolean store = X87Stack.commit(c);
        // Without a quotient C0 and C3 stay.
        c.fsw &= ~(C1 | C2);
        if (store) {
            if (q == -1) {
                c.fsw = c.fsw & ~CONDITIONS | C2;
            } else if (q >= 0) {
                c.fsw = c.fsw & ~CONDITIONS | ((q & 1) != 0 ? C1 : 0) | ((q & 2) != 0 ? C3 : 0) | ((q & 4) != 0 ? C0 : 0);
            }
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }

    /** FSCALE. */
    static void scale(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        if (X87Stack.empty(c, 0) || X87Stack.empty(c, 1)) {
            X87Stack.stackFault(c, false);
        } else {
            int p = c.fpTop;
            int p1 = st(c, 1);
            f.scale(c.fpMant[p], c.fpExp[p], c.fpMant[p1], c.fpExp[p1]);
        }
        if (X87Stack.commit(c)) {
            X87Stack.put(c, 0, f.mant, f.se);
        }
    }

    /** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
    static void extract(Cpu c, Uop u) {
        X87Stack.waiting(c, u);
        F80 f = c.f80;
        f.begin(c.fcw);
        long m = c.fpMant[c.fpTop];
        int se = c.fpExp[c.fpTop];
        boolean overflow = !X87Stack.empty(c, 0) && (c.fpUsed & 1 << (c.fpTop - 1 & 7)) != 0;
        if (X87Stack.empty(c, 0) || overflow) {
            X87Stack.stackFault(c, overflow);
            store2(c, f.mant, f.se, f.mant, f.se);
        } else if (F80.unsupported(m, se) || F80.nan(m, se)) {
            f.add(m, se, m, se);
            store2(c, f.mant, f.se, f.mant, f.se);
        } else if (F80.infinite(m, se)) {
            store2(c, F80.ONE, 0x7FFF, m, se);
        } else if (m == 0) {
            f.flags |= F80.ZE;
            store2(c, F80.ONE, 0xFFFF, m, se);
        } else {
            if (F80.denormal(m, se)) {
                f.flags |= F80.DE;
            }
            int lead = Long.numberOfLeadingZeros(m);
            int e = ((se & 0x7FFF) == 0 ? 1 - lead : se & 0x7FFF) - F80.BIAS;
            f.fromLong(e);
            store2(c, f.mant, f.se, m << lead, se & 0x8000 | F80.BIAS);
        }
    }
}
