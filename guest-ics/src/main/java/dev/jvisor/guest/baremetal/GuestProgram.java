package dev.jvisor.guest.baremetal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A bare-metal guest: bytes, where they go, and where to start. Nothing outside the image is expected to be zero.
 *
 * @param name        what people call it
 * @param image       the flat bytes; do not change them
 * @param loadAddress GPA of the first byte
 * @param entry       GPA of the first instruction
 * @param mode        state of the processor there
 */
public record GuestProgram(String name, byte[] image, long loadAddress, long entry, EntryMode mode) {
    /** Offset of the parameter block in images with a 32-bit entry: eight 64-bit values, little endian. */
    public static final int PARAMETER_OFFSET = 0x40;
    /** Number of parameters. */
    public static final int PARAMETER_COUNT = 8;

    /**
     * Gives a copy with one parameter set. What the parameters mean is said by the guest's class.
     *
     * @param index 0 to 7
     * @param value the value
     * @return the copy
     * @throws IllegalArgumentException if the program has no parameter block, or the index is out of range
     */
    public GuestProgram withParameter(int index, long value) {
        if (mode != EntryMode.PROTECTED_32 || index < 0 || index >= PARAMETER_COUNT) {
            throw new IllegalArgumentException("no such parameter: name=" + name + ", mode=" + mode + ", index=" + index);
        }
        byte[] copy = image.clone();
        ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN).putLong(PARAMETER_OFFSET + 8 * index, value);
        return new GuestProgram(name, copy, loadAddress, entry, mode);
    }

    /**
     * {@return the program as an ELF64 file with a PVH note}
     *
     * @throws IllegalStateException if it starts in real mode
     */
    public byte[] toElf() {
        requireProtectedEntry();
        return ElfWrapping.wrap(this);
    }

    /**
     * {@return the program as a multiboot 1 kernel: the image with its header filled in}
     *
     * @throws IllegalStateException if it starts in real mode
     */
    public byte[] toMultiboot() {
        requireProtectedEntry();
        return MultibootWrapping.wrap(this);
    }

    /**
     * Writes the ELF form, or for a real-mode program the flat one.
     *
     * @param file where to
     * @throws IOException if it can not be written
     */
    public void write(Path file) throws IOException {
        Files.write(file, mode == EntryMode.REAL_16 ? image : toElf());
    }

    private void requireProtectedEntry() {
        if (mode != EntryMode.PROTECTED_32) {
            throw new IllegalStateException("starts in real mode, so it is a flat binary only: name=" + name);
        }
    }
}
