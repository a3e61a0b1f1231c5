package dev.jvisor.vmm.x86.softfloat;

import java.math.BigInteger;

/**
 * The transcendental x87 instructions (Intel SDM 1, 8.3.10), computed in about 106 bits and rounded once, so within one unit in the last
 * place of any processor's answer. Arguments beyond pi/4 are reduced by the processor's 66-bit pi. Operands are finite and not NaN; callers have
 * handled the rest. Results and flags go to the {@link F80}.
 */
public final class Transcendental {
    /**
     * The processor's own pi/2, times 2^256: 66 significant bits, so that arguments near multiples of pi reduce to what programs have come to
     * know (Intel SDM 1, 8.3.8).
     */
    private static final BigInteger HALF_PI_256 = new BigInteger("C90FDAA22168C234C", 16).shiftLeft(256 - 67);

    private Transcendental() { }

    private static int exponent(int se) {
        // Denormals have the exponent of the smallest normal number.
        return Math.max(se & 0x7FFF, 1) - F80.BIAS;
    }

    private static DoubleDouble value(long m, int se) {
        DoubleDouble v = DoubleDouble.of(m, exponent(se));
        return (se & 0x8000) != 0 ? v.negate() : v;
    }

    /** Rounds {@code v * 2^e} to the result; v is not 0. */
    private static void pack(F80 f, DoubleDouble v, int e) {
        boolean negative = v.hi() < 0;
        DoubleDouble a = negative ? v.negate() : v;
        int top = Math.getExponent(a.hi());
        // As an integer of 127 bits: hi part exactly, then the low part added to it.
        long high = (long) Math.scalb(a.hi(), 62 - top);
        long low = 0;
        double rest = Math.scalb(a.lo(), 62 - top);
        double whole = Math.floor(rest);
        high += (long) whole;
        double fraction = rest - whole;
        low = (long) (fraction * 0x1p62) << 2 | 1;
        int lead = Long.numberOfLeadingZeros(high);
        long h = high << lead | (lead == 0 ? 0 : low >>> 64 - lead);
        f.pack(negative, F80.BIAS + top + e + 1 - lead, h, low << lead);
    }

    /** 2^x - 1 for |x| at most 1; 2^x for others is undefined by the manual, and here x itself. */
    public static void f2xm1(F80 f, long m, int se) {
        int e = exponent(se);
        if (m == 0 || e > 0 || e == 0 && m != F80.ONE) {
            f.mant = m;
            f.se = se;
            return;
        }
        if (e == 0) {
            f.mant = F80.ONE;
            f.se = (se & 0x8000) != 0 ? 0xBFFE : F80.BIAS;
            return;
        }
        if (e < -100) {
            pack(f, value(m, se & 0x8000 | F80.BIAS).mul(DoubleDouble.LN2), e);
        } else {
            pack(f, value(m, se).mul(DoubleDouble.LN2).expm1(), 0);
        }
    }

    private static DoubleDouble log2(long m, int e) {
        DoubleDouble v = DoubleDouble.of(m, 0);
        int whole = e;
        if (v.hi() > 1.4142135623730951) {
            v = v.scale(-1);
            whole++;
        }
        DoubleDouble s = v.sub(DoubleDouble.ONE).div(v.add(DoubleDouble.ONE));
        DoubleDouble fraction = s.hi() == 0 ? DoubleDouble.ZERO : s.log1().mul(DoubleDouble.LOG2E);
        return DoubleDouble.of(whole).add(fraction);
    }

    /** y * log2(x), x positive and finite, y finite, neither zero. */
    public static void fyl2x(F80 f, long xm, int xse, long ym, int yse) {
        int lead = Long.numberOfLeadingZeros(xm);
        int e = (xse & 0x7FFF) == 0 ? 1 - F80.BIAS - lead : exponent(xse);
        DoubleDouble log = log2(xm << lead, e);
        if (log.hi() == 0) {
            f.mant = 0;
            f.se = yse & 0x8000;
            return;
        }
        product(f, log, 0, ym, yse);
    }

    /** y * log2(x + 1), |x| below 1 - sqrt(1/2), neither zero. */
    public static void fyl2xp1(F80 f, long xm, int xse, long ym, int yse) {
        int e = exponent(xse);
        if (e < -100) {
            int lead = Long.numberOfLeadingZeros(xm);
            int real = (xse & 0x7FFF) == 0 ? 1 - F80.BIAS - lead : e;
            DoubleDouble x = value(xm << lead, xse & 0x8000 | F80.BIAS);
            product(f, x.mul(DoubleDouble.LOG2E), real, ym, yse);
            return;
        }
        DoubleDouble x = value(xm, xse);
        DoubleDouble s = x.div(x.add(DoubleDouble.of(2)));
        product(f, s.log1().mul(DoubleDouble.LOG2E), 0, ym, yse);
    }

    private static void product(F80 f, DoubleDouble v, int e, long ym, int yse) {
        int lead = Long.numberOfLeadingZeros(ym);
        int ey = (yse & 0x7FFF) == 0 ? 1 - F80.BIAS - lead : exponent(yse);
        pack(f, v.mul(value(ym << lead, yse & 0x8000 | F80.BIAS)), e + ey);
    }

    /** Quadrant of the last reduction. */
    private record Reduced(DoubleDouble angle, int quadrant) { }

    private static Reduced reduce(long m, int se) {
        int e = exponent(se);
        // |x| < 2^63: x * 2^256 is an integer, as m * 2^(e - 63 + 256) with e above -64 wherever a reduction is needed.
        BigInteger x = new BigInteger(Long.toUnsignedString(m)).shiftLeft(e - 63 + 256);
        BigInteger[] qr = x.divideAndRemainder(HALF_PI_256);
        BigInteger q = qr[0];
        BigInteger r = qr[1];
        if (r.shiftLeft(1).compareTo(HALF_PI_256) > 0) {
            r = r.subtract(HALF_PI_256);
            q = q.add(BigInteger.ONE);
        }
        boolean negative = (se & 0x8000) != 0;
        int quadrant = q.intValue() & 3;
        BigInteger a = r.abs();
        int shift = Math.max(0, a.bitLength() - 120);
        BigInteger top = a.shiftRight(shift);
        double hi = top.doubleValue();
        BigInteger low = top.subtract(new java.math.BigDecimal(hi).toBigInteger());
        DoubleDouble angle = new DoubleDouble(hi, low.doubleValue()).scale(0);
        angle = DoubleDouble.of(Math.scalb(angle.hi(), shift - 256)).add(DoubleDouble.of(Math.scalb(angle.lo(), shift - 256)));
        boolean minus = r.signum() < 0 ^ negative;
        return new Reduced(minus ? angle.negate() : angle, negative ? -quadrant & 3 : quadrant);
    }

    /** {@return whether a trigonometric instruction must refuse the operand (C2): |x| at least 2^63} */
    public static boolean outOfRange(int se) {
        return exponent(se) >= 63;
    }

    private static Reduced angle(long m, int se) {
        if (exponent(se) < -1) {
            return new Reduced(value(m, se), 0);
        }
        return reduce(m, se);
    }

    private static boolean tiny(int se) {
        return exponent(se) < -40;
    }

    /** sin(x) for a tiny x: x - x^3/6, that is, just below x. */
    private static void below(F80 f, long m, int se, boolean above) {
        int lead = Long.numberOfLeadingZeros(m);
        int e = (se & 0x7FFF) == 0 ? 1 - lead : se & 0x7FFF;
        long n = m << lead;
        if (above) {
            f.pack((se & 0x8000) != 0, e, n, 1);
        } else if (n == F80.ONE) {
            f.pack((se & 0x8000) != 0, e - 1, -1L, -1L);
        } else {
            f.pack((se & 0x8000) != 0, e, n - 1, -1L);
        }
    }

    /** Sine; x not zero. */
    public static void fsin(F80 f, long m, int se) {
        if (tiny(se)) {
            below(f, m, se, false);
            return;
        }
        Reduced r = angle(m, se);
        DoubleDouble v = (r.quadrant & 1) == 0 ? r.angle.sin() : r.angle.cos();
        pack(f, r.quadrant >= 2 ? v.negate() : v, 0);
    }

    /** Cosine; x not zero. */
    public static void fcos(F80 f, long m, int se) {
        if (tiny(se)) {
            f.pack(false, F80.BIAS - 1, -1L, -1L);
            return;
        }
        Reduced r = angle(m, se);
        DoubleDouble v = (r.quadrant & 1) == 0 ? r.angle.cos() : r.angle.sin();
        pack(f, r.quadrant == 1 || r.quadrant == 2 ? v.negate() : v, 0);
    }

    /** Tangent; x not zero. */
    public static void fptan(F80 f, long m, int se) {
        if (tiny(se)) {
            below(f, m, se, true);
            return;
        }
        Reduced r = angle(m, se);
        DoubleDouble s = r.angle.sin();
        DoubleDouble c = r.angle.cos();
        pack(f, (r.quadrant & 1) == 0 ? s.div(c) : c.div(s).negate(), 0);
    }

    /** Arc tangent of y/x in all four quadrants; any combination without NaNs. */
    public static void fpatan(F80 f, long ym, int yse, long xm, int xse) {
        boolean negative = (yse & 0x8000) != 0;
        boolean left = (xse & 0x8000) != 0;
        boolean yInf = F80.infinite(ym, yse);
        boolean xInf = F80.infinite(xm, xse);
        if (ym == 0 || xInf && !yInf) {
            if (left) {
                signed(f, DoubleDouble.PI, negative);
            } else {
                f.mant = 0;
                f.se = yse & 0x8000;
            }
            return;
        }
        if (yInf && xInf) {
            signed(f, left ? DoubleDouble.PI.mul(0.75) : DoubleDouble.PI.mul(0.25), negative);
            return;
        }
        if (yInf || xm == 0) {
            signed(f, DoubleDouble.HALF_PI, negative);
            return;
        }
        int ly = Long.numberOfLeadingZeros(ym);
        int lx = Long.numberOfLeadingZeros(xm);
        int ey = (yse & 0x7FFF) == 0 ? 1 - F80.BIAS - ly : exponent(yse);
        int ex = (xse & 0x7FFF) == 0 ? 1 - F80.BIAS - lx : exponent(xse);
        int d = ey - ex;
        if (d > 120) {
            signed(f, DoubleDouble.HALF_PI, negative);
            return;
        }
        if (d < -120) {
            if (left) {
                signed(f, DoubleDouble.PI, negative);
            } else {
                DoubleDouble q = DoubleDouble.of(ym << ly, 0).div(DoubleDouble.of(xm << lx, 0));
                pack(f, negative ? q.negate() : q, d);
            }
            return;
        }
        DoubleDouble y = DoubleDouble.of(ym << ly, d);
        DoubleDouble x = DoubleDouble.of(xm << lx, 0);
        boolean steep = y.hi() > x.hi();
        DoubleDouble a = steep ? DoubleDouble.HALF_PI.sub(x.div(y).atan()) : y.div(x).atan();
        signed(f, left ? DoubleDouble.PI.sub(a) : a, negative);
    }

    private static void signed(F80 f, DoubleDouble v, boolean negative) {
        pack(f, negative ? v.negate() : v, 0);
    }
}
