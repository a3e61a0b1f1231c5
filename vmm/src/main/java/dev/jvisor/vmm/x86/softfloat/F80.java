package dev.jvisor.vmm.x86.softfloat;

/**
 * The x87 arithmetic unit (Intel SDM 1, chapter 8): addition, multiplication, division, square root, comparison, remainder and rounding in
 * double-extended precision, on top of {@link F80Accumulator} and {@link F80Conversions}. Nothing is allocated. Not thread-safe: one per VP.
 */
public final class F80 extends F80Conversions {
    /** Makes a unit with a zero result. */
    public F80() { }

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
