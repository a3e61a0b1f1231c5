package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;

/**
 * Fused multiply-add (Intel SDM 1, 14.5.3; 2C, VFMADD132PD and relatives). The digits in a name say which operands are multiplied and which
 * one is added: 132 is first * third + second, 213 second * first + third, 231 second * third + first; the first is also the destination.
 */
final class FusedOps {
    private static final long LOW = 0xFFFFFFFFL;
    private static final long SIGN_S = 0x80000000L;
    private static final long SIGN_D = Long.MIN_VALUE;

    /** Computes one lane {@code x[p] * x[q] + x[r]} into {@code x[d]}. */
    @FunctionalInterface
    private interface Fused {
        void apply(Cpu c, long[] x, int d, int p, int q, int r);
    }

    private FusedOps() { }

    static void register(SimdTable s) {
        packed(s, "VFMADDSUB", 0x96, alternatingS(SIGN_S, 0), alternatingD(SIGN_D, 0));
        packed(s, "VFMSUBADD", 0x97, alternatingS(0, SIGN_S), alternatingD(0, SIGN_D));
        packed(s, "VFMADD", 0x98, FusedOps::addPs, FusedOps::addPd);
        packed(s, "VFMSUB", 0x9A, packedS(0, SIGN_S), packedD(0, SIGN_D));
        packed(s, "VFNMADD", 0x9C, packedS(SIGN_S, 0), packedD(SIGN_D, 0));
        packed(s, "VFNMSUB", 0x9E, packedS(SIGN_S, SIGN_S), packedD(SIGN_D, SIGN_D));
        scalar(s, "VFMADD", 0x99, 0, 0);
        scalar(s, "VFMSUB", 0x9B, 0, 1);
        scalar(s, "VFNMADD", 0x9D, 1, 0);
        scalar(s, "VFNMSUB", 0x9F, 1, 1);
    }

    private static final String[] ORDERS = {"132", "213", "231"};

    /** {@return the lane for an order of operands} @param order index in {@link #ORDERS} */
    private static FloatLane ordered(int order, Fused f) {
        return switch (order) {
            case 0 -> (c, u, x, d, s, a) -> f.apply(c, x, d, u.d, a, s);
            case 1 -> (c, u, x, d, s, a) -> f.apply(c, x, d, s, u.d, a);
            default -> (c, u, x, d, s, a) -> f.apply(c, x, d, s, a, u.d);
        };
    }

    private static void packed(SimdTable s, String name, int op, Fused single, Fused dbl) {
        for (int k = 0; k < 3; k++) {
            for (int w = 0; w < 2; w++) {
                FloatLane lane = ordered(k, w == 0 ? single : dbl);
                s.three(name + ORDERS[k] + (w == 0 ? "PS" : "PD"), M38, P66, op + 16 * k, Vex.l128(CpuFeature.FMA).w(w),
                        Vex.l256(CpuFeature.FMA).w(w), Imm.NONE, (i, e, a) -> SimdTable.operands(i, a, FloatUop.vex(i, lane), e));
            }
        }
    }

    private static void scalar(SimdTable s, String name, int op, int flipProduct, int flipAddend) {
        Vex vex = Vex.lIgnored(CpuFeature.FMA);
        for (int k = 0; k < 3; k++) {
            s.vexScalar(name + ORDERS[k] + "SS", M38, P66, op + 16 * k, vex.w(0), 4, lowest(k, scalarS(flipProduct * SIGN_S, flipAddend * SIGN_S)));
            s.vexScalar(name + ORDERS[k] + "SD", M38, P66, op + 16 * k, vex.w(1), 8, lowest(k, scalarD(flipProduct * SIGN_D, flipAddend * SIGN_D)));
        }
    }

    /** {@return a lane of which only the lowest element is computed; the others are the destination's} */
    private static FloatLane lowest(int order, Fused f) {
        FloatLane lane = ordered(order, f);
        return (c, u, x, d, s, a) -> {
            x[d] = x[u.d];
            x[d + 1] = x[u.d + 1];
            lane.apply(c, u, x, d, s, a);
        };
    }

    // ---- kernels

    private static Fused scalarS(long flipProduct, long flipAddend) {
        return (c, x, d, p, q, r) -> x[d] = x[d] & ~LOW | FloatMath.fmaS(c, x[p] & LOW, x[q] & LOW, x[r] & LOW, flipProduct, flipAddend);
    }

    private static Fused scalarD(long flipProduct, long flipAddend) {
        return (c, x, d, p, q, r) -> x[d] = FloatMath.fmaD(c, x[p], x[q], x[r], flipProduct, flipAddend);
    }

    private static long twoS(Cpu c, long p, long q, long r, long flipProduct, long flipEven, long flipOdd) {
        return FloatMath.fmaS(c, p & LOW, q & LOW, r & LOW, flipProduct, flipEven)
                | FloatMath.fmaS(c, p >>> 32, q >>> 32, r >>> 32, flipProduct, flipOdd) << 32;
    }

    private static Fused packedS(long flipProduct, long flipAddend) {
        return (c, x, d, p, q, r) -> {
            x[d] = twoS(c, x[p], x[q], x[r], flipProduct, flipAddend, flipAddend);
            x[d + 1] = twoS(c, x[p + 1], x[q + 1], x[r + 1], flipProduct, flipAddend, flipAddend);
        };
    }

    private static Fused packedD(long flipProduct, long flipAddend) {
        return (c, x, d, p, q, r) -> {
            x[d] = FloatMath.fmaD(c, x[p], x[q], x[r], flipProduct, flipAddend);
            x[d + 1] = FloatMath.fmaD(c, x[p + 1], x[q + 1], x[r + 1], flipProduct, flipAddend);
        };
    }

    private static Fused alternatingS(long flipEven, long flipOdd) {
        return (c, x, d, p, q, r) -> {
            x[d] = twoS(c, x[p], x[q], x[r], 0, flipEven, flipOdd);
            x[d + 1] = twoS(c, x[p + 1], x[q + 1], x[r + 1], 0, flipEven, flipOdd);
        };
    }

    private static Fused alternatingD(long flipEven, long flipOdd) {
        return (c, x, d, p, q, r) -> {
            x[d] = FloatMath.fmaD(c, x[p], x[q], x[r], 0, flipEven);
            x[d + 1] = FloatMath.fmaD(c, x[p + 1], x[q + 1], x[r + 1], 0, flipOdd);
        };
    }

    private static void addPs(Cpu c, long[] x, int d, int p, int q, int r) {
        x[d] = twoS(c, x[p], x[q], x[r], 0, 0, 0);
        x[d + 1] = twoS(c, x[p + 1], x[q + 1], x[r + 1], 0, 0, 0);
    }

    private static void addPd(Cpu c, long[] x, int d, int p, int q, int r) {
        x[d] = FloatMath.fmaD(c, x[p], x[q], x[r], 0, 0);
        x[d + 1] = FloatMath.fmaD(c, x[p + 1], x[q + 1], x[r + 1], 0, 0);
    }
}
