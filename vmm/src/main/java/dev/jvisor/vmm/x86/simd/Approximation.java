package dev.jvisor.vmm.x86.simd;

/**
 * RCPPS and RSQRTPS. The architecture allows any relative error below 1.5 * 2^-12, and every processor has tables of its own; here the
 * exact value is rounded to 12 bits of significand. No exceptions; denormal operands are zeros and denormal results become zeros.
 */
final class Approximation {
    private static final int SIGN = Integer.MIN_VALUE;
    private static final int INFINITY = 0x7F800000;
    private static final int QUIET = 0x00400000;
    private static final int DEFAULT_NAN = 0xFFC00000;
    private static final int DROPPED = 12;

    private Approximation() { }

    private static long unsigned(int v) {
        return v & 0xFFFFFFFFL;
    }

    private static int twelveBits(double v) {
        int bits = Float.floatToRawIntBits((float) v);
        return bits + (1 << DROPPED - 1) & -(1 << DROPPED);
    }

    /** {@return about 1 / x; singles as raw bits} */
    static long reciprocal(long x) {
        int v = (int) x;
        int sign = v & SIGN;
        int magnitude = v & ~SIGN;
        if (magnitude > INFINITY) {
            return unsigned(v | QUIET);
        }
        if (magnitude == INFINITY) {
            return unsigned(sign);
        }
        if (magnitude < 0x00800000) {
            return unsigned(sign | INFINITY);
        }
        int r = twelveBits(1.0 / Float.intBitsToFloat(magnitude));
        return unsigned(sign | (r < 0x00800000 ? 0 : r));
    }

    /** {@return about 1 / sqrt(x); singles as raw bits} */
    static long reciprocalRoot(long x) {
        int v = (int) x;
        int magnitude = v & ~SIGN;
        if (magnitude > INFINITY) {
            return unsigned(v | QUIET);
        }
        if (magnitude < 0x00800000) {
            return unsigned(v & SIGN | INFINITY);
        }
        if (v < 0) {
            return unsigned(DEFAULT_NAN);
        }
        return magnitude == INFINITY ? 0 : unsigned(twelveBits(1.0 / Math.sqrt(Float.intBitsToFloat(v))));
    }
}
