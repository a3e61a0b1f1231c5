package dev.jvisor.guest.asm;

import java.util.Locale;

/** The debug registers. */
@SuppressWarnings("javadoc") // The names say all there is to say.
public enum Dr implements Operand {
    DR0(0), DR1(1), DR2(2), DR3(3), DR6(6), DR7(7);

    private final int code;

    Dr(int code) {
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
