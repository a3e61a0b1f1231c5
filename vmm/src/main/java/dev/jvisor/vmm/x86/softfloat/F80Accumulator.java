package dev.jvisor.vmm.x86.softfloat;

/**
 * The accumulator of the x87 arithmetic unit: one double-extended result, the exceptions raised on the way, and the rounding of exact
 * results into it. Values go in and out as a significand with explicit integer bit and a word of sign (bit 15) and biased exponent.
 */
public abstract sealed class F80Accumulator permits F80Conversions {
    /** Exceptions, at their places in the status word. */
    public static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;
    /** Rounding modes, as in the control word. */
    public static final int NEAREST = 0, DOWN = 1, UP = 2, TRUNCATE = 3;
    /** Significand of the default NaN and of the negative infinity's neighbours: sign and exponent word. */
    public static final int INDEFINITE_SE = 0xFFFF;
    /** Significand of the default NaN. */
    public static final long INDEFINITE = 0xC000_0000_0000_0000L;
    /** Integer bit. */
    public static final long ONE = 1L << 63;
    /** Exponent bias. */
    public static final int BIAS = 0x3FFF;

    static final int MAX_EXP = 0x7FFF;
    /** What an unmasked overflow or underflow moves the exponent by. */
    static final int WRAP = 0x6000;
    static final long QUIET = 1L << 62;

    /** Result: significand. */
    public long mant;
    /** Result: sign and exponent. */
    public int se;
    /** Exceptions raised since {@link #begin}. */
    public int flags;
    /** Whether the result's magnitude was rounded up (C1). */
    public boolean roundedUp;
    /** Result of conversions to integer and to single or double format. */
    public long bits;

    int rounding;
    int precision;
    int masks;

    /**
     * Prepares for one instruction.
     *
     * @param controlWord exception masks in bits 0-5, precision control in 8-9, rounding control in 10-11
     */
    public void begin(int controlWord) {
        masks = controlWord & 63;
        rounding = controlWord >> 10 & 3;
        precision = switch (controlWord >> 8 & 3) {
            case 0 -> 24;
            case 2 -> 53;
            default -> 64;
        };
        flags = 0;
        roundedUp = false;
    }

    /** Rounds following results to the full 64 bits whatever the precision control says, as all but the basic arithmetic does. */
    public void fullPrecision() {
        precision = 64;
    }

    // ---- classification

    /** {@return whether the encoding is one that the 387 and later do not accept: an exponent without the integer bit} */
    public static boolean unsupported(long m, int se) {
        return (se & MAX_EXP) != 0 && m >= 0;
    }

    /** {@return whether it is a NaN} */
    public static boolean nan(long m, int se) {
        return (se & MAX_EXP) == MAX_EXP && m << 1 != 0;
    }

    /** {@return whether it is a signalling NaN} */
    public static boolean signalling(long m, int se) {
        return nan(m, se) && (m & QUIET) == 0;
    }

    /** {@return whether it is an infinity} */
    public static boolean infinite(long m, int se) {
        return (se & MAX_EXP) == MAX_EXP && m << 1 == 0;
    }

    /** {@return whether it is a zero of either sign} */
    public static boolean zero(long m, int se) {
        return (se & MAX_EXP) == 0 && m == 0;
    }

    /** {@return whether it is denormal (pseudo-denormals included)} */
    public static boolean denormal(long m, int se) {
        return (se & MAX_EXP) == 0 && m != 0;
    }

    void set(long m, int signAndExp) {
        mant = m;
        se = signAndExp;
    }

    /** Sets the result to the default NaN and raises invalid operation. */
    public void invalid() {
        flags |= IE;
        set(INDEFINITE, INDEFINITE_SE);
    }

    void infinity(int sign) {
        set(ONE, sign | MAX_EXP);
    }

    /** Handles NaNs and unsupported operands of a two-operand instruction. {@return true when the result is settled} */
    boolean special(long am, int ase, long bm, int bse) {
        if (unsupported(am, ase) || unsupported(bm, bse)) {
            invalid();
            return true;
        }
        boolean an = nan(am, ase);
        boolean bn = nan(bm, bse);
        if (!an && !bn) {
            return false;
        }
        boolean as = signalling(am, ase);
        boolean bs = signalling(bm, bse);
        if (as || bs) {
            flags |= IE;
        }
        boolean first;
        if (an && bn && as == bs) {
            int order = Long.compareUnsigned(am | QUIET, bm | QUIET);
            first = order > 0 || order == 0 && (ase & 0x8000) <= (bse & 0x8000);
        } else if (an && bn) {
            first = !as;
        } else {
            first = an;
        }
        set((first ? am : bm) | QUIET, first ? ase : bse);
        return true;
    }

    /** Handles a NaN or unsupported operand of a one-operand instruction. {@return true when the result is settled} */
    boolean special(long m, int signAndExp) {
        if (unsupported(m, signAndExp)) {
            invalid();
            return true;
        }
        if (nan(m, signAndExp)) {
            if (signalling(m, signAndExp)) {
                flags |= IE;
            }
            set(m | QUIET, signAndExp);
            return true;
        }
        return false;
    }

    void noteDenormal(long m, int signAndExp) {
        if (denormal(m, signAndExp)) {
            flags |= DE;
        }
    }

    /** {@return the exponent to reckon with: denormals have that of the smallest normal, less their leading zeros} */
    static int exponent(long m, int signAndExp) {
        int e = signAndExp & MAX_EXP;
        return e == 0 ? 1 - Long.numberOfLeadingZeros(m) : e;
    }

    static long normal(long m) {
        return m << Long.numberOfLeadingZeros(m);
    }

    // ---- rounding

    boolean up(boolean negative, boolean odd, boolean half, boolean rest) {
        return switch (rounding) {
            case NEAREST -> half && (rest || odd);
            case DOWN -> negative && (half || rest);
            case UP -> !negative && (half || rest);
            default -> false;
        };
    }

    /** Rounds a normalized 128-bit significand (integer bit = bit 63 of hi) to the precision in force and leaves it as the result. */
    void roundPack(int sign, int exp, long hi, long lo) {
        int drop = 64 - precision;
        int e = exp;
        if (e <= 0) {
            boolean tiny = e < 0 || !carries(sign, hi, lo, drop);
            if (tiny && (masks & UE) == 0) {
                flags |= UE;
                e += WRAP;
                if (e <= 0) {
                    // FSCALE can go so far that not even the wrapped exponent can say it.
                    flags |= PE;
                    roundedUp = false;
                    set(0, sign);
                    return;
                }
            } else {
                int shift = 1 - e;
                long sticky;
                if (shift < 64) {
                    sticky = lo << 64 - shift != 0 && shift > 0 ? 1 : 0;
                    lo = lo >>> shift | hi << 64 - shift | sticky;
                    hi >>>= shift;
                } else if (shift < 128) {
                    sticky = lo != 0 || shift > 64 && hi << 128 - shift != 0 ? 1 : 0;
                    lo = (shift == 64 ? hi : hi >>> shift - 64) | sticky;
                    hi = 0;
                } else {
                    lo = 1;
                    hi = 0;
                }
                long rounded = roundBits(sign != 0, hi, lo, drop);
                if ((flagsOfRound & PE) != 0) {
                    flags |= PE | (tiny ? UE : 0);
                }
                set(rounded, sign | (rounded < 0 ? 1 : 0));
                return;
            }
        }
        long rounded = roundBits(sign != 0, hi, lo, drop);
        flags |= flagsOfRound;
        if (rounded >= 0) {
            rounded = ONE;
            e++;
        }
        if (e >= MAX_EXP) {
            if ((masks & OE) == 0) {
                flags |= OE;
                if (e - WRAP < MAX_EXP) {
                    set(rounded, sign | e - WRAP);
                } else {
                    flags |= PE;
                    roundedUp = true;
                    infinity(sign);
                }
                return;
            }
            flags |= OE | PE;
            boolean toInfinity = rounding == NEAREST || rounding == (sign != 0 ? DOWN : UP);
            roundedUp = toInfinity;
            if (toInfinity) {
                infinity(sign);
            } else {
                set(-1L << drop, sign | MAX_EXP - 1);
            }
            return;
        }
        set(rounded, sign | e);
    }

    int flagsOfRound;

    boolean carries(int sign, long hi, long lo, int drop) {
        if (hi >>> drop != -1L >>> drop) {
            return false;
        }
        boolean half = drop == 0 ? lo < 0 : (hi >>> drop - 1 & 1) != 0;
        boolean rest = drop == 0 ? lo << 1 != 0 : lo != 0 || (hi & (1L << drop - 1) - 1) != 0;
        return up(sign != 0, true, half, rest);
    }

    /** Rounds off {@code drop} bits of hi and all of lo. A carry out of bit 63 shows as a result of 0. */
    long roundBits(boolean negative, long hi, long lo, int drop) {
        boolean half;
        boolean rest;
        if (drop == 0) {
            half = lo < 0;
            rest = lo << 1 != 0;
        } else {
            half = (hi >>> drop - 1 & 1) != 0;
            rest = lo != 0 || (hi & (1L << drop - 1) - 1) != 0;
        }
        flagsOfRound = half || rest ? PE : 0;
        long kept = hi & -1L << drop;
        boolean increment = up(negative, (hi >>> drop & 1) != 0, half, rest);
        roundedUp = increment;
        return increment ? kept + (1L << drop) : kept;
    }
}
