package dev.jvisor.vmm.x86.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.x86.cpu.Cpu;
import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Floating-point operations against exact decimal arithmetic, and the fast paths against the slow ones; needs no compiler. */
class FloatMathTest {
    private static final long SEED = Long.getLong("jvisor.seed", 11);
    private static final int PE = Mxcsr.PE;

    private final Cpu c = new SoftwareRun().cpu;
    private final Random random = new Random(SEED);

    private interface Exact {
        /** Sign of (exact result - candidate). */
        int compare(BigDecimal a, BigDecimal b, BigDecimal candidate);
    }

    private double number() {
        double v = random.nextInt(3) == 0 ? random.nextInt(2000) - 1000 : (random.nextDouble() - 0.5) * Math.scalb(1.0, random.nextInt(200) - 100);
        return v == 0 ? 1.5 : v;
    }

    private int flags() {
        return (int) c.r[Cpu.T2];
    }

    private void check(String name, FloatOps.Binary op, Exact exact, boolean positive) {
        for (int k = 0; k < 4000; k++) {
            double a = number();
            double b = positive ? Math.abs(number()) : number();
            int mode = random.nextInt(4);
            c.mxcsr = 0x1F80 | mode << Mxcsr.RC_SHIFT;
            Mxcsr.begin(c);
            double r = Double.longBitsToDouble(op.apply(c, Double.doubleToRawLongBits(a), Double.doubleToRawLongBits(b)));
            int error = exact.compare(new BigDecimal(a), new BigDecimal(b), new BigDecimal(r));
            String what = name + " a=" + a + " b=" + b + " r=" + r + " mode=" + mode + " seed=" + SEED;
            assertEquals(error != 0 ? PE : 0, flags(), what);
            if (error == 0) {
                continue;
            }
            // The exact value lies between r and its neighbour on the side of the error.
            double other = error > 0 ? Math.nextUp(r) : Math.nextDown(r);
            assertEquals(-error, exact.compare(new BigDecimal(a), new BigDecimal(b), new BigDecimal(other)), what);
            switch (mode) {
                case Mxcsr.DOWN -> assertTrue(error > 0, what);
                case Mxcsr.UP -> assertTrue(error < 0, what);
                case Mxcsr.ZERO -> assertEquals(Math.signum(r) == 0 ? error : (int) Math.signum(r), error, what);
                default -> {
                    BigDecimal middle = new BigDecimal(r).add(new BigDecimal(other)).divide(BigDecimal.TWO);
                    int side = exact.compare(new BigDecimal(a), new BigDecimal(b), middle);
                    assertTrue(side == 0 ? (Double.doubleToRawLongBits(r) & 1) == 0 : side == -error, what);
                }
            }
        }
    }

    @Test
    void sumsAreTheExactOnesRounded() {
        check("add", FloatMath::addD, (a, b, x) -> a.add(b).compareTo(x), false);
        check("sub", FloatMath::subD, (a, b, x) -> a.subtract(b).compareTo(x), false);
    }

    @Test
    void productsAreTheExactOnesRounded() {
        check("mul", FloatMath::mulD, (a, b, x) -> a.multiply(b).compareTo(x), false);
    }

    @Test
    void quotientsAreTheExactOnesRounded() {
        // a / b - x has the sign of (a - x * b) * b.
        check("div", FloatMath::divD, (a, b, x) -> a.compareTo(x.multiply(b)) * b.signum(), false);
    }

    @Test
    void rootsAreTheExactOnesRounded() {
        check("sqrt", FloatMath::sqrtD, (a, b, x) -> b.compareTo(x.multiply(x)) * (x.signum() < 0 ? -1 : 1), true);
    }

    @Test
    void fusedSumsAreTheExactOnesRoundedOnce() {
        for (int k = 0; k < 20_000; k++) {
            double x = number();
            double y = number();
            // Often near to minus the product, where a product rounded first would show.
            double z = random.nextInt(3) == 0 ? number() : random.nextBoolean() ? -x * y : -x * y * (1 + Math.ulp(1.0) * random.nextInt(4));
            int mode = random.nextInt(4);
            c.mxcsr = 0x1F80 | mode << Mxcsr.RC_SHIFT | (random.nextBoolean() ? PE : 0);
            boolean seen = (c.mxcsr & PE) != 0;
            Mxcsr.begin(c);
            double r = Double.longBitsToDouble(FloatMath.fmaD(c, Double.doubleToRawLongBits(x), Double.doubleToRawLongBits(y),
                    Double.doubleToRawLongBits(z), 0, 0));
            BigDecimal exact = new BigDecimal(x).multiply(new BigDecimal(y)).add(new BigDecimal(z));
            int error = exact.compareTo(new BigDecimal(r));
            String what = "fma x=" + x + " y=" + y + " z=" + z + " r=" + r + " mode=" + mode + " seed=" + SEED;
            if (!seen) {
                assertEquals(error != 0 ? PE : 0, flags(), what);
            }
            if (error == 0) {
                continue;
            }
            double other = error > 0 ? Math.nextUp(r) : Math.nextDown(r);
            assertEquals(-error, exact.compareTo(new BigDecimal(other)), what);
            switch (mode) {
                case Mxcsr.DOWN -> assertTrue(error > 0, what);
                case Mxcsr.UP -> assertTrue(error < 0, what);
                case Mxcsr.ZERO -> assertEquals(Math.signum(r) == 0 ? error : (int) Math.signum(r), error, what);
                default -> assertEquals(Math.fma(x, y, z), r, what);
            }
        }
    }

    @Test
    void fastFusedPathsAgreeWithSlowOnes() {
        for (Inputs.Kind kind : new Inputs.Kind[] {Inputs.Kind.SINGLE, Inputs.Kind.DOUBLE}) {
            Inputs inputs = new Inputs(SEED);
            boolean single = kind == Inputs.Kind.SINGLE;
            long mask = single ? 0xFFFFFFFFL : -1L;
            long sign = single ? 0x80000000L : Long.MIN_VALUE;
            for (int k = 0; k < 60_000; k++) {
                MachineState m = inputs.next(kind);
                long x = m.q(0) & mask;
                long y = m.q(16) & mask;
                long z = m.q(32) & mask;
                long product = (k & 2) != 0 ? sign : 0;
                long addend = (k & 4) != 0 ? sign : 0;
                c.mxcsr = (k & 1) == 0 ? 0x1F80 : m.mxcsr();
                Mxcsr.begin(c);
                long slow = (single ? IeeeFormat.SINGLE : IeeeFormat.DOUBLE).multiplyAdd(c, x, y, z, product != 0, addend != 0);
                int expected = flags() | c.mxcsr & 63;
                Mxcsr.begin(c);
                long fast = single ? FloatMath.fmaS(c, x, y, z, product, addend) : FloatMath.fmaD(c, x, y, z, product, addend);
                String what = String.format("%s x=%x y=%x z=%x flips=%d mxcsr=%x seed=%d", kind, x, y, z, k & 6, c.mxcsr, SEED);
                assertEquals(Long.toHexString(slow), Long.toHexString(fast), what);
                assertEquals(expected, flags() | c.mxcsr & 63, what);
            }
        }
    }

    private interface Pair {
        long apply(long a, long b);
    }

    private void same(String name, Pair fast, Pair slow, Inputs.Kind kind) {
        Inputs inputs = new Inputs(SEED);
        for (int k = 0; k < 20_000; k++) {
            MachineState m = inputs.next(kind);
            long mask = kind == Inputs.Kind.SINGLE ? 0xFFFFFFFFL : -1L;
            long a = m.q(0) & mask;
            long b = m.q(16) & mask;
            c.mxcsr = (k & 1) == 0 ? 0x1F80 : m.mxcsr();
            Mxcsr.begin(c);
            long x = slow.apply(a, b);
            int expected = flags() | c.mxcsr & 63;
            Mxcsr.begin(c);
            long y = fast.apply(a, b);
            String what = String.format("%s a=%x b=%x mxcsr=%x seed=%d", name, a, b, c.mxcsr, SEED);
            assertEquals(Long.toHexString(x), Long.toHexString(y), what);
            assertEquals(expected, flags() | c.mxcsr & 63, what);
        }
    }

    @Test
    void fastPathsAgreeWithSlowOnes() {
        IeeeFormat d = IeeeFormat.DOUBLE;
        IeeeFormat s = IeeeFormat.SINGLE;
        same("addD", (a, b) -> FloatMath.addD(c, a, b), (a, b) -> d.add(c, a, b), Inputs.Kind.DOUBLE);
        same("subD", (a, b) -> FloatMath.subD(c, a, b), (a, b) -> d.subtract(c, a, b), Inputs.Kind.DOUBLE);
        same("mulD", (a, b) -> FloatMath.mulD(c, a, b), (a, b) -> d.multiply(c, a, b), Inputs.Kind.DOUBLE);
        same("divD", (a, b) -> FloatMath.divD(c, a, b), (a, b) -> d.divide(c, a, b), Inputs.Kind.DOUBLE);
        same("sqrtD", (a, b) -> FloatMath.sqrtD(c, a, b), (a, b) -> d.squareRoot(c, b), Inputs.Kind.DOUBLE);
        same("addS", (a, b) -> FloatMath.addS(c, a, b), (a, b) -> s.add(c, a, b), Inputs.Kind.SINGLE);
        same("subS", (a, b) -> FloatMath.subS(c, a, b), (a, b) -> s.subtract(c, a, b), Inputs.Kind.SINGLE);
        same("mulS", (a, b) -> FloatMath.mulS(c, a, b), (a, b) -> s.multiply(c, a, b), Inputs.Kind.SINGLE);
        same("divS", (a, b) -> FloatMath.divS(c, a, b), (a, b) -> s.divide(c, a, b), Inputs.Kind.SINGLE);
        same("sqrtS", (a, b) -> FloatMath.sqrtS(c, a, b), (a, b) -> s.squareRoot(c, b), Inputs.Kind.SINGLE);
        same("d to s", (a, b) -> FloatMath.doubleToSingle(c, a), (a, b) -> d.convert(c, a, s), Inputs.Kind.DOUBLE);
        same("s to d", (a, b) -> FloatMath.singleToDouble(c, a), (a, b) -> s.convert(c, a, d), Inputs.Kind.SINGLE);
        same("d to int", (a, b) -> FloatMath.doubleToLong(c, a, 32, Mxcsr.ZERO), (a, b) -> d.toLong(c, a, 32, Mxcsr.ZERO), Inputs.Kind.DOUBLE);
        same("d to long", (a, b) -> FloatMath.doubleToLong(c, a, 64, Mxcsr.ZERO), (a, b) -> d.toLong(c, a, 64, Mxcsr.ZERO), Inputs.Kind.DOUBLE);
        same("s to int", (a, b) -> FloatMath.singleToLong(c, a, 32, Mxcsr.ZERO), (a, b) -> s.toLong(c, a, 32, Mxcsr.ZERO), Inputs.Kind.SINGLE);
        same("long to d", (a, b) -> FloatMath.longToDouble(c, a), (a, b) -> d.fromLong(c, a), Inputs.Kind.INTEGER);
        same("long to s", (a, b) -> FloatMath.longToSingle(c, a), (a, b) -> s.fromLong(c, a), Inputs.Kind.INTEGER);
    }

    @Test
    void approximationsAreWithinTheArchitecturesBound() {
        double bound = 1.5 / 4096;
        for (int k = 0; k < 100_000; k++) {
            int bits = 1 + random.nextInt(252) << 23 | random.nextInt() >>> 9;
            float x = Float.intBitsToFloat(bits);
            float r = Float.intBitsToFloat((int) Approximation.reciprocal(bits));
            float q = Float.intBitsToFloat((int) Approximation.reciprocalRoot(bits));
            assertTrue(Math.abs(r * (double) x - 1) <= bound, "1/" + x + " is not " + r);
            assertTrue(Math.abs(q * Math.sqrt(x) - 1) <= bound, "1/sqrt(" + x + ") is not " + q);
        }
        assertEquals(0xFF800000L, Approximation.reciprocal(0x80000001L), "a denormal is a zero");
        assertEquals(0x80000000L, Approximation.reciprocal(0xFF7FFFFFL), "a denormal result is a zero");
        assertEquals(0xFFC00000L, Approximation.reciprocalRoot(0xBF800000L));
        assertEquals(0x7FC00001L, Approximation.reciprocalRoot(0x7F800001L));
    }
}
