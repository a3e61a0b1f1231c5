package dev.jvisor.devices.vga;

import dev.jvisor.vmm.memory.MmioDevice;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Text memory: 32 KiB of character and attribute pairs at B8000h. Plain memory to the guest. Any number of VPs may write while another
 * thread takes the picture, which then may be half of the old and half of the new.
 */
public final class TextScreen implements MmioDevice {
    /** First guest physical address. */
    public static final long GPA = 0xB8000;
    /** Bytes. */
    public static final int SIZE = 0x8000;
    /** Characters in a line. */
    public static final int COLUMNS = 80;
    /** Lines. */
    public static final int ROWS = 25;

    private static final VarHandle LE16 = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LE32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LE64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /** Code page 437, 80h to FFh. */
    private static final String HIGH_CHARACTERS = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
            + "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0";

    private final byte[] memory = new byte[SIZE];
    /** First character shown, in characters from the start of memory; the CRT controller's start address. */
    private volatile int start;

    /** Makes a screen of grey blanks on black. */
    public TextScreen() {
        clear();
    }

    /** Power-on: blanks. */
    void clear() {
        for (int i = 0; i < SIZE; i += 2) {
            memory[i] = ' ';
            memory[i + 1] = 0x07;
        }
        start = 0;
    }

    void start(int character) {
        start = character;
    }

    byte[] copy() {
        return memory.clone();
    }

    void replace(byte[] with) {
        System.arraycopy(with, 0, memory, 0, SIZE);
    }

    @Override
    public long mmioRead(int vp, long offset, int size) {
        if (offset < 0 || offset > SIZE - size) {
            return -1L >>> 64 - 8 * size;
        }
        int at = (int) offset;
        return switch (size) {
            case 1 -> memory[at] & 0xFF;
            case 2 -> (short) LE16.get(memory, at) & 0xFFFF;
            case 4 -> Integer.toUnsignedLong((int) LE32.get(memory, at));
            default -> (long) LE64.get(memory, at);
        };
    }

    @Override
    public void mmioWrite(int vp, long offset, int size, long value) {
        if (offset < 0 || offset > SIZE - size) {
            return;
        }
        int at = (int) offset;
        switch (size) {
            case 1 -> memory[at] = (byte) value;
            case 2 -> LE16.set(memory, at, (short) value);
            case 4 -> LE32.set(memory, at, (int) value);
            default -> LE64.set(memory, at, value);
        }
    }

    private static char character(int code) {
        if (code >= 0x80) {
            return HIGH_CHARACTERS.charAt(code - 0x80);
        }
        return code < 0x20 || code == 0x7F ? ' ' : (char) code;
    }

    /** {@return the character at a place on the screen} */
    public char characterAt(int row, int column) {
        return character(memory[(start + row * COLUMNS + column) * 2 & SIZE - 1] & 0xFF);
    }

    /** {@return what a person would see: 25 lines of 80 characters, each ended by a line feed} */
    public String dump() {
        StringBuilder text = new StringBuilder(ROWS * (COLUMNS + 1));
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                text.append(characterAt(row, column));
            }
            text.append('\n');
        }
        return text.toString();
    }
}
