package dev.jvisor.guest.asm;

import java.util.Locale;

/** The general registers in all four widths, under the names of the Intel SDM (volume 1, section 3.4.1). */
@SuppressWarnings("javadoc") // The names say all there is to say.
public enum Gpr implements Operand {
    AL(1, 0, false), CL(1, 1, false), DL(1, 2, false), BL(1, 3, false),
    SPL(1, 4, false), BPL(1, 5, false), SIL(1, 6, false), DIL(1, 7, false),
    R8B(1, 8, false), R9B(1, 9, false), R10B(1, 10, false), R11B(1, 11, false),
    R12B(1, 12, false), R13B(1, 13, false), R14B(1, 14, false), R15B(1, 15, false),
    AH(1, 4, true), CH(1, 5, true), DH(1, 6, true), BH(1, 7, true),
    AX(2, 0, false), CX(2, 1, false), DX(2, 2, false), BX(2, 3, false),
    SP(2, 4, false), BP(2, 5, false), SI(2, 6, false), DI(2, 7, false),
    R8W(2, 8, false), R9W(2, 9, false), R10W(2, 10, false), R11W(2, 11, false),
    R12W(2, 12, false), R13W(2, 13, false), R14W(2, 14, false), R15W(2, 15, false),
    EAX(4, 0, false), ECX(4, 1, false), EDX(4, 2, false), EBX(4, 3, false),
    ESP(4, 4, false), EBP(4, 5, false), ESI(4, 6, false), EDI(4, 7, false),
    R8D(4, 8, false), R9D(4, 9, false), R10D(4, 10, false), R11D(4, 11, false),
    R12D(4, 12, false), R13D(4, 13, false), R14D(4, 14, false), R15D(4, 15, false),
    RAX(8, 0, false), RCX(8, 1, false), RDX(8, 2, false), RBX(8, 3, false),
    RSP(8, 4, false), RBP(8, 5, false), RSI(8, 6, false), RDI(8, 7, false),
    R8(8, 8, false), R9(8, 9, false), R10(8, 10, false), R11(8, 11, false),
    R12(8, 12, false), R13(8, 13, false), R14(8, 14, false), R15(8, 15, false);

    private static final Gpr[] ALL = values();

    private final int bytes;
    private final int code;
    private final boolean high;

    Gpr(int bytes, int code, boolean high) {
        this.bytes = bytes;
        this.code = code;
        this.high = high;
    }

    /** {@return the width in bytes: 1, 2, 4 or 8} */
    public int bytes() {
        return bytes;
    }

    /** {@return the register's number in encodings, 0 to 15 (AH, CH, DH, BH: 4 to 7)} */
    public int code() {
        return code;
    }

    /** {@return whether this is AH, CH, DH or BH, which can not be encoded beside a REX prefix} */
    public boolean isHighByte() {
        return high;
    }

    /** {@return whether this is SPL, BPL, SIL or DIL, which can only be encoded with a REX prefix} */
    public boolean needsRex() {
        return bytes == 1 && !high && code >= 4 || code >= 8;
    }

    /**
     * Finds a register by number and width.
     *
     * @param bytes width: 1, 2, 4 or 8
     * @param code number 0 to 15
     * @return the register, for one byte never a high-byte one
     * @throws AssemblyException if there is none such
     */
    public static Gpr of(int bytes, int code) {
        for (Gpr register : ALL) {
            if (register.bytes == bytes && register.code == code && !register.high) {
                return register;
            }
        }
        throw new AssemblyException("no general register: bytes=" + bytes + ", code=" + code);
    }

    /**
     * Gives the same register in another width.
     *
     * @param width in bytes: 1, 2, 4 or 8
     * @return the register
     * @throws AssemblyException if this is a high-byte register or the width is none
     */
    public Gpr as(int width) {
        if (high) {
            throw new AssemblyException(this + " has no other widths");
        }
        return of(width, code);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
