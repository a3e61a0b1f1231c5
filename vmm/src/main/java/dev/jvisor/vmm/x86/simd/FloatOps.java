package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.function.Supplier;

/** Floating-point arithmetic, SSE to AVX; fused multiply-add is {@link FusedOps}'. */
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
        hot(s, "ADD", 0x58, FloatOps::addPs, FloatOps::addPd, FloatOps::addSs, FloatOps::addSd, AddSingle::new, AddDouble::new);
        hot(s, "MUL", 0x59, FloatOps::mulPs, FloatOps::mulPd, FloatOps::mulSs, FloatOps::mulSd, MulSingle::new, MulDouble::new);
        hot(s, "SUB", 0x5C, FloatOps::subPs, FloatOps::subPd, FloatOps::subSs, FloatOps::subSd, SubSingle::new, SubDouble::new);
        hot(s, "DIV", 0x5E, packedS(FloatMath::divS), packedD(FloatMath::divD), FloatOps::divSs, FloatOps::divSd, DivSingle::new, DivDouble::new);
        two(s, "MIN", 0x5D, FloatMath::minS, FloatMath::minD);
        two(s, "MAX", 0x5F, FloatMath::maxS, FloatMath::maxD);
        s.unaryFloat("SQRTPS", M0F, NP, 0x51, packedS(FloatMath::sqrtS));
        s.unaryFloat("SQRTPD", M0F, P66, 0x51, packedD(FloatMath::sqrtD));
        s.scalar("SQRTSS", M0F, PF3, 0x51, 4, scalarS(FloatMath::sqrtS));
        s.scalar("SQRTSD", M0F, PF2, 0x51, 8, scalarD(FloatMath::sqrtD));
        s.unaryFloat("RCPPS", M0F, NP, 0x53, packedS((c, a, b) -> Approximation.reciprocal(b)));
        s.scalar("RCPSS", M0F, PF3, 0x53, 4, scalarS((c, a, b) -> Approximation.reciprocal(b)));
        s.unaryFloat("RSQRTPS", M0F, NP, 0x52, packedS((c, a, b) -> Approximation.reciprocalRoot(b)));
        s.scalar("RSQRTSS", M0F, PF3, 0x52, 4, scalarS((c, a, b) -> Approximation.reciprocalRoot(b)));
        s.with(CpuFeature.SSE3, () -> pairs(s));
        s.with(CpuFeature.SSE4_1, () -> {
            dotProducts(s);
            round(s);
        });
    }

    private static void two(SimdTable s, String name, int op, Binary single, Binary dbl) {
        s.packedFloat(name + "PS", M0F, NP, op, packedS(single));
        s.packedFloat(name + "PD", M0F, P66, op, packedD(dbl));
        s.scalar(name + "SS", M0F, PF3, op, 4, scalarS(single));
        s.scalar(name + "SD", M0F, PF2, op, 8, scalarD(dbl));
    }

    private static void hot(SimdTable s, String name, int op, FloatLane ps, FloatLane pd, FloatLane ss, FloatLane sd, Supplier<Uop> legacyS,
            Supplier<Uop> legacyD) {
        s.packedFloat(name + "PS", M0F, NP, op, ps);
        s.packedFloat(name + "PD", M0F, P66, op, pd);
        s.scalarHot(name + "SS", M0F, PF3, op, 4, legacyS, ss);
        s.scalarHot(name + "SD", M0F, PF2, op, 8, legacyD, sd);
    }

    // ---- shapes

    private static FloatLane scalarS(Binary f) {
        return (c, u, x, d, s, a) -> {
            x[d] = x[s] & ~LOW | f.apply(c, x[s] & LOW, x[a] & LOW);
            x[d + 1] = x[s + 1];
        };
    }

    private static FloatLane scalarD(Binary f) {
        return (c, u, x, d, s, a) -> {
            x[d] = f.apply(c, x[s], x[a]);
            x[d + 1] = x[s + 1];
        };
    }

    private static long twoS(Cpu c, Binary f, long a, long b) {
        return f.apply(c, a & LOW, b & LOW) | f.apply(c, a >>> 32, b >>> 32) << 32;
    }

    private static FloatLane packedS(Binary f) {
        return (c, u, x, d, s, a) -> {
            x[d] = twoS(c, f, x[s], x[a]);
            x[d + 1] = twoS(c, f, x[s + 1], x[a + 1]);
        };
    }

    private static FloatLane packedD(Binary f) {
        return (c, u, x, d, s, a) -> {
            x[d] = f.apply(c, x[s], x[a]);
            x[d + 1] = f.apply(c, x[s + 1], x[a + 1]);
        };
    }

    // ---- lanes executed most: calls that the compiler can see through

    private static void addPs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.addS(c, x[s] & LOW, x[a] & LOW) | FloatMath.addS(c, x[s] >>> 32, x[a] >>> 32) << 32;
        x[d + 1] = FloatMath.addS(c, x[s + 1] & LOW, x[a + 1] & LOW) | FloatMath.addS(c, x[s + 1] >>> 32, x[a + 1] >>> 32) << 32;
    }

    private static void subPs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.subS(c, x[s] & LOW, x[a] & LOW) | FloatMath.subS(c, x[s] >>> 32, x[a] >>> 32) << 32;
        x[d + 1] = FloatMath.subS(c, x[s + 1] & LOW, x[a + 1] & LOW) | FloatMath.subS(c, x[s + 1] >>> 32, x[a + 1] >>> 32) << 32;
    }

    private static void mulPs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.mulS(c, x[s] & LOW, x[a] & LOW) | FloatMath.mulS(c, x[s] >>> 32, x[a] >>> 32) << 32;
        x[d + 1] = FloatMath.mulS(c, x[s + 1] & LOW, x[a + 1] & LOW) | FloatMath.mulS(c, x[s + 1] >>> 32, x[a + 1] >>> 32) << 32;
    }

    private static void addPd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.addD(c, x[s], x[a]);
        x[d + 1] = FloatMath.addD(c, x[s + 1], x[a + 1]);
    }

    private static void subPd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.subD(c, x[s], x[a]);
        x[d + 1] = FloatMath.subD(c, x[s + 1], x[a + 1]);
    }

    private static void mulPd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.mulD(c, x[s], x[a]);
        x[d + 1] = FloatMath.mulD(c, x[s + 1], x[a + 1]);
    }

    private static void addSs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = x[s] & ~LOW | FloatMath.addS(c, x[s] & LOW, x[a] & LOW);
        x[d + 1] = x[s + 1];
    }

    private static void subSs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = x[s] & ~LOW | FloatMath.subS(c, x[s] & LOW, x[a] & LOW);
        x[d + 1] = x[s + 1];
    }

    private static void mulSs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = x[s] & ~LOW | FloatMath.mulS(c, x[s] & LOW, x[a] & LOW);
        x[d + 1] = x[s + 1];
    }

    private static void divSs(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = x[s] & ~LOW | FloatMath.divS(c, x[s] & LOW, x[a] & LOW);
        x[d + 1] = x[s + 1];
    }

    private static void addSd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.addD(c, x[s], x[a]);
        x[d + 1] = x[s + 1];
    }

    private static void subSd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.subD(c, x[s], x[a]);
        x[d + 1] = x[s + 1];
    }

    private static void mulSd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.mulD(c, x[s], x[a]);
        x[d + 1] = x[s + 1];
    }

    private static void divSd(Cpu c, Uop u, long[] x, int d, int s, int a) {
        x[d] = FloatMath.divD(c, x[s], x[a]);
        x[d + 1] = x[s + 1];
    }

    // ---- SSE3

    private static void pairs(SimdTable s) {
        horizontal(s, "HADD", 0x7C, FloatMath::addS, FloatMath::addD);
        horizontal(s, "HSUB", 0x7D, FloatMath::subS, FloatMath::subD);
        s.packedFloat("ADDSUBPD", M0F, P66, 0xD0, (c, u, x, d, b, a) -> {
            x[d] = FloatMath.subD(c, x[b], x[a]);
            x[d + 1] = FloatMath.addD(c, x[b + 1], x[a + 1]);
        });
        s.packedFloat("ADDSUBPS", M0F, PF2, 0xD0, (c, u, x, d, b, a) -> {
            x[d] = subAdd(c, x[b], x[a]);
            x[d + 1] = subAdd(c, x[b + 1], x[a + 1]);
        });
    }

    private static long subAdd(Cpu c, long a, long b) {
        return FloatMath.subS(c, a & LOW, b & LOW) | FloatMath.addS(c, a >>> 32, b >>> 32) << 32;
    }

    private static void horizontal(SimdTable s, String name, int op, Binary single, Binary dbl) {
        s.packedFloat(name + "PD", M0F, P66, op, (c, u, x, d, b, a) -> {
            x[d] = dbl.apply(c, x[b], x[b + 1]);
            x[d + 1] = dbl.apply(c, x[a], x[a + 1]);
        });
        s.packedFloat(name + "PS", M0F, PF2, op, (c, u, x, d, b, a) -> {
            x[d] = within(c, single, x[b]) | within(c, single, x[b + 1]) << 32;
            x[d + 1] = within(c, single, x[a]) | within(c, single, x[a + 1]) << 32;
        });
    }

    private static long within(Cpu c, Binary f, long v) {
        return f.apply(c, v & LOW, v >>> 32);
    }

    // ---- SSE4.1

    /** The products, their sums and the sum of those are steps of their own: an unmasked exception ends it after the step that raised it. */
    private static void dotProducts(SimdTable s) {
        s.packedFloatImm("DPPD", M3A, P66, 0x41, null, (c, u, x, d, b, a) -> {
            int n = (int) u.imm;
            long first = (n & 0x10) != 0 ? FloatMath.mulD(c, x[b], x[a]) : 0;
            long second = (n & 0x20) != 0 ? FloatMath.mulD(c, x[b + 1], x[a + 1]) : 0;
            nextStep(c, u);
            long r = FloatMath.addD(c, first, second);
            x[d] = (n & 1) != 0 ? r : 0;
            x[d + 1] = (n & 2) != 0 ? r : 0;
        });
        s.packedFloatImm("DPPS", M3A, P66, 0x40, null, (c, u, x, d, b, a) -> {
            firstProducts(c, u, x, d, b, a);
            nextStep(c, u);
            firstSums(c, x, d);
            nextStep(c, u);
            lastSum(c, u, x, d);
        });
        // Both lanes take each step together.
        s.vexImm("VDPPS Vqq,Hqq,Wqq,Ib", M3A, P66, 0x40, Vex.l256(CpuFeature.AVX),
                (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 32), new DotProduct32(), e));
    }

    private static void firstProducts(Cpu c, Uop u, long[] x, int d, int b, int a) {
        int n = (int) u.imm;
        x[d] = products(c, x[b], x[a], n >> 4);
        x[d + 1] = products(c, x[b + 1], x[a + 1], n >> 6);
    }

    private static void firstSums(Cpu c, long[] x, int d) {
        x[d] = FloatMath.addS(c, x[d] & LOW, x[d] >>> 32);
        x[d + 1] = FloatMath.addS(c, x[d + 1] & LOW, x[d + 1] >>> 32);
    }

    private static void lastSum(Cpu c, Uop u, long[] x, int d) {
        int n = (int) u.imm;
        long r = FloatMath.addS(c, x[d], x[d + 1]);
        x[d] = ((n & 1) != 0 ? r : 0) | ((n & 2) != 0 ? r << 32 : 0);
        x[d + 1] = ((n & 4) != 0 ? r : 0) | ((n & 8) != 0 ? r << 32 : 0);
    }

    /** VDPPS of 32 bytes. */
    private static final class DotProduct32 extends Uop {
        @Override
        public void exec(Cpu c) {
            int t = FloatUop.TD;
            Mxcsr.begin(c);
            firstProducts(c, this, c.xmm, t, b, a);
            firstProducts(c, this, c.ymmHigh, t, b, a);
            nextStep(c, this);
            firstSums(c, c.xmm, t);
            firstSums(c, c.ymmHigh, t);
            nextStep(c, this);
            lastSum(c, this, c.xmm, t);
            lastSum(c, this, c.ymmHigh, t);
            Mxcsr.commit(c, this);
            c.xmm[d] = c.xmm[t];
            c.xmm[d + 1] = c.xmm[t + 1];
            c.ymmHigh[d] = c.ymmHigh[t];
            c.ymmHigh[d + 1] = c.ymmHigh[t + 1];
        }
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
        s.scalarImm("ROUNDSD", M3A, P66, 0x0B, 8, (c, u, x, d, b, a) -> {
            x[d] = FloatMath.roundD(c, x[a], roundMode(c, u), roundInexact(u));
            x[d + 1] = x[b + 1];
        });
        s.scalarImm("ROUNDSS", M3A, P66, 0x0A, 4, (c, u, x, d, b, a) -> {
            x[d] = x[b] & ~LOW | FloatMath.roundS(c, x[a] & LOW, roundMode(c, u), roundInexact(u));
            x[d + 1] = x[b + 1];
        });
        s.unaryFloatImm("ROUNDPD", M3A, P66, 0x09, (c, u, x, d, b, a) -> {
            x[d] = FloatMath.roundD(c, x[a], roundMode(c, u), roundInexact(u));
            x[d + 1] = FloatMath.roundD(c, x[a + 1], roundMode(c, u), roundInexact(u));
        });
        s.unaryFloatImm("ROUNDPS", M3A, P66, 0x08, (c, u, x, d, b, a) -> {
            x[d] = roundTwo(c, u, x[a]);
            x[d + 1] = roundTwo(c, u, x[a + 1]);
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
