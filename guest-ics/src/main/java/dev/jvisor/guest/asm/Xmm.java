package dev.jvisor.guest.asm;

import java.util.Locale;

/** The SSE registers. */
@SuppressWarnings("javadoc") // The names say all there is to say.
public enum Xmm implements Operand {
    XMM0(0), XMM1(1), XMM2(2), XMM3(3), XMM4(4), XMM5(5), XMM6(6), XMM7(7), XMM8(8), XMM9(9), XMM10(10), XMM11(11), XMM12(12), XMM13(13), XMM14(14), XMM15(15);

    private final int code;

    Xmm(int code) {
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
