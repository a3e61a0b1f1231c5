package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;

/**
 * Binary floating point in integers, for whatever {@link FloatMath}'s fast paths leave: directed rounding, denormals, NaNs, exceptions
 * (Intel SDM 1, 4.8 and 11.5; NaN rules of table 4-7). Values are raw bits in a long; a single lies in its low 32 bits. Exceptions are
 * noted in {@link Mxcsr}.
 *
 * <p>Inside, a finite value other than zero is a significand with its leading bit at {@link #TOP} and the exponent of that bit; lost bits
 * are kept as a sticky bit 0.
 */
final class IeeeFormat {
    /** Half precision, which is only converted. */
    static final IeeeFormat HALF = new IeeeFormat(10, 5);
    /** Single precision. */
    static final IeeeFormat SINGLE = new IeeeFormat(23, 8);
    /** Double precision. */
    static final IeeeFormat DOUBLE = new IeeeFormat(52, 11);

    private static final int TOP = 62;
    private static final int ROOT_BITS = 56;

    private final int fractionBits;
    private final int maxExp;
    private final int bias;
    private final long fractionMask;
    private final long sign;
    private final long quiet;
    private final long infinity;
    private final long defaultNan;

    private IeeeFormat(int fractionBits, int expBits) {
        this.fractionBits = fractionBits;
        this.maxExp = (1 << expBits) - 1;
        this.bias = maxExp >> 1;
        this.fractionMask = (1L << fractionBits) - 1;
        this.sign = 1L << fractionBits + expBits;
        this.quiet = 1L << fractionBits - 1;
        this.infinity = (long) maxExp << fractionBits;
        this.defaultNan = sign | infinity | quiet;
    }

    // ---- classification

    private int exp(long v) {
        return (int) (v >>> fractionBits) & maxExp;
    }

    boolean nan(long v) {
        return (v & ~sign) > infinity;
    }

    boolean signalling(long v) {
        return nan(v) && (v & quiet) == 0;
    }

    private boolean infinite(long v) {
        return (v & ~sign) == infinity;
    }

    boolean zero(long v) {
        return (v & ~sign) == 0;
    }

    boolean denormal(long v) {
        return exp(v) == 0 && (v & fractionMask) != 0;
    }

    private boolean negative(long v) {
        return (v & sign) != 0;
    }

    /** {@return {@code v}, or a zero of its sign when it is denormal and denormals are zeros} */
    long daz(Cpu c, long v) {
        return (c.mxcsr & Mxcsr.DAZ) != 0 && denormal(v) ? v & sign : v;
    }

    private long significand(long v) {
        long f = v & fractionMask;
        return exp(v) != 0 ? (f | fractionMask + 1) << TOP - fractionBits : f << Long.numberOfLeadingZeros(f) - 1;
    }

    private int exponent(long v) {
        int e = exp(v);
        return e != 0 ? e - bias : 1 - bias - (Long.numberOfLeadingZeros(v & fractionMask) - (63 - fractionBits));
    }

    // ---- exceptions

    private long invalid(Cpu c) {
        Mxcsr.note(c, Mxcsr.IE);
        return defaultNan;
    }

    private void noteDenormals(Cpu c, long a, long b) {
        if (denormal(a) || denormal(b)) {
            Mxcsr.note(c, Mxcsr.DE);
        }
    }

    /** {@return the result of an operation with a NaN among its operands: the first NaN, quieted} */
    private long propagate(Cpu c, long a, long b) {
        if (signalling(a) || signalling(b)) {
            Mxcsr.note(c, Mxcsr.IE);
        }
        return (nan(a) ? a : b) | quiet;
    }

    // ---- rounding

    private static long jam(long v, int shift) {
        if (shift == 0) {
            return v;
        }
        return shift > 63 ? v != 0 ? 1 : 0 : v >>> shift | (v << 64 - shift != 0 ? 1 : 0);
    }

    /** {@return {@code v >>> drop}, rounded} */
    private static long round(long v, int drop, int mode, boolean negative) {
        long low = v & (1L << drop) - 1;
        long kept = v >>> drop;
        boolean up = switch (mode) {
            case Mxcsr.NEAREST -> {
                long half = 1L << drop - 1;
                yield low > half || low == half && (kept & 1) != 0;
            }
            case Mxcsr.DOWN -> negative && low != 0;
            case Mxcsr.UP -> !negative && low != 0;
            default -> false;
        };
        return up ? kept + 1 : kept;
    }

    /**
     * Rounds and packs a result, noting overflow, underflow and inexactness.
     *
     * @param e exponent of the leading bit
     * @param v significand, leading bit at {@link #TOP}
     */
    private long pack(Cpu c, boolean negative, int e, long v) {
        return pack(c, negative, e, v, Mxcsr.rounding(c), (c.mxcsr & Mxcsr.FTZ) != 0);
    }

    private long pack(Cpu c, boolean negative, int e, long v, int mode, boolean flush) {
        int drop = TOP - fractionBits;
        long dropMask = (1L << drop) - 1;
        long s = negative ? sign : 0;
        int biased = e + bias;
        long r = round(v, drop, mode, negative);
        if (r > 2 * fractionMask + 1) {
            r >>>= 1;
            biased++;
        }
        if (biased >= maxExp) {
            return overflow(c, negative, mode, (v & dropMask) != 0);
        }
        if (biased > 0 && e + bias > 0) {
            if ((v & dropMask) != 0) {
                Mxcsr.note(c, Mxcsr.PE);
            }
            return s | (long) biased << fractionBits | r & fractionMask;
        }
        // Tininess is judged after rounding as if the exponent had no bounds.
        boolean tiny = biased < 1;
        if (tiny) {
            if (!Mxcsr.masked(c, Mxcsr.UE)) {
                Mxcsr.note(c, Mxcsr.UE | ((v & dropMask) != 0 ? Mxcsr.PE : 0));
                return s;
            }
            if (flush) {
                Mxcsr.note(c, Mxcsr.UE | Mxcsr.PE);
                return s;
            }
        }
        long shifted = jam(v, 1 - (e + bias));
        if ((shifted & dropMask) != 0) {
            Mxcsr.note(c, Mxcsr.PE | (tiny ? Mxcsr.UE : 0));
        }
        // A carry out of the fraction is the smallest normal number, as it should be.
        return s | round(shifted, drop, mode, negative);
    }

    private long overflow(Cpu c, boolean negative, int mode, boolean inexact) {
        Mxcsr.note(c, Mxcsr.OE | (inexact || Mxcsr.masked(c, Mxcsr.OE) ? Mxcsr.PE : 0));
        boolean toInfinity = mode == Mxcsr.NEAREST || mode == (negative ? Mxcsr.DOWN : Mxcsr.UP);
        return (negative ? sign : 0) | (toInfinity ? infinity : infinity - 1);
    }

    // ---- arithmetic

    long add(Cpu c, long x, long y) {
        return sum(c, x, y, 0);
    }

    long subtract(Cpu c, long x, long y) {
        return sum(c, x, y, sign);
    }

    private long sum(Cpu c, long x, long y, long flip) {
        if (nan(x) || nan(y)) {
            return propagate(c, x, y);
        }
        long a = daz(c, x);
        long b = daz(c, y) ^ flip;
        if (infinite(a) && infinite(b) && a != b) {
            return invalid(c);
        }
        noteDenormals(c, a, b);
        if (infinite(a)) {
            return a;
        }
        if (infinite(b)) {
            return b;
        }
        if (zero(a) || zero(b)) {
            if (zero(a) && zero(b)) {
                return a == b ? a : Mxcsr.rounding(c) == Mxcsr.DOWN ? sign : 0;
            }
            long v = zero(a) ? b : a;
            return pack(c, negative(v), exponent(v), significand(v));
        }
        int ea = exponent(a);
        int eb = exponent(b);
        int e = Math.max(ea, eb);
        // One place of headroom for the carry.
        long sa = jam(significand(a) >>> 1, e - ea);
        long sb = jam(significand(b) >>> 1, e - eb);
        long total = (negative(a) ? -sa : sa) + (negative(b) ? -sb : sb);
        if (total == 0) {
            return Mxcsr.rounding(c) == Mxcsr.DOWN ? sign : 0;
        }
        boolean negative = total < 0;
        long v = Math.abs(total);
        int shift = Long.numberOfLeadingZeros(v) - 1;
        return pack(c, negative, e + 1 - shift, v << shift);
    }

    long multiply(Cpu c, long x, long y) {
        if (nan(x) || nan(y)) {
            return propagate(c, x, y);
        }
        long a = daz(c, x);
        long b = daz(c, y);
        long s = (a ^ b) & sign;
        if (infinite(a) && zero(b) || zero(a) && infinite(b)) {
            return invalid(c);
        }
        noteDenormals(c, a, b);
        if (infinite(a) || infinite(b)) {
            return s | infinity;
        }
        if (zero(a) || zero(b)) {
            return s;
        }
        long sa = significand(a) << 1;
        long sb = significand(b) << 1;
        long high = Math.unsignedMultiplyHigh(sa, sb);
        long v = high | (sa * sb != 0 ? 1 : 0);
        int e = exponent(a) + exponent(b);
        return v < 0 ? pack(c, s != 0, e + 1, jam(v, 1)) : pack(c, s != 0, e, v);
    }

    /**
     * Multiplies and adds, rounding once: {@code x * y + z}. Of several NaNs the first in this order is the result; a NaN as {@code z} comes
     * before infinity times zero.
     *
     * @param negateProduct whether {@code -(x * y)} is added to; a NaN keeps its sign
     * @param negateAddend whether {@code z} is subtracted; a NaN keeps its sign
     */
    long multiplyAdd(Cpu c, long x, long y, long z, boolean negateProduct, boolean negateAddend) {
        if (nan(x) || nan(y) || nan(z)) {
            if (signalling(x) || signalling(y) || signalling(z)) {
                Mxcsr.note(c, Mxcsr.IE);
            }
            return (nan(x) ? x : nan(y) ? y : z) | quiet;
        }
        long a = daz(c, x);
        long b = daz(c, y);
        long addend = daz(c, z) ^ (negateAddend ? sign : 0);
        long s = (a ^ b) & sign ^ (negateProduct ? sign : 0);
        boolean endless = infinite(a) || infinite(b);
        if (endless && (zero(a) || zero(b) || infinite(addend) && s != (addend & sign))) {
            return invalid(c);
        }
        noteDenormals(c, a, b);
        noteDenormals(c, addend, addend);
        if (endless) {
            return s | infinity;
        }
        if (infinite(addend)) {
            return addend;
        }
        if (zero(a) || zero(b)) {
            if (zero(addend)) {
                return s == addend ? s : Mxcsr.rounding(c) == Mxcsr.DOWN ? sign : 0;
            }
            return pack(c, negative(addend), exponent(addend), significand(addend));
        }
        return fuse(c, s != 0, significand(a), significand(b), exponent(a) + exponent(b), addend);
    }

    /** Adds a product of two significands, and the exponent of its bit 124, to an addend; in 128 bits, with lost ones sticky. */
    private long fuse(Cpu c, boolean negative, long sa, long sb, int exponent, long addend) {
        long high = Math.multiplyHigh(sa, sb);
        long low = sa * sb;
        int e = exponent;
        boolean minus = negative;
        if (!zero(addend)) {
            long sd = significand(addend);
            long addHigh = sd >>> 2;
            long addLow = sd << 62;
            int by = exponent(addend) - e;
            if (by > 0) {
                low = jamLow(high, low, by);
                high = by > 63 ? 0 : high >>> by;
                e += by;
            } else if (by < 0) {
                addLow = jamLow(addHigh, addLow, -by);
                addHigh = -by > 63 ? 0 : addHigh >>> -by;
            }
            if (negative(addend) != negative) {
                boolean borrow = Long.compareUnsigned(low, addLow) < 0;
                low -= addLow;
                high -= addHigh + (borrow ? 1 : 0);
                if (high < 0) {
                    minus = !minus;
                    high = ~high + (low == 0 ? 1 : 0);
                    low = -low;
                }
                if ((high | low) == 0) {
                    return Mxcsr.rounding(c) == Mxcsr.DOWN ? sign : 0;
                }
            } else {
                low += addLow;
                high += addHigh + (Long.compareUnsigned(low, addLow) < 0 ? 1 : 0);
            }
        }
        int zeros = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
        e += 3 - zeros;
        // The leading bit goes to TOP: bit 63 of the high half, then one down.
        if (zeros >= 64) {
            high = low << zeros - 64;
            low = 0;
        } else if (zeros > 0) {
            high = high << zeros | low >>> 64 - zeros;
            low <<= zeros;
        }
        return pack(c, minus, e, high >>> 1 | (high & 1) | (low != 0 ? 1 : 0));
    }

    /** {@return the low half of 128 bits shifted right, with bits lost as a sticky bit 0} */
    private static long jamLow(long high, long low, int by) {
        if (by < 64) {
            return low >>> by | high << 64 - by | (low << 64 - by != 0 ? 1 : 0);
        }
        boolean lost = low != 0;
        return jam(high, by - 64) | (lost ? 1 : 0);
    }

    long divide(Cpu c, long x, long y) {
        if (nan(x) || nan(y)) {
            return propagate(c, x, y);
        }
        long a = daz(c, x);
        long b = daz(c, y);
        long s = (a ^ b) & sign;
        if (infinite(a) && infinite(b) || zero(a) && zero(b)) {
            return invalid(c);
        }
        if (zero(b) && !infinite(a)) {
            Mxcsr.note(c, Mxcsr.ZE);
            return s | infinity;
        }
        noteDenormals(c, a, b);
        if (infinite(a)) {
            return s | infinity;
        }
        if (infinite(b) || zero(a)) {
            return s;
        }
        long divisor = significand(b);
        long rest = significand(a);
        int e = exponent(a) - exponent(b);
        if (rest < divisor) {
            rest <<= 1;
            e--;
        }
        long q = 0;
        for (int k = 0; k <= TOP; k++) {
            q <<= 1;
            if (Long.compareUnsigned(rest, divisor) >= 0) {
                rest -= divisor;
                q |= 1;
            }
            rest <<= 1;
        }
        return pack(c, s != 0, e, q | (rest != 0 ? 1 : 0));
    }

    long squareRoot(Cpu c, long x) {
        if (nan(x)) {
            return propagate(c, x, x);
        }
        long a = daz(c, x);
        if (zero(a)) {
            return a;
        }
        if (negative(a)) {
            return invalid(c);
        }
        noteDenormals(c, a, a);
        if (infinite(a)) {
            return a;
        }
        int e = exponent(a);
        long radicand = significand(a) << (e & 1);
        long root = 0;
        long rest = 0;
        for (int k = 0; k < ROOT_BITS; k++) {
            rest = rest << 2 | radicand >>> 62;
            radicand <<= 2;
            long t = root << 2 | 1;
            root <<= 1;
            if (rest >= t) {
                rest -= t;
                root |= 1;
            }
        }
        return pack(c, false, e >> 1, root << TOP + 1 - ROOT_BITS | (rest != 0 ? 1 : 0));
    }

    // ---- minimum, maximum, comparison

    /** MIN or MAX: the second operand when either is a NaN or both are zeros. */
    long extreme(Cpu c, long x, long y, boolean greater) {
        if (nan(x) || nan(y)) {
            Mxcsr.note(c, Mxcsr.IE);
            return daz(c, y);
        }
        long a = daz(c, x);
        long b = daz(c, y);
        noteDenormals(c, a, b);
        int order = order(a, b);
        return (greater ? order > 0 : order < 0) ? a : b;
    }

    private int order(long a, long b) {
        if (zero(a) && zero(b)) {
            return 0;
        }
        return Long.compare(negative(a) ? -(a & ~sign) : a, negative(b) ? -(b & ~sign) : b);
    }

    /** Result of {@link #compare} when an operand is a NaN. */
    static final int UNORDERED = 2;

    /**
     * {@return -1, 0, 1 or {@link #UNORDERED}}
     *
     * @param signalAll whether quiet NaNs are invalid too
     */
    int compare(Cpu c, long x, long y, boolean signalAll) {
        if (nan(x) || nan(y)) {
            if (signalAll || signalling(x) || signalling(y)) {
                Mxcsr.note(c, Mxcsr.IE);
            }
            return UNORDERED;
        }
        long a = daz(c, x);
        long b = daz(c, y);
        noteDenormals(c, a, b);
        return order(a, b);
    }

    // ---- conversion

    /** Converts to the other format. */
    long convert(Cpu c, long x, IeeeFormat to) {
        if (nan(x)) {
            if (signalling(x)) {
                Mxcsr.note(c, Mxcsr.IE);
            }
            int shift = to.fractionBits - fractionBits;
            long fraction = shift > 0 ? (x & fractionMask) << shift : (x & fractionMask) >>> -shift;
            return (negative(x) ? to.sign : 0) | to.infinity | to.quiet | fraction;
        }
        long a = daz(c, x);
        long s = negative(a) ? to.sign : 0;
        if (zero(a)) {
            return s;
        }
        if (infinite(a)) {
            return s | to.infinity;
        }
        noteDenormals(c, a, a);
        return to.pack(c, s != 0, exponent(a), significand(a));
    }

    /** Converts from half precision, which knows no denormal exception and is not touched by denormals-are-zeros. */
    static long halfToSingle(Cpu c, long x) {
        if (HALF.denormal(x)) {
            return SINGLE.pack(c, HALF.negative(x), HALF.exponent(x), HALF.significand(x));
        }
        return HALF.convert(c, x, SINGLE);
    }

    /** Converts to half precision, where flush-to-zero does not count. */
    static long singleToHalf(Cpu c, long x, int mode) {
        long a = SINGLE.daz(c, x);
        if (SINGLE.nan(a) || SINGLE.infinite(a) || SINGLE.zero(a)) {
            return SINGLE.convert(c, a, HALF);
        }
        SINGLE.noteDenormals(c, a, a);
        return HALF.pack(c, SINGLE.negative(a), SINGLE.exponent(a), SINGLE.significand(a), mode, false);
    }

    /** Converts a signed integer. */
    long fromLong(Cpu c, long n) {
        if (n == 0) {
            return 0;
        }
        long v = Math.abs(n);
        if (v < 0) {
            return pack(c, true, 63, 1L << TOP);
        }
        int shift = Long.numberOfLeadingZeros(v) - 1;
        return pack(c, n < 0, TOP - shift, v << shift);
    }

    /**
     * Converts to a signed integer; out of range or NaN gives the integer indefinite, 1 in the top bit only.
     *
     * @param bits 32 or 64
     */
    long toLong(Cpu c, long x, int bits, int mode) {
        long indefinite = Long.MIN_VALUE >> 64 - bits;
        long a = daz(c, x);
        if (zero(a)) {
            return 0;
        }
        int e = exp(a) == maxExp ? 1 << 20 : exponent(a);
        if (e > bits - 1) {
            Mxcsr.note(c, Mxcsr.IE);
            return indefinite;
        }
        boolean negative = negative(a);
        long v = significand(a);
        // Two bits of fraction are enough, with the lower of them sticky.
        long quarters = e >= 61 ? -1 : jam(v, 60 - e);
        long magnitude;
        boolean inexact = false;
        if (quarters < 0) {
            // No format here has a fraction this far up.
            magnitude = e >= TOP ? v << e - TOP : v >>> TOP - e;
        } else {
            magnitude = round(quarters, 2, mode, negative);
            inexact = (quarters & 3) != 0;
        }
        long limit = 1L << bits - 1;
        // With 64 bits the limit is negative as a long, so compare as unsigned.
        if (Long.compareUnsigned(magnitude, negative ? limit : limit - 1) > 0) {
            Mxcsr.note(c, Mxcsr.IE);
            return indefinite;
        }
        if (inexact) {
            Mxcsr.note(c, Mxcsr.PE);
        }
        return negative ? -magnitude : magnitude;
    }

    /** Rounds to an integral value. @param inexact whether to note a change of the value */
    long roundToIntegral(Cpu c, long x, int mode, boolean inexact) {
        if (nan(x)) {
            return propagate(c, x, x);
        }
        long a = daz(c, x);
        if (zero(a) || infinite(a)) {
            return a;
        }
        int e = exponent(a);
        if (e >= fractionBits) {
            return a;
        }
        boolean negative = negative(a);
        long s = a & sign;
        long r = round(jam(significand(a), 60 - Math.max(e, -3)), 2, mode, negative);
        long value = 0;
        if (r != 0) {
            int top = 63 - Long.numberOfLeadingZeros(r);
            value = (long) (top + bias) << fractionBits | r << fractionBits - top & fractionMask;
        }
        if (inexact && (s | value) != a) {
            Mxcsr.note(c, Mxcsr.PE);
        }
        return s | value;
    }
}
