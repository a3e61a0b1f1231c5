package dev.jvisor.vmm.x86.softfloat;

/**
 * The x87 arithmetic unit (Intel SDM 1, chapter 8): an accumulator for one double-extended result and the exceptions raised on the way.
 * Values go in and out as a significand with explicit integer bit and a word of sign (bit 15) and biased exponent. Nothing is allocated.
 * Not thread-safe: one per VP.
 */
public final class F80 {
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

    private static final int MAX_EXP = 0x7FFF;
    /** What an unmasked overflow or underflow moves the exponent by. */
    private static final int WRAP = 0x6000;
    private static final long QUIET = 1L << 62;

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

    private int rounding;
    private int precision;
    private int masks;

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

    /** Overrides the rounding mode until the next {@link #begin}. */
    public void round(int mode) {
        rounding = mode;
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

    private void set(long m, int signAndExp) {
        mant = m;
        se = signAndExp;
    }

    /** Sets the result to the default NaN and raises invalid operation. */
    public void invalid() {
        flags |= IE;
        set(INDEFINITE, INDEFINITE_SE);
    }

    private void infinity(int sign) {
        set(ONE, sign | MAX_EXP);
    }

    /** Handles NaNs and unsupported operands of a two-operand instruction. {@return true when the result is settled} */
    private boolean special(long am, int ase, long bm, int bse) {
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
    private boolean special(long m, int signAndExp) {
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

    private void noteDenormal(long m, int signAndExp) {
        if (denormal(m, signAndExp)) {
            flags |= DE;
        }
    }

    /** {@return the exponent to reckon with: denormals have that of the smallest normal, less their leading zeros} */
    private static int exponent(long m, int signAndExp) {
        int e = signAndExp & MAX_EXP;
        return e == 0 ? 1 - Long.numberOfLeadingZeros(m) : e;
    }

    private static long normal(long m) {
        return m << Long.numberOfLeadingZeros(m);
    }

    // ---- rounding

    private boolean up(boolean negative, boolean odd, boolean half, boolean rest) {
        return switch (rounding) {
            case NEAREST -> half && (rest || odd);
            case DOWN -> negative && (half || rest);
            case UP -> !negative && (half || rest);
            default -> false;
        };
    }

    /** Rounds a normalized 128-bit significand (integer bit = bit 63 of hi) to the precision in force and leaves it as the result. */
    private void roundPack(int sign, int exp, long hi, long lo) {
        int drop = 64 - precision;
        int e = exp;
        if (e <= 0) {
            boolean tiny = e < 0 || !carries(sign, hi, lo, drop);
            if (tiny && (masks & UE) == 0) {
                flags |= UE;
                e += WRAP;
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
                set(rounded, sign | e - WRAP & MAX_EXP);
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

    private int flagsOfRound;

    private boolean carries(int sign, long hi, long lo, int drop) {
        if (hi >>> drop != -1L >>> drop) {
            return false;
        }
        boolean half = drop == 0 ? lo < 0 : (hi >>> drop - 1 & 1) != 0;
        boolean rest = drop == 0 ? lo << 1 != 0 : lo != 0 || (hi & (1L << drop - 1) - 1) != 0;
        return up(sign != 0, true, half, rest);
    }

    /** Rounds off {@code drop} bits of hi and all of lo. A carry out of bit 63 shows as a result of 0. */
    private long roundBits(boolean negative, long hi, long lo, int drop) {
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

    // ---- arithmetic

    /** a + b. */
    public void add(long am, int ase, long bm, int bse) {
        addSigned(am, ase, bm, bse, false);
    }

    /** a - b. */
    public void sub(long am, int ase, long bm, int bse) {
        addSigned(am, ase, bm, bse, true);
    }

    private void addSigned(long am, int ase, long bm, int bse0, boolean negate) {
        if (special(am, ase, bm, bse0)) {
            return;
        }
        int bse = negate ? bse0 ^ 0x8000 : bse0;
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        int sa = ase & 0x8000;
        int sb = bse & 0x8000;
        boolean ai = infinite(am, ase);
        boolean bi = infinite(bm, bse);
        if (ai || bi) {
            if (ai && bi && sa != sb) {
                flags &= ~DE;
                invalid();
            } else {
                infinity(ai ? sa : sb);
            }
            return;
        }
        if (am == 0 && bm == 0) {
            set(0, sa == sb ? sa : rounding == DOWN ? 0x8000 : 0);
            return;
        }
        if (am == 0) {
            roundPack(sb, exponent(bm, bse), normal(bm), 0);
            return;
        }
        if (bm == 0) {
            roundPack(sa, exponent(am, ase), normal(am), 0);
            return;
        }
        int ea = exponent(am, ase);
        int eb = exponent(bm, bse);
        long ma = normal(am);
        long mb = normal(bm);
        if (ea < eb || ea == eb && Long.compareUnsigned(ma, mb) < 0) {
            long m = ma;
            ma = mb;
            mb = m;
            int t = ea;
            ea = eb;
            eb = t;
            t = sa;
            sa = sb;
            sb = t;
        }
        int d = ea - eb;
        long bh;
        long bl;
        if (d == 0) {
            bh = mb;
            bl = 0;
        } else if (d < 64) {
            bh = mb >>> d;
            bl = mb << 64 - d;
        } else if (d < 128) {
            bh = 0;
            bl = d == 64 ? mb : mb >>> d - 64 | (mb << 128 - d != 0 ? 1 : 0);
        } else {
            bh = 0;
            bl = 1;
        }
        if (sa == sb) {
            long hi = ma + bh;
            if (Long.compareUnsigned(hi, ma) < 0) {
                long lo = bl >>> 1 | bl & 1 | hi << 63;
                roundPack(sa, ea + 1, hi >>> 1 | ONE, lo);
            } else {
                roundPack(sa, ea, hi, bl);
            }
            return;
        }
        long lo = -bl;
        long hi = ma - bh - (bl != 0 ? 1 : 0);
        if (hi == 0 && lo == 0) {
            set(0, rounding == DOWN ? 0x8000 : 0);
            return;
        }
        int lead = hi != 0 ? Long.numberOfLeadingZeros(hi) : 64 + Long.numberOfLeadingZeros(lo);
        if (lead >= 64) {
            hi = lo << lead - 64;
            lo = 0;
        } else if (lead > 0) {
            hi = hi << lead | lo >>> 64 - lead;
            lo <<= lead;
        }
        roundPack(sa, ea - lead, hi, lo);
    }

    /** a * b. */
    public void mul(long am, int ase, long bm, int bse) {
        if (special(am, ase, bm, bse)) {
            return;
        }
        int sign = (ase ^ bse) & 0x8000;
        boolean ai = infinite(am, ase);
        boolean bi = infinite(bm, bse);
        if (ai && zero(bm, bse) || bi && zero(am, ase)) {
            invalid();
            return;
        }
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        if (ai || bi) {
            infinity(sign);
            return;
        }
        if (am == 0 || bm == 0) {
            set(0, sign);
            return;
        }
        long ma = normal(am);
        long mb = normal(bm);
        int e = exponent(am, ase) + exponent(bm, bse) - BIAS + 1;
        long hi = Math.unsignedMultiplyHigh(ma, mb);
        long lo = ma * mb;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            e--;
        }
        roundPack(sign, e, hi, lo);
    }

    /** a / b. */
    public void div(long am, int ase, long bm, int bse) {
        if (special(am, ase, bm, bse)) {
            return;
        }
        int sign = (ase ^ bse) & 0x8000;
        boolean ai = infinite(am, ase);
        boolean bi = infinite(bm, bse);
        if (ai && bi || zero(am, ase) && zero(bm, bse)) {
            invalid();
            return;
        }
        if (zero(bm, bse) && !ai) {
            flags |= ZE;
            infinity(sign);
            return;
        }
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        if (ai) {
            infinity(sign);
            return;
        }
        if (bi || am == 0) {
            set(0, sign);
            return;
        }
        long ma = normal(am);
        long mb = normal(bm);
        int e = exponent(am, ase) - exponent(bm, bse) + BIAS;
        long hi;
        long rem;
        if (Long.compareUnsigned(ma, mb) >= 0) {
            // Quotient in [1,2): divide ma/2.
            hi = divide128(ma >>> 1, ma << 63, mb);
        } else {
            hi = divide128(ma, 0, mb);
            e--;
        }
        rem = remainder;
        long lo = divide128(rem, 0, mb);
        if (remainder != 0) {
            lo |= 1;
        }
        roundPack(sign, e, hi, lo);
    }

    private long remainder;

    /** Divides hi:lo by d, hi below d and d normalized; leaves the remainder. After Knuth, algorithm D, with 32-bit digits. */
    private long divide128(long hi, long lo, long d) {
        long dh = d >>> 32;
        long dl = d & 0xFFFFFFFFL;
        long q1 = Long.divideUnsigned(hi, dh);
        long r = hi - q1 * dh;
        while (q1 >>> 32 != 0 || Long.compareUnsigned(q1 * dl, r << 32 | lo >>> 32) > 0) {
            q1--;
            r += dh;
            if (r >>> 32 != 0) {
                break;
            }
        }
        long mid = (hi << 32 | lo >>> 32) - q1 * d;
        long q0 = Long.divideUnsigned(mid, dh);
        r = mid - q0 * dh;
        while (q0 >>> 32 != 0 || Long.compareUnsigned(q0 * dl, r << 32 | lo & 0xFFFFFFFFL) > 0) {
            q0--;
            r += dh;
            if (r >>> 32 != 0) {
                break;
            }
        }
        remainder = (mid << 32 | lo & 0xFFFFFFFFL) - q0 * d;
        return q1 << 32 | q0;
    }

    /** Square root. */
    public void sqrt(long m, int signAndExp) {
        if (special(m, signAndExp)) {
            return;
        }
        if (zero(m, signAndExp)) {
            set(m, signAndExp);
            return;
        }
        if ((signAndExp & 0x8000) != 0) {
            invalid();
            return;
        }
        if (infinite(m, signAndExp)) {
            set(m, signAndExp);
            return;
        }
        noteDenormal(m, signAndExp);
        int e = exponent(m, signAndExp) - BIAS;
        long n = normal(m);
        // Make the exponent even; radicand = n << 63 or n << 64, its root has 64 bits.
        boolean odd = (e & 1) != 0;
        long radHi = odd ? n : n >>> 1;
        long radLo = odd ? 0 : n << 63;
        long root = 0;
        long remHi = 0;
        long remLo = 0;
        // Digit by digit; 64 digits of the root, then 64 more for rounding come from the remainder being zero or not and one compare.
        for (int i = 0; i < 64; i++) {
            remHi = remHi << 2 | remLo >>> 62;
            remLo = remLo << 2 | radHi >>> 62;
            radHi = radHi << 2 | radLo >>> 62;
            radLo <<= 2;
            // trial = root * 4 + 1, 66 bits
            long trialHi = root >>> 62;
            long trialLo = root << 2 | 1;
            int order = Long.compareUnsigned(remHi, trialHi);
            if (order > 0 || order == 0 && Long.compareUnsigned(remLo, trialLo) >= 0) {
                long borrow = Long.compareUnsigned(remLo, trialLo) < 0 ? 1 : 0;
                remLo -= trialLo;
                remHi -= trialHi + borrow;
                root = root << 1 | 1;
            } else {
                root <<= 1;
            }
        }
        // The half bit is set when the remainder exceeds the root; it never equals root + 1/2.
        boolean any = remHi != 0 || remLo != 0;
        boolean half = remHi != 0 || Long.compareUnsigned(remLo, root) > 0;
        long lo = (half ? ONE : 0) | (any ? 1 : 0);
        roundPack(0, (e >> 1) + BIAS, root, lo);
    }

    /**
     * Compares.
     *
     * @param quiet whether a quiet NaN is no invalid operation (FUCOM)
     * @return -1, 0, 1, or 2 for unordered
     */
    public int compare(long am, int ase, long bm, int bse, boolean quiet) {
        if (unsupported(am, ase) || unsupported(bm, bse)) {
            flags |= IE;
            return 2;
        }
        if (nan(am, ase) || nan(bm, bse)) {
            if (!quiet || signalling(am, ase) || signalling(bm, bse)) {
                flags |= IE;
            }
            return 2;
        }
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        if (am == 0 && bm == 0) {
            return 0;
        }
        boolean an = (ase & 0x8000) != 0;
        boolean bn = (bse & 0x8000) != 0;
        if (am == 0) {
            return bn ? 1 : -1;
        }
        if (bm == 0 || an != bn) {
            return an ? -1 : 1;
        }
        int ea = Math.max(ase & MAX_EXP, 1);
        int eb = Math.max(bse & MAX_EXP, 1);
        int order = ea != eb ? Integer.compare(ea, eb) : Long.compareUnsigned(am, bm);
        return Integer.signum(an ? -order : order);
    }

    /** Rounds to an integer in the same format (FRNDINT). */
    public void roundToInt(long m, int signAndExp) {
        if (special(m, signAndExp)) {
            return;
        }
        int e = (signAndExp & MAX_EXP) - BIAS;
        if (e >= 63 || m == 0) {
            set(m, signAndExp);
            return;
        }
        noteDenormal(m, signAndExp);
        int sign = signAndExp & 0x8000;
        if (e < 0) {
            boolean half = e == -1;
            boolean rest = e < -1 || m << 1 != 0;
            flags |= PE;
            roundedUp = up(sign != 0, false, half, rest);
            set(roundedUp ? ONE : 0, roundedUp ? sign | BIAS : sign);
            return;
        }
        long kept = roundBits(sign != 0, m, 0, 63 - e);
        flags |= flagsOfRound;
        if (kept == 0) {
            set(ONE, signAndExp + 1);
        } else {
            set(kept, signAndExp);
        }
    }

    // ---- conversions

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

    // ---- exact steps for the instructions that are built from several

    /** a * 2^n with n the integer part of b (FSCALE). */
    public void scale(long am, int ase, long bm, int bse) {
        if (special(am, ase, bm, bse)) {
            return;
        }
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        int sign = ase & 0x8000;
        if (infinite(bm, bse)) {
            boolean down = (bse & 0x8000) != 0;
            if (infinite(am, ase) && down || zero(am, ase) && !down) {
                flags &= ~DE;
                invalid();
            } else if (down) {
                set(0, sign);
            } else {
                infinity(sign);
            }
            return;
        }
        if (infinite(am, ase) || am == 0) {
            set(am, ase);
            return;
        }
        int e = (bse & MAX_EXP) - BIAS;
        int n;
        if (bm == 0 || e < 0) {
            n = 0;
        } else if (e > 16) {
            n = 1 << 17;
        } else {
            n = (int) (bm >>> 63 - e);
        }
        if ((bse & 0x8000) != 0) {
            n = -n;
        }
        fullPrecision();
        roundPack(sign, Math.clamp(exponent(am, ase) + n, -0x10000, 0x18000), normal(am), 0);
    }

    /** Rounds a positive or negative value given as a normalized 128-bit significand, with an unbounded exponent, to the result. */
    public void pack(boolean negative, int biasedExponent, long hi, long lo) {
        roundPack(negative ? 0x8000 : 0, biasedExponent, hi, lo);
    }

    /**
     * Partial remainder (FPREM, FPREM1): reduces the exponent difference by at most 63 in one go.
     *
     * @param nearest whether the quotient is rounded to nearest (FPREM1) instead of truncated
     * @return the low bits of the quotient when the reduction is complete, or -1 when it is partial or settled by a special case
     */
    public int remainder(long am, int ase, long bm, int bse, boolean nearest) {
        if (special(am, ase, bm, bse)) {
            return -2;
        }
        if (infinite(am, ase) || zero(bm, bse)) {
            invalid();
            return -2;
        }
        fullPrecision();
        noteDenormal(am, ase);
        noteDenormal(bm, bse);
        if (zero(am, ase) || infinite(bm, bse)) {
            unchanged(am, ase);
            return 0;
        }
        int sign = ase & 0x8000;
        int ea = exponent(am, ase);
        int eb = exponent(bm, bse);
        long ma = normal(am);
        long mb = normal(bm);
        int d = ea - eb;
        if (d < -1 || d < 0 && !nearest) {
            unchanged(am, ase);
            return 0;
        }
        boolean partial = d > 63;
        int steps = partial ? 32 + (d & 31) : d;
        long q = 0;
        long rem = ma;
        boolean over = false;
        if (d == -1) {
            // FPREM1 with a in [b/4, b): quotient 0 or 1, decided below with the remainder a.
            rem = ma >>> 1;
            boolean lost = (ma & 1) != 0;
            int order = compareHalf(rem, lost, mb);
            if (order > 0) {
                // b - a, in units of 2^(ea)
                long r = (mb << 1) - ma;
                finish(sign ^ 0x8000, ea, r);
                return 1;
            }
            unchanged(am, ase);
            return 0;
        }
        for (int i = steps; ; i--) {
            q <<= 1;
            if (over || Long.compareUnsigned(rem, mb) >= 0) {
                rem -= mb;
                q |= 1;
            }
            if (i == 0) {
                break;
            }
            over = rem < 0;
            rem <<= 1;
        }
        if (partial) {
            finish(sign, ea - steps, rem);
            return -1;
        }
        if (nearest) {
            boolean dbl = rem < 0;
            int order = dbl ? 1 : Long.compareUnsigned(rem << 1, mb);
            if (order > 0 || order == 0 && (q & 1) != 0) {
                rem = mb - rem;
                q++;
                sign ^= 0x8000;
            }
        }
        finish(sign, eb, rem);
        if (rem == 0) {
            se = ase & 0x8000;
        }
        return (int) q & 7;
    }

    /** Makes an operand the result; denormals are rounded like one, which may raise underflow, and pseudo-denormals become normal. */
    private void unchanged(long m, int signAndExp) {
        if (denormal(m, signAndExp)) {
            roundPack(signAndExp & 0x8000, exponent(m, signAndExp), normal(m), 0);
        } else {
            set(m, signAndExp);
        }
    }

    private static int compareHalf(long halfA, boolean lost, long mb) {
        // Is a > b/2, with a = ma * 2^(eb-1)? Both as multiples of 2^(eb): ma/2 against mb/2.
        int order = Long.compareUnsigned(halfA, mb >>> 1);
        if (order != 0) {
            return order;
        }
        int a = lost ? 1 : 0;
        int b = (int) (mb & 1);
        return Integer.compare(a, b);
    }

    private void finish(int sign, int exp, long rem) {
        if (rem == 0) {
            set(0, sign);
        } else {
            int lead = Long.numberOfLeadingZeros(rem);
            roundPack(sign, exp - lead, rem << lead, 0);
        }
    }
}
