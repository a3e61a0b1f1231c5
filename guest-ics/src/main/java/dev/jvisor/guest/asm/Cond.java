package dev.jvisor.guest.asm;

import java.util.Locale;

/** The conditions of Jcc, SETcc and CMOVcc, in encoding order (Intel SDM volume 2, appendix B.1.4.7). */
public enum Cond {
    /** Overflow. */
    O,
    /** No overflow. */
    NO,
    /** Below: unsigned, also carry. */
    B,
    /** Above or equal: unsigned, also no carry. */
    AE,
    /** Equal, also zero. */
    E,
    /** Not equal, also not zero. */
    NE,
    /** Below or equal: unsigned. */
    BE,
    /** Above: unsigned. */
    A,
    /** Sign. */
    S,
    /** No sign. */
    NS,
    /** Parity even. */
    P,
    /** Parity odd. */
    NP,
    /** Less: signed. */
    L,
    /** Greater or equal: signed. */
    GE,
    /** Less or equal: signed. */
    LE,
    /** Greater: signed. */
    G;

    /** {@return the four-bit encoding} */
    public int code() {
        return ordinal();
    }

    /** {@return the opposite condition} */
    public Cond not() {
        return values()[ordinal() ^ 1];
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
