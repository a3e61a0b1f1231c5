package dev.jvisor.guest.asm;

import java.util.Locale;

/** The segment registers. */
@SuppressWarnings("javadoc") // The names say all there is to say.
public enum Seg implements Operand {
    ES(0), CS(1), SS(2), DS(3), FS(4), GS(5);

    private final int code;

    Seg(int code) {
        this.code = code;
    }

    /** {@return the register's number in encodings} */
    public int code() {
        return code;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
