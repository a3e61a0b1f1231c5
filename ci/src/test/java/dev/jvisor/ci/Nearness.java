package dev.jvisor.ci;

import java.math.BigInteger;
import java.util.List;
import java.util.Set;

/**
 * How far results that rest on transcendental instructions of the x87 are from those of another processor. The manual grants each instruction an
 * error of one unit in the last place (Intel SDM 1, 8.3.10), and no two makers' processors make the same; a function of glibc's multiplies it.
 */
final class Nearness {
    /** Units in the last of 64 places. */
    private static final int GRANTED = 16;
    /** Sums that cancel near their zeros: there it is the distance that counts, in units of 2^-80. */
    private static final Set<String> CANCEL = Set.of("math.lgammal", "math.j0l", "math.j1l", "math.y0l", "math.y1l");
    private static final BigInteger GRANTED_DISTANCE = BigInteger.TWO.pow(80 - 57);
    private static final int BIAS = 16383;

    private int told;
    private BigInteger most = BigInteger.ZERO;

    /** An 80-bit number as it is printed: sign and exponent, significand. */
    private record Number(String name, int exponent, BigInteger significand, boolean negative) {
        static Number of(String line) {
            String[] words = line.split(" ");
            int se = Integer.parseInt(words[2], 16);
            return new Number(words[1], se & 0x7FFF, new BigInteger(words[3], 16), (se & 0x8000) != 0);
        }

        /** {@return how many numbers lie between it and 0} */
        BigInteger place() {
            BigInteger p = exponent == 0 ? significand : BigInteger.valueOf(exponent - 1L).shiftLeft(63).add(significand);
            return negative ? p.negate() : p;
        }

        /** {@return it in units of 2^-80} */
        BigInteger scaled() {
            BigInteger v = significand.shiftLeft(exponent - BIAS - 63 + 80);
            return negative ? v.negate() : v;
        }
    }

    /**
     * Compares lines {@code NEAR name exponent significand}, and adds to {@code differ} those that are too far apart.
     *
     * @param what they belong to
     * @param theirs the host's
     * @param ours the guest's
     */
    void compare(String what, List<String> theirs, List<String> ours, List<String> differ) {
        if (theirs.size() != ours.size()) {
            differ.add(what + ": " + ours.size() + " results instead of " + theirs.size());
            return;
        }
        for (int k = 0; k < ours.size(); k++) {
            Number a = Number.of(theirs.get(k));
            Number b = Number.of(ours.get(k));
            BigInteger apart = a.place().subtract(b.place()).abs();
            boolean small = CANCEL.contains(a.name) && a.exponent < BIAS && b.exponent < BIAS
                    && a.scaled().subtract(b.scaled()).abs().compareTo(GRANTED_DISTANCE) <= 0;
            if (!a.name.equals(b.name) || !small && apart.compareTo(BigInteger.valueOf(GRANTED)) > 0) {
                differ.add(what + ": host: " + theirs.get(k) + ", guest: " + ours.get(k));
            } else if (!small) {
                most = most.max(apart);
            }
            told++;
        }
    }

    @Override
    public String toString() {
        return told + " more at most " + most + " units apart";
    }
}
