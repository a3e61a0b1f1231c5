package dev.jvisor.guest.asm;

import java.util.Locale;

/** The control registers that exist. */
@SuppressWarnings("javadoc") // The names say all there is to say.
public enum Cr implements Operand {
    CR0(0), CR2(2), CR3(3), CR4(4), CR8(8);

    private final int code;

    Cr(int code) {
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
