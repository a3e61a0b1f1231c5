package dev.jvisor.guest.asm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The bytes of a program under construction: labels, references to them, data and alignment. Knows no instruction. */
abstract class CodeBuffer {
    /** A reference to a label, to be filled in when all labels are known. */
    private record Fixup(int at, int bytes, Label label, long addend, boolean relative, String what) {
    }

    private final long origin;
    private final List<Fixup> fixups = new ArrayList<>();
    private byte[] code = new byte[4096];
    private int length;
    private int labels;

    CodeBuffer(long origin) {
        this.origin = origin;
    }

    /** {@return the address the first byte will be loaded at} */
    public long origin() {
        return origin;
    }

    /** {@return bytes written so far} */
    public int offset() {
        return length;
    }

    /** {@return the address of the next byte} */
    public long here() {
        return origin + length;
    }

    /**
     * Makes a label that is not bound yet.
     *
     * @param name for error texts
     * @return the label
     */
    public Label label(String name) {
        return new Label(this, name);
    }

    /** {@return a new label without a name of its own, not bound yet} */
    public Label label() {
        return new Label(this, ".L" + labels++);
    }

    /**
     * Binds a label to the next byte.
     *
     * @param label a label of this assembler
     * @return the label
     * @throws AssemblyException if it is bound already or belongs to another assembler
     */
    public Label bind(Label label) {
        own(label);
        label.bindAt(length);
        return label;
    }

    /**
     * Makes a label and binds it to the next byte.
     *
     * @param name for error texts
     * @return the label
     */
    public Label bind(String name) {
        return bind(label(name));
    }

    /**
     * Writes bytes.
     *
     * @param bytes each in -128 to 255
     */
    public void db(int... bytes) {
        for (int b : bytes) {
            if (b < -128 || b > 255) {
                throw new AssemblyException("db: value does not fit in a byte: value=" + b);
            }
            emit(b, 1);
        }
    }

    /**
     * Writes bytes.
     *
     * @param bytes the bytes
     */
    public void bytes(byte[] bytes) {
        room(bytes.length);
        System.arraycopy(bytes, 0, code, length, bytes.length);
        length += bytes.length;
    }

    /**
     * Writes 16-bit values, little endian.
     *
     * @param values each in -32768 to 65535
     */
    public void dw(int... values) {
        for (int value : values) {
            if (value < -32768 || value > 65535) {
                throw new AssemblyException("dw: value does not fit in 16 bits: value=" + value);
            }
            emit(value, 2);
        }
    }

    /**
     * Writes 32-bit values, little endian.
     *
     * @param values the values; the upper halves must be a zero or sign extension
     */
    public void dd(long... values) {
        for (long value : values) {
            if (value != (int) value && value >>> 32 != 0) {
                throw new AssemblyException("dd: value does not fit in 32 bits: value=" + value);
            }
            emit(value, 4);
        }
    }

    /**
     * Writes 64-bit values, little endian.
     *
     * @param values the values
     */
    public void dq(long... values) {
        for (long value : values) {
            emit(value, 8);
        }
    }

    /**
     * Writes the address of a label in 32 bits.
     *
     * @param label the label
     */
    public void dd(Label label) {
        reference(label, 4, 0, false, "dd");
    }

    /**
     * Writes the address of a label in 64 bits.
     *
     * @param label the label
     */
    public void dq(Label label) {
        reference(label, 8, 0, false, "dq");
    }

    /**
     * Writes a text in ASCII, without a terminator.
     *
     * @param text the text
     */
    public void ascii(String text) {
        bytes(text.getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * Writes a text in ASCII with a zero byte after it.
     *
     * @param text the text
     */
    public void asciz(String text) {
        ascii(text);
        db(0);
    }

    /**
     * Writes zero bytes.
     *
     * @param count how many, not negative
     */
    public void zeros(int count) {
        fill(count, 0);
    }

    /**
     * Writes one byte many times.
     *
     * @param count how many, not negative
     * @param value the byte
     */
    public void fill(int count, int value) {
        if (count < 0) {
            throw new AssemblyException("fill: negative count: count=" + count);
        }
        room(count);
        Arrays.fill(code, length, length + count, (byte) value);
        length += count;
    }

    /**
     * Writes zero bytes up to an address that is a multiple.
     *
     * @param boundary a power of two
     */
    public void align(int boundary) {
        if (Integer.bitCount(boundary) != 1) {
            throw new AssemblyException("align: not a power of two: boundary=" + boundary);
        }
        zeros((int) (-here() & boundary - 1));
    }

    /**
     * Writes zero bytes up to an offset from the start.
     *
     * @param offset in bytes, not below the current one
     */
    public void padTo(int offset) {
        if (offset < length) {
            throw new AssemblyException("padTo: already past it: offset=" + offset + ", now=" + length);
        }
        zeros(offset - length);
    }

    /**
     * Fills in all references and gives the bytes. May be called more than once.
     *
     * @return a fresh array
     * @throws AssemblyException if a label that is used is not bound, or out of reach
     */
    public byte[] assemble() {
        for (Fixup fixup : fixups) {
            long value = fixup.label.address() + fixup.addend;
            if (fixup.relative) {
                value -= origin;
                long distance = value - fixup.at;
                if (!fitsSigned(distance, fixup.bytes)) {
                    throw new AssemblyException(fixup.what + ": label '" + fixup.label + "' is out of reach: distance="
                            + distance + ", bytes=" + fixup.bytes);
                }
                put(fixup.at, distance, fixup.bytes);
            } else {
                if (!fits(value, fixup.bytes)) {
                    throw new AssemblyException(fixup.what + ": address of label '" + fixup.label + "' does not fit: address=0x"
                            + Long.toHexString(value) + ", bytes=" + fixup.bytes);
                }
                put(fixup.at, value, fixup.bytes);
            }
        }
        return Arrays.copyOf(code, length);
    }

    /** Writes the low {@code bytes} bytes of a value. */
    final void emit(long value, int bytes) {
        room(bytes);
        put(length, value, bytes);
        length += bytes;
    }

    /**
     * Writes room for a reference to a label.
     *
     * @param addend for a relative reference minus the distance from its field to the point it is relative to
     */
    final void reference(Label label, int bytes, long addend, boolean relative, String what) {
        own(label);
        fixups.add(new Fixup(length, bytes, label, addend, relative, what));
        emit(0, bytes);
    }

    static boolean fitsSigned(long value, int bytes) {
        return bytes == 8 || value == value << 64 - 8 * bytes >> 64 - 8 * bytes;
    }

    /** Whether a value fits as a signed or as an unsigned number. */
    static boolean fits(long value, int bytes) {
        return fitsSigned(value, bytes) || value >>> 8 * bytes == 0;
    }

    private void own(Label label) {
        if (label.owner() != this) {
            throw new AssemblyException("label '" + label + "' belongs to another assembler");
        }
    }

    private void put(int at, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            code[at + i] = (byte) (value >>> 8 * i);
        }
    }

    private void room(int bytes) {
        if (length + bytes > code.length) {
            code = Arrays.copyOf(code, Math.max(code.length * 2, length + bytes));
        }
    }
}
