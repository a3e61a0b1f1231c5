package dev.jvisor.vmm.x86.softfloat;

/** Conversions of the x87 unit: to and from integers, single and double precision (Intel SDM 1, 4.2 and 8.2). */
public abstract sealed class F80Conversions extends F80Accumulator permits F80 {
    /** The integer {@code v}, exactly. */
    public void fromLong(long v) {
        if (v == 0) {
            set(0, 0);
            return;
        }
        long magnitude = Math.abs(v);
        int lead = Long.numberOfLeadingZeros(magnitude);
        set(magnitude << lead, (v < 0 ? 0x8000 : 0) | BIAS + 63 - lead);
    }

    /** A single-precision operand, exactly; notes denormals and quiets nothing. */
    public void fromSingle(int v) {
        widen(v < 0 ? 0x8000 : 0, v >>> 23 & 0xFF, (v & 0x7FFFFFL) << 40, 0xFF, 127);
    }

    /** A double-precision operand, exactly; notes denormals and quiets nothing. */
    public void fromDouble(long v) {
        widen(v < 0 ? 0x8000 : 0, (int) (v >>> 52) & 0x7FF, (v & 0xFFFFFFFFFFFFFL) << 11, 0x7FF, 1023);
    }

    private void widen(int sign, int exp, long fraction, int max, int bias) {
        if (exp == max) {
            set(fraction | ONE, sign | MAX_EXP);
        } else if (exp != 0) {
            set(fraction | ONE, sign | exp - bias + BIAS);
        } else if (fraction == 0) {
            set(0, sign);
        } else {
            flags |= DE;
            int lead = Long.numberOfLeadingZeros(fraction);
            set(fraction << lead, sign | BIAS - bias + 1 - lead);
        }
    }

    /** Loads an operand for FLD: like an arithmetic result when it is a signalling NaN. */
    public void load() {
        if (signalling(mant, se)) {
            flags |= IE;
            mant |= QUIET;
        }
    }

    /**
     * Converts to a signed integer of 16, 32 or 64 bits, into {@link #bits}.
     *
     * @param truncate whether to ignore the rounding mode (FISTTP)
     */
    public void toInteger(long m, int signAndExp, int size, boolean truncate) {
        long indefinite = -1L << size - 1;
        int e = (signAndExp & MAX_EXP) - BIAS;
        if (unsupported(m, signAndExp) || e > 63 || nan(m, signAndExp)) {
            flags |= IE;
            bits = indefinite;
            return;
        }
        boolean negative = (signAndExp & 0x8000) != 0;
        if (m == 0) {
            bits = 0;
            return;
        }
        int saved = rounding;
        if (truncate) {
            rounding = TRUNCATE;
        }
        long magnitude;
        boolean inexact;
        if (e < 0) {
            boolean half = e == -1 && m < 0;
            boolean rest = e < -1 || m << 1 != 0;
            inexact = true;
            roundedUp = up(negative, false, half, rest);
            magnitude = roundedUp ? 1 : 0;
        } else {
            int drop = 63 - e;
            long kept = roundBits(negative, m, 0, drop);
            inexact = flagsOfRound != 0;
            boolean carry = kept == 0;
            magnitude = drop == 0 ? kept : kept >>> drop | (carry ? 1L << 64 - drop : 0);
        }
        rounding = saved;
        long v = negative ? -magnitude : magnitude;
        boolean fits = size == 64
                ? (magnitude >= 0 || negative && magnitude == Long.MIN_VALUE)
                : magnitude >= 0 && v >= indefinite && v < -indefinite;
        if (!fits) {
            flags |= IE;
            roundedUp = false;
            bits = indefinite;
            return;
        }
        if (inexact) {
            flags |= PE;
        }
        bits = v;
    }

    /** Converts to single precision, into the low half of {@link #bits}. {@return false when an unmasked exception forbids the store} */
    public boolean toSingle(long m, int signAndExp) {
        return narrow(m, signAndExp, 40, 127, 0xFF, 23);
    }

    /** Converts to double precision, into {@link #bits}. {@return false when an unmasked exception forbids the store} */
    public boolean toDouble(long m, int signAndExp) {
        return narrow(m, signAndExp, 11, 1023, 0x7FF, 52);
    }

    private boolean narrow(long m, int signAndExp, int drop, int bias, int max, int fractionBits) {
        long sign = (signAndExp & 0x8000) != 0 ? 1L << fractionBits + (max == 0xFF ? 8 : 11) : 0;
        long fractionMask = (1L << fractionBits) - 1;
        long maxField = (long) max << fractionBits;
        if (unsupported(m, signAndExp)) {
            flags |= IE;
            long top = max == 0xFF ? 1L << 31 : ONE;
            bits = top | maxField | 1L << fractionBits - 1;
            return (masks & IE) != 0;
        }
        if (nan(m, signAndExp)) {
            if (signalling(m, signAndExp)) {
                flags |= IE;
            }
            bits = sign | maxField | (m | QUIET) >>> drop & fractionMask;
            return (flags & ~masks & IE) == 0;
        }
        if (infinite(m, signAndExp)) {
            bits = sign | maxField;
            return true;
        }
        if (m == 0) {
            bits = sign;
            return true;
        }
        int e = exponent(m, signAndExp) - BIAS + bias;
        long n = normal(m);
        boolean negative = sign != 0;
        if (e <= 0) {
            boolean tiny = e < 0 || !carries(negative ? 1 : 0, n, 0, drop);
            if (tiny && (masks & UE) == 0) {
                flags |= UE;
                return false;
            }
            int shift = 1 - e;
            long lo;
            if (shift < 64) {
                lo = n << 64 - shift;
                n >>>= shift;
            } else {
                lo = 1;
                n = 0;
            }
            long kept = roundBits(negative, n, lo, drop);
            if (flagsOfRound != 0) {
                flags |= PE | (tiny ? UE : 0);
            }
            // A carry into the integer bit makes the smallest normal number, whose encoding follows by itself.
            bits = sign | kept >>> drop;
            return true;
        }
        long kept = roundBits(negative, n, 0, drop);
        if (kept == 0) {
            kept = ONE;
            e++;
        }
        if (e >= max) {
            if ((masks & OE) == 0) {
                flags |= OE;
                return false;
            }
            flags |= OE | PE;
            boolean toInfinity = rounding == NEAREST || rounding == (negative ? DOWN : UP);
            roundedUp = toInfinity;
            bits = sign | (toInfinity ? maxField : maxField - 1);
            return true;
        }
        flags |= flagsOfRound;
        bits = sign | (long) e << fractionBits | kept >>> drop & fractionMask;
        return true;
    }
}
