package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;

/**
 * Floating point on raw bits with MXCSR's rounding and exceptions: D on doubles, S on singles (in the low 32 bits of a long). The host's
 * own arithmetic rounds to nearest; it is used when that is asked for, all exceptions are masked, and operands and result are ordinary
 * numbers. Then only inexactness can have happened, and that is looked for (by an exact residual) only until its flag is set for good.
 * Everything else is {@link IeeeFormat}'s.
 */
final class FloatMath {
    private static final IeeeFormat D = IeeeFormat.DOUBLE;
    private static final IeeeFormat S = IeeeFormat.SINGLE;

    private FloatMath() { }

    private static double d(long v) {
        return Double.longBitsToDouble(v);
    }

    private static float s(long v) {
        return Float.intBitsToFloat((int) v);
    }

    private static long bits(double v) {
        return Double.doubleToRawLongBits(v);
    }

    private static long bits(float v) {
        return Float.floatToRawIntBits(v) & 0xFFFFFFFFL;
    }

    private static boolean ordinary(Cpu c) {
        return (c.mxcsr & Mxcsr.CONTROL) == Mxcsr.DEFAULT;
    }

    // Neither zero nor denormal, infinite or NaN.
    private static boolean normalD(long v) {
        return ((v >>> 52) + 1 & 0x7FE) != 0;
    }

    private static boolean normalS(long v) {
        return ((v >>> 23) + 1 & 0xFE) != 0;
    }

    // Results that are normal and cannot have been rounded up from below the normal range, which would be an underflow.
    private static boolean soundD(long v) {
        long m = v & Long.MAX_VALUE;
        return m > 0x0010000000000000L && m < 0x7FF0000000000000L;
    }

    private static boolean soundS(long v) {
        long m = v & 0x7FFFFFFFL;
        return m > 0x00800000L && m < 0x7F800000L;
    }

    private static boolean zeroD(long v) {
        return v << 1 == 0;
    }

    private static boolean zeroS(long v) {
        return v << 33 == 0;
    }

    private static boolean fineD(long v) {
        return normalD(v) || zeroD(v);
    }

    private static boolean fineS(long v) {
        return normalS(v) || zeroS(v);
    }

    // Far enough from both ends that residuals neither overflow nor underflow.
    private static boolean middleD(long v) {
        return ((v >>> 52 & 0x7FF) - 0x80) >>> 1 < 0x380;
    }

    private static boolean precise(Cpu c) {
        return (c.mxcsr & Mxcsr.PE) == 0;
    }

    // ---- doubles

    static long addD(Cpu c, long a, long b) {
        if (ordinary(c) && fineD(a) && fineD(b)) {
            double x = d(a);
            double y = d(b);
            double r = x + y;
            long z = bits(r);
            if (zeroD(z)) {
                return z;
            }
            if (normalD(z)) {
                if (!precise(c)) {
                    return z;
                }
                if (middleD(z)) {
                    double t = r - x;
                    if (x - (r - t) + (y - t) != 0) {
                        Mxcsr.note(c, Mxcsr.PE);
                    }
                    return z;
                }
            }
        }
        return D.add(c, a, b);
    }

    static long subD(Cpu c, long a, long b) {
        // A NaN must keep its sign, so negating the second operand is for numbers only.
        if (ordinary(c) && fineD(a) && fineD(b)) {
            return addD(c, a, b ^ Long.MIN_VALUE);
        }
        return D.subtract(c, a, b);
    }

    static long mulD(Cpu c, long a, long b) {
        if (ordinary(c) && fineD(a) && fineD(b)) {
            double x = d(a);
            double y = d(b);
            double r = x * y;
            long z = bits(r);
            if (soundD(z)) {
                if (!precise(c)) {
                    return z;
                }
                if (middleD(z)) {
                    if (Math.fma(x, y, -r) != 0) {
                        Mxcsr.note(c, Mxcsr.PE);
                    }
                    return z;
                }
            } else if (zeroD(a) || zeroD(b)) {
                return z;
            }
        }
        return D.multiply(c, a, b);
    }

    /**
     * {@return x * y + z, rounded once}
     *
     * @param flipProduct the sign bit to subtract the product, else 0
     * @param flipAddend the sign bit to subtract {@code z}, else 0
     */
    static long fmaD(Cpu c, long x, long y, long z, long flipProduct, long flipAddend) {
        if (ordinary(c) && fineD(x) && fineD(y) && fineD(z)) {
            double a = d(x ^ flipProduct);
            double b = d(y);
            double addend = d(z ^ flipAddend);
            double r = Math.fma(a, b, addend);
            long v = bits(r);
            if (soundD(v)) {
                if (!precise(c)) {
                    return v;
                }
                double p = a * b;
                if (middleD(bits(p)) && middleD(v) && (middleD(z) || zeroD(z))) {
                    if (!exactFmaD(p, Math.fma(a, b, -p), addend, r)) {
                        Mxcsr.note(c, Mxcsr.PE);
                    }
                    return v;
                }
            }
        }
        return D.multiplyAdd(c, x, y, z, flipProduct != 0, flipAddend != 0);
    }

    private static boolean exactFmaD(double p, double rest, double addend, double r) {
        // p + rest is the product; t + te the sum of p and the addend; r lies within a factor of 2 of t, or t is 0: r - t is exact.
        double t = p + addend;
        double q = t - p;
        double te = p - (t - q) + (addend - q);
        double u = te + rest;
        double w = u - te;
        double ue = te - (u - w) + (rest - w);
        // A residue of u that is no double cannot be made up for by one that is.
        return ue == 0 && r - t == u;
    }

    static long divD(Cpu c, long a, long b) {
        if (ordinary(c) && fineD(a) && normalD(b)) {
            double x = d(a);
            double y = d(b);
            double r = x / y;
            long z = bits(r);
            if (soundD(z)) {
                if (!precise(c)) {
                    return z;
                }
                if (middleD(a) && middleD(z)) {
                    if (Math.fma(-r, y, x) != 0) {
                        Mxcsr.note(c, Mxcsr.PE);
                    }
                    return z;
                }
            } else if (zeroD(a)) {
                return z;
            }
        }
        return D.divide(c, a, b);
    }

    static long sqrtD(Cpu c, long ignored, long a) {
        if (ordinary(c) && a > 0 && normalD(a)) {
            double x = d(a);
            double r = Math.sqrt(x);
            if (!precise(c)) {
                return bits(r);
            }
            if (middleD(a)) {
                if (Math.fma(-r, r, x) != 0) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return bits(r);
            }
        }
        return D.squareRoot(c, a);
    }

    static long minD(Cpu c, long a, long b) {
        if (fineD(a) && fineD(b)) {
            return d(a) < d(b) ? a : b;
        }
        return D.extreme(c, a, b, false);
    }

    static long maxD(Cpu c, long a, long b) {
        if (fineD(a) && fineD(b)) {
            return d(a) > d(b) ? a : b;
        }
        return D.extreme(c, a, b, true);
    }

    // ---- singles

    static long addS(Cpu c, long a, long b) {
        if (ordinary(c) && fineS(a) && fineS(b)) {
            float x = s(a);
            float y = s(b);
            float r = x + y;
            long z = bits(r);
            if (fineS(z)) {
                if (precise(c) && !exactSumS(x, y, r)) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return z;
            }
        }
        return S.add(c, a, b);
    }

    static long subS(Cpu c, long a, long b) {
        if (ordinary(c) && fineS(a) && fineS(b)) {
            return addS(c, a, b ^ 0x80000000L);
        }
        return S.subtract(c, a, b);
    }

    private static boolean exactSumS(float x, float y, float r) {
        // x + y = r exactly if and only if the larger of x and y, taken from r (exact in double: both are single and r is near it or
        // near its difference), leaves the smaller.
        double big = Math.abs(x) >= Math.abs(y) ? x : y;
        double small = Math.abs(x) >= Math.abs(y) ? y : x;
        return (double) r - big == small;
    }

    static long mulS(Cpu c, long a, long b) {
        if (ordinary(c) && fineS(a) && fineS(b)) {
            float r = s(a) * s(b);
            long z = bits(r);
            if (soundS(z) || zeroS(a) || zeroS(b)) {
                if (precise(c) && (double) s(a) * s(b) != r) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return z;
            }
        }
        return S.multiply(c, a, b);
    }

    /** {@return x * y + z, rounded once}. Parameters as {@link #fmaD}, the sign bit being bit 31. */
    static long fmaS(Cpu c, long x, long y, long z, long flipProduct, long flipAddend) {
        if (ordinary(c) && fineS(x) && fineS(y) && fineS(z)) {
            float a = s(x ^ flipProduct);
            float b = s(y);
            float addend = s(z ^ flipAddend);
            float r = Math.fma(a, b, addend);
            long v = bits(r);
            if (soundS(v)) {
                if (precise(c)) {
                    // The product of singles is exact in double, so one rounding error is all there is to find.
                    double p = (double) a * b;
                    double t = p + addend;
                    double q = t - p;
                    if (p - (t - q) + (addend - q) != 0 || t != r) {
                        Mxcsr.note(c, Mxcsr.PE);
                    }
                }
                return v;
            }
        }
        return S.multiplyAdd(c, x, y, z, flipProduct != 0, flipAddend != 0);
    }

    static long divS(Cpu c, long a, long b) {
        if (ordinary(c) && fineS(a) && normalS(b)) {
            float r = s(a) / s(b);
            long z = bits(r);
            if (soundS(z) || zeroS(a)) {
                if (precise(c) && (double) r * s(b) != s(a)) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return z;
            }
        }
        return S.divide(c, a, b);
    }

    static long sqrtS(Cpu c, long ignored, long a) {
        if (ordinary(c) && (int) a > 0 && normalS(a)) {
            // The double root of a single, rounded again, is the correctly rounded single root.
            float r = (float) Math.sqrt(s(a));
            if (precise(c) && (double) r * r != s(a)) {
                Mxcsr.note(c, Mxcsr.PE);
            }
            return bits(r);
        }
        return S.squareRoot(c, a);
    }

    static long minS(Cpu c, long a, long b) {
        if (fineS(a) && fineS(b)) {
            return s(a) < s(b) ? a : b;
        }
        return S.extreme(c, a, b, false);
    }

    static long maxS(Cpu c, long a, long b) {
        if (fineS(a) && fineS(b)) {
            return s(a) > s(b) ? a : b;
        }
        return S.extreme(c, a, b, true);
    }

    // ---- comparison: -1, 0, 1 or IeeeFormat.UNORDERED

    static int compareD(Cpu c, long a, long b, boolean signalAll) {
        if (fineD(a) && fineD(b)) {
            double x = d(a);
            double y = d(b);
            return x < y ? -1 : x > y ? 1 : 0;
        }
        return D.compare(c, a, b, signalAll);
    }

    static int compareS(Cpu c, long a, long b, boolean signalAll) {
        if (fineS(a) && fineS(b)) {
            float x = s(a);
            float y = s(b);
            return x < y ? -1 : x > y ? 1 : 0;
        }
        return S.compare(c, a, b, signalAll);
    }

    // ---- conversion

    static long doubleToSingle(Cpu c, long a) {
        if (ordinary(c) && fineD(a)) {
            float r = (float) d(a);
            long z = bits(r);
            if (soundS(z) || zeroD(a)) {
                if (precise(c) && (double) r != d(a)) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return z;
            }
        }
        return D.convert(c, a, S);
    }

    static long singleToDouble(Cpu c, long a) {
        return fineS(a) ? bits((double) s(a)) : S.convert(c, a, D);
    }

    static long intToDouble(int n) {
        return bits((double) n);
    }

    static long longToDouble(Cpu c, long n) {
        return n == (n << 11 >> 11) ? bits((double) n) : D.fromLong(c, n);
    }

    static long longToSingle(Cpu c, long n) {
        return n == (n << 40 >> 40) ? bits((float) n) : S.fromLong(c, n);
    }

    /** {@return a double as a signed integer of 32 or 64 bits, sign-extended} */
    static long doubleToLong(Cpu c, long a, int bits, int mode) {
        if (mode == Mxcsr.ZERO && ordinary(c)) {
            double x = d(a);
            long n = (long) x;
            // The fast path's range leaves out what saturates, and with it NaNs.
            if (x == x && n == n << 64 - bits >> 64 - bits && n != Long.MAX_VALUE && n != Long.MIN_VALUE) {
                if ((double) n != x) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return n;
            }
        }
        return D.toLong(c, a, bits, mode);
    }

    /** {@return a single as a signed integer of 32 or 64 bits, sign-extended} */
    static long singleToLong(Cpu c, long a, int bits, int mode) {
        if (mode == Mxcsr.ZERO && ordinary(c)) {
            float x = s(a);
            long n = (long) x;
            if (x == x && n == n << 64 - bits >> 64 - bits && n != Long.MAX_VALUE && n != Long.MIN_VALUE) {
                if ((float) n != x) {
                    Mxcsr.note(c, Mxcsr.PE);
                }
                return n;
            }
        }
        return S.toLong(c, a, bits, mode);
    }

    static long roundD(Cpu c, long a, int mode, boolean inexact) {
        return D.roundToIntegral(c, a, mode, inexact);
    }

    static long roundS(Cpu c, long a, int mode, boolean inexact) {
        return S.roundToIntegral(c, a, mode, inexact);
    }
}
