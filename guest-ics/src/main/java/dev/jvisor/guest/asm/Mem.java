package dev.jvisor.guest.asm;

/**
 * A memory operand: {@code segment:[base + index * scale + displacement]}, {@code [label]} or {@code [address]}.
 * Values are immutable; each step of the builder style gives a new one:
 * {@code mem(RBX).index(RCX, 8).disp(-16).dword()}.
 *
 * <p>A label is reached relative to RIP in 64-bit mode when there is no base and no index, and by its address as
 * displacement otherwise (then it must lie in the reach of the displacement).
 *
 * @param bytes    size of the operand in bytes (1, 2, 4, 6, 8, 10, 16), or 0 when the other operand tells
 * @param base     base register or null
 * @param index    index register or null
 * @param scale    1, 2, 4 or 8
 * @param disp     displacement, or an offset from the label
 * @param label    label or null
 * @param segment  segment override or null
 */
public record Mem(int bytes, Gpr base, Gpr index, int scale, long disp, Label label, Seg segment) implements Operand {
    /** Checks what is wrong in any mode. */
    public Mem {
        if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
            throw new AssemblyException("scale of an index is 1, 2, 4 or 8: scale=" + scale);
        }
        if (base != null && base.bytes() < 2 || index != null && index.bytes() < 2) {
            throw new AssemblyException("byte registers do not address memory: base=" + base + ", index=" + index);
        }
        if (base != null && index != null && base.bytes() != index.bytes()) {
            throw new AssemblyException("base and index have different widths: base=" + base + ", index=" + index);
        }
        if (index != null && index.code() == 4) {
            throw new AssemblyException(index + " can not be an index");
        }
    }

    /**
     * {@return memory at the address in a register}
     *
     * @param base the register
     */
    public static Mem mem(Gpr base) {
        return new Mem(0, base, null, 1, 0, null, null);
    }

    /**
     * {@return memory at an address}
     *
     * @param address the address; in 64-bit mode it must be a sign-extended 32-bit one
     */
    public static Mem mem(long address) {
        return new Mem(0, null, null, 1, address, null, null);
    }

    /**
     * {@return memory at a label}
     *
     * @param label the label
     */
    public static Mem mem(Label label) {
        return new Mem(0, null, null, 1, 0, label, null);
    }

    /**
     * {@return this with an index}
     *
     * @param register the index register
     * @param factor   1, 2, 4 or 8
     */
    public Mem index(Gpr register, int factor) {
        return new Mem(bytes, base, register, factor, disp, label, segment);
    }

    /**
     * {@return this with another displacement}
     *
     * @param displacement in bytes
     */
    public Mem disp(long displacement) {
        return new Mem(bytes, base, index, scale, displacement, label, segment);
    }

    /**
     * {@return this with a label's address added}
     *
     * @param place the label
     */
    public Mem at(Label place) {
        return new Mem(bytes, base, index, scale, disp, place, segment);
    }

    /**
     * {@return this with a segment override}
     *
     * @param override the segment register
     */
    public Mem segment(Seg override) {
        return new Mem(bytes, base, index, scale, disp, label, override);
    }

    /**
     * {@return this with a size}
     *
     * @param size in bytes
     */
    public Mem sized(int size) {
        return new Mem(size, base, index, scale, disp, label, segment);
    }

    /** {@return this as one byte} */
    public Mem byte_() {
        return sized(1);
    }

    /** {@return this as two bytes} */
    public Mem word() {
        return sized(2);
    }

    /** {@return this as four bytes} */
    public Mem dword() {
        return sized(4);
    }

    /** {@return this as eight bytes} */
    public Mem qword() {
        return sized(8);
    }

    /** {@return this as sixteen bytes} */
    public Mem oword() {
        return sized(16);
    }

    /** {@return the width of the address registers in bytes, or 0 when there are none} */
    int addressBytes() {
        return base != null ? base.bytes() : index != null ? index.bytes() : 0;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(switch (bytes) {
            case 1 -> "byte ptr ";
            case 2 -> "word ptr ";
            case 4 -> "dword ptr ";
            case 6 -> "fword ptr ";
            case 8 -> "qword ptr ";
            case 16 -> "xmmword ptr ";
            default -> "";
        });
        if (segment != null) {
            text.append(segment).append(':');
        } else if (base == null && index == null && label == null) {
            text.append("ds:");
        }
        text.append('[');
        String plus = "";
        if (label != null) {
            text.append(label);
            plus = "+";
        }
        if (base != null) {
            text.append(plus).append(base);
            plus = "+";
        }
        if (index != null) {
            text.append(plus).append(index);
            if (index.bytes() > 2) {
                text.append('*').append(scale);
            }
            plus = "+";
        }
        if (disp != 0 || plus.isEmpty()) {
            text.append(disp < 0 ? "" : plus).append(disp);
        }
        return text.append(']').toString();
    }
}
