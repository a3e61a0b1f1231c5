package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.util.function.Supplier;

/** Floating-point arithmetic, SSE to SSE4.1. */
final class FloatOps {
    private static final long LOW = 0xFFFFFFFFL;

    /** An operation on two elements; a one-operand operation ignores the first. */
    @FunctionalInterface
    interface Binary {
        /** Computes on raw bits and notes exceptions in {@link Mxcsr}. */
        long apply(Cpu c, long a, long b);
    }

    private FloatOps() { }

    static void register(SimdTable s) {
        hot(s, "ADD", 0x58, FloatMath::addS, FloatMath::addD, AddSingle::new, AddDouble::new);
        hot(s, "MUL", 0x59, FloatMath::mulS, FloatMath::mulD, MulSingle::new, MulDouble::new);
        hot(s, "SUB", 0x5C, FloatMath::subS, FloatMath::subD, SubSingle::new, SubDouble::new);
        hot(s, "DIV", 0x5E, FloatMath::divS, FloatMath::divD, DivSingle::new, DivDouble::new);
        four(s, "SQRT", 0x51, FloatMath::sqrtS, FloatMath::sqrtD);
        four(s, "MIN", 0x5D, FloatMath::minS, FloatMath::minD);
        four(s, "MAX", 0x5F, FloatMath::maxS, FloatMath::maxD);
        s.xmm("RCPPS", M0F, NP, 0x53, 16, packedS((c, a, b) -> Approximation.reciprocal(b)));
        s.xmm("RCPSS", M0F, PF3, 0x53, 4, scalarS((c, a, b) -> Approximation.reciprocal(b)));
        s.xmm("RSQRTPS", M0F, NP, 0x52, 16, packedS((c, a, b) -> Approximation.reciprocalRoot(b)));
        s.xmm("RSQRTSS", M0F, PF3, 0x52, 4, scalarS((c, a, b) -> Approximation.reciprocalRoot(b)));
        pairs(s);
        dotProducts(s);
        round(s);
    }

    private static void four(SimdTable s, String name, int op, Binary single, Binary dbl) {
        packed(s, name, op, single, dbl);
        s.xmm(name + "SS", M0F, PF3, op, 4, scalarS(single));
        s.xmm(name + "SD", M0F, PF2, op, 8, scalarD(dbl));
    }

    private static void hot(SimdTable s, String name, int op, Binary single, Binary dbl, Supplier<Uop> scalarS, Supplier<Uop> scalarD) {
        packed(s, name, op, single, dbl);
        s.xmmHot(name + "SS", M0F, PF3, op, 4, scalarS);
        s.xmmHot(name + "SD", M0F, PF2, op, 8, scalarD);
    }

    private static void packed(SimdTable s, String name, int op, Binary single, Binary dbl) {
        s.xmm(name + "PS", M0F, NP, op, 16, packedS(single));
        s.xmm(name + "PD", M0F, P66, op, 16, packedD(dbl));
    }

    // ---- shapes

    private static Semantic scalarS(Binary f) {
        return (c, u) -> {
            Mxcsr.begin(c);
            long r = f.apply(c, c.xmm[u.d] & LOW, c.xmm[u.a] & LOW);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
        };
    }

    private static Semantic scalarD(Binary f) {
        return (c, u) -> {
            Mxcsr.begin(c);
            long r = f.apply(c, c.xmm[u.d], c.xmm[u.a]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = r;
        };
    }

    private static long twoS(Cpu c, Binary f, long a, long b) {
        return f.apply(c, a & LOW, b & LOW) | f.apply(c, a >>> 32, b >>> 32) << 32;
    }

    private static Semantic packedS(Binary f) {
        return (c, u) -> {
            Mxcsr.begin(c);
            long low = twoS(c, f, c.xmm[u.d], c.xmm[u.a]);
            long high = twoS(c, f, c.xmm[u.d + 1], c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        };
    }

    private static Semantic packedD(Binary f) {
        return (c, u) -> {
            Mxcsr.begin(c);
            long low = f.apply(c, c.xmm[u.d], c.xmm[u.a]);
            long high = f.apply(c, c.xmm[u.d + 1], c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        };
    }

    // ---- SSE3

    private static void pairs(SimdTable s) {
        horizontal(s, "HADD", 0x7C, FloatMath::addS, FloatMath::addD);
        horizontal(s, "HSUB", 0x7D, FloatMath::subS, FloatMath::subD);
        s.xmm("ADDSUBPD", M0F, P66, 0xD0, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = FloatMath.subD(c, c.xmm[u.d], c.xmm[u.a]);
            long high = FloatMath.addD(c, c.xmm[u.d + 1], c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmm("ADDSUBPS", M0F, PF2, 0xD0, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = subAdd(c, c.xmm[u.d], c.xmm[u.a]);
            long high = subAdd(c, c.xmm[u.d + 1], c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
    }

    private static long subAdd(Cpu c, long a, long b) {
        return FloatMath.subS(c, a & LOW, b & LOW) | FloatMath.addS(c, a >>> 32, b >>> 32) << 32;
    }

    private static void horizontal(SimdTable s, String name, int op, Binary single, Binary dbl) {
        s.xmm(name + "PD", M0F, P66, op, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = dbl.apply(c, c.xmm[u.d], c.xmm[u.d + 1]);
            long high = dbl.apply(c, c.xmm[u.a], c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmm(name + "PS", M0F, PF2, op, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = within(c, single, c.xmm[u.d]) | within(c, single, c.xmm[u.d + 1]) << 32;
            long high = within(c, single, c.xmm[u.a]) | within(c, single, c.xmm[u.a + 1]) << 32;
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
    }

    private static long within(Cpu c, Binary f, long v) {
        return f.apply(c, v & LOW, v >>> 32);
    }

    // ---- SSE4.1

    /** The products, their sums and the sum of those are steps of their own: an unmasked exception ends it after the step that raised it. */
    private static void dotProducts(SimdTable s) {
        s.xmmImm("DPPD", M3A, P66, 0x41, 16, (c, u) -> {
            int n = (int) u.imm;
            Mxcsr.begin(c);
            long first = (n & 0x10) != 0 ? FloatMath.mulD(c, c.xmm[u.d], c.xmm[u.a]) : 0;
            long second = (n & 0x20) != 0 ? FloatMath.mulD(c, c.xmm[u.d + 1], c.xmm[u.a + 1]) : 0;
            nextStep(c, u);
            long r = FloatMath.addD(c, first, second);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = (n & 1) != 0 ? r : 0;
            c.xmm[u.d + 1] = (n & 2) != 0 ? r : 0;
        });
        s.xmmImm("DPPS", M3A, P66, 0x40, 16, (c, u) -> {
            int n = (int) u.imm;
            Mxcsr.begin(c);
            long low = products(c, c.xmm[u.d], c.xmm[u.a], n >> 4);
            long high = products(c, c.xmm[u.d + 1], c.xmm[u.a + 1], n >> 6);
            nextStep(c, u);
            low = within(c, FloatMath::addS, low);
            high = within(c, FloatMath::addS, high);
            nextStep(c, u);
            long r = FloatMath.addS(c, low, high);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = ((n & 1) != 0 ? r : 0) | ((n & 2) != 0 ? r << 32 : 0);
            c.xmm[u.d + 1] = ((n & 4) != 0 ? r : 0) | ((n & 8) != 0 ? r << 32 : 0);
        });
    }

    private static void nextStep(Cpu c, Uop u) {
        Mxcsr.commit(c, u);
        Mxcsr.begin(c);
    }

    private static long products(Cpu c, long a, long b, int which) {
        long first = (which & 1) != 0 ? FloatMath.mulS(c, a & LOW, b & LOW) : 0;
        long second = (which & 2) != 0 ? FloatMath.mulS(c, a >>> 32, b >>> 32) : 0;
        return first | second << 32;
    }

    private static int roundMode(Cpu c, Uop u) {
        return (u.imm & 4) != 0 ? Mxcsr.rounding(c) : (int) u.imm & 3;
    }

    private static boolean roundInexact(Uop u) {
        return (u.imm & 8) == 0;
    }

    private static void round(SimdTable s) {
        s.xmmImm("ROUNDSD", M3A, P66, 0x0B, 8, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.roundD(c, c.xmm[u.a], roundMode(c, u), roundInexact(u));
            Mxcsr.commit(c, u);
            c.xmm[u.d] = r;
        });
        s.xmmImm("ROUNDSS", M3A, P66, 0x0A, 4, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.roundS(c, c.xmm[u.a] & LOW, roundMode(c, u), roundInexact(u));
            Mxcsr.commit(c, u);
            c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
        });
        s.xmmImm("ROUNDPD", M3A, P66, 0x09, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = FloatMath.roundD(c, c.xmm[u.a], roundMode(c, u), roundInexact(u));
            long high = FloatMath.roundD(c, c.xmm[u.a + 1], roundMode(c, u), roundInexact(u));
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmmImm("ROUNDPS", M3A, P66, 0x08, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = roundTwo(c, u, c.xmm[u.a]);
            long high = roundTwo(c, u, c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
    }

    private static long roundTwo(Cpu c, Uop u, long v) {
        return FloatMath.roundS(c, v & LOW, roundMode(c, u), roundInexact(u))
                | FloatMath.roundS(c, v >>> 32, roundMode(c, u), roundInexact(u)) << 32;
    }

    // ---- scalar arithmetic, executed most

    /** ADDSD. */
    static final class AddDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.addD(c, c.xmm[d], c.xmm[a]);
            Mxcsr.commit(c, this);
            c.xmm[d] = r;
        }
    }

    /** SUBSD. */
    static final class SubDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.subD(c, c.xmm[d], c.xmm[a]);
            Mxcsr.commit(c, this);
            c.xmm[d] = r;
        }
    }

    /** MULSD. */
    static final class MulDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.mulD(c, c.xmm[d], c.xmm[a]);
            Mxcsr.commit(c, this);
            c.xmm[d] = r;
        }
    }

    /** DIVSD. */
    static final class DivDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.divD(c, c.xmm[d], c.xmm[a]);
            Mxcsr.commit(c, this);
            c.xmm[d] = r;
        }
    }

    /** ADDSS. */
    static final class AddSingle extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.addS(c, c.xmm[d] & LOW, c.xmm[a] & LOW);
            Mxcsr.commit(c, this);
            c.xmm[d] = c.xmm[d] & ~LOW | r;
        }
    }

    /** SUBSS. */
    static final class SubSingle extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.subS(c, c.xmm[d] & LOW, c.xmm[a] & LOW);
            Mxcsr.commit(c, this);
            c.xmm[d] = c.xmm[d] & ~LOW | r;
        }
    }

    /** MULSS. */
    static final class MulSingle extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.mulS(c, c.xmm[d] & LOW, c.xmm[a] & LOW);
            Mxcsr.commit(c, this);
            c.xmm[d] = c.xmm[d] & ~LOW | r;
        }
    }

    /** DIVSS. */
    static final class DivSingle extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.divS(c, c.xmm[d] & LOW, c.xmm[a] & LOW);
            Mxcsr.commit(c, this);
            c.xmm[d] = c.xmm[d] & ~LOW | r;
        }
    }
}
