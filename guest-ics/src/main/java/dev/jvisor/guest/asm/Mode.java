package dev.jvisor.guest.asm;

/** The operating mode code is assembled for: it decides default operand and address sizes and what can be encoded. */
public enum Mode {
    /** Real mode, virtual-8086 mode and 16-bit protected-mode segments. */
    BITS16(2),
    /** 32-bit protected-mode segments, and compatibility mode. */
    BITS32(4),
    /** 64-bit mode. */
    BITS64(8);

    private final int addressBytes;

    Mode(int addressBytes) {
        this.addressBytes = addressBytes;
    }

    /** {@return the default address size in bytes: 2, 4 or 8} */
    public int addressBytes() {
        return addressBytes;
    }

    /** {@return the default operand size in bytes: 2, 4 or 4} */
    public int operandBytes() {
        return this == BITS16 ? 2 : 4;
    }

    /** {@return the bytes that a push of the default size moves the stack pointer by: 2, 4 or 8} */
    public int stackBytes() {
        return addressBytes;
    }
}
