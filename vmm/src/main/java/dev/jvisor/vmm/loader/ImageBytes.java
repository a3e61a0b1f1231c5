package dev.jvisor.vmm.loader;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;

/** The bytes of an image file, little-endian, with reads that say "truncated" where the file ends too early. */
final class ImageBytes {
    private final String name;
    private final byte[] bytes;
    private final ByteBuffer view;

    ImageBytes(String name, byte[] bytes) {
        this.name = name;
        this.bytes = bytes;
        this.view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ImageBytes read(Path file) throws LoaderException {
        try {
            if (Files.isDirectory(file)) {
                throw new LoaderException(file + ": is a directory");
            }
            if (Files.size(file) > Integer.MAX_VALUE - 16) {
                throw new LoaderException(file + ": not a kernel I know (larger than 2 GiB)");
            }
            return new ImageBytes(file.toString(), Files.readAllBytes(file));
        } catch (IOException e) {
            throw new LoaderException(cannotRead(file, e), e);
        }
    }

    static String cannotRead(Path file, IOException e) {
        return switch (e) {
            case NoSuchFileException n -> file + ": no such file";
            case AccessDeniedException a -> file + ": permission denied";
            default -> file + ": cannot be read: " + e.getMessage();
        };
    }

    String name() {
        return name;
    }

    byte[] bytes() {
        return bytes;
    }

    int size() {
        return bytes.length;
    }

    /** Makes sure that a range is inside the file. {@return its offset} */
    int check(long offset, long length) throws LoaderException {
        if (offset < 0 || length < 0 || offset > bytes.length - length) {
            throw new LoaderException(name + ": truncated or damaged (needs bytes to " + (offset + length) + ", has " + bytes.length + ")");
        }
        return (int) offset;
    }

    int u8(long offset) throws LoaderException {
        return Byte.toUnsignedInt(bytes[check(offset, 1)]);
    }

    int u16(long offset) throws LoaderException {
        return Short.toUnsignedInt(view.getShort(check(offset, 2)));
    }

    int i32(long offset) throws LoaderException {
        return view.getInt(check(offset, 4));
    }

    long u32(long offset) throws LoaderException {
        return Integer.toUnsignedLong(i32(offset));
    }

    long i64(long offset) throws LoaderException {
        return view.getLong(check(offset, 8));
    }

    /** {@return the NUL-terminated text at an offset, at most {@code max} bytes} */
    String text(long offset, int max) throws LoaderException {
        int from = check(offset, 1);
        int to = from;
        while (to < bytes.length && to - from < max && bytes[to] != 0) {
            to++;
        }
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }
}
