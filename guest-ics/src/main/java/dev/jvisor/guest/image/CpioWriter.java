package dev.jvisor.guest.image;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes a cpio archive in the "newc" format that Linux unpacks as an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Deterministic: the same calls give the same bytes; owner
 * is root, times are zero, inode numbers count up. Directories above an entry must have been added before it.
 */
public final class CpioWriter {
    private static final int DIRECTORY = 0040000;
    private static final int REGULAR = 0100000;
    private static final int SYMLINK = 0120000;
    private static final int CHARACTER_DEVICE = 0020000;
    private static final int BLOCK = 512;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Set<String> names = new HashSet<>();
    private int inode = 1;

    /** Makes an empty archive. */
    public CpioWriter() {
        // Nothing to do.
    }

    /**
     * Adds a directory.
     *
     * @param name        relative path without a slash at either end
     * @param permissions for example 0755
     */
    public void directory(String name, int permissions) {
        entry(name, DIRECTORY | permissions, 2, new byte[0], 0, 0);
    }

    /**
     * Adds a file.
     *
     * @param name        relative path
     * @param permissions for example 0644
     * @param content     its bytes
     */
    public void file(String name, int permissions, byte[] content) {
        entry(name, REGULAR | permissions, 1, content, 0, 0);
    }

    /**
     * Adds a symbolic link.
     *
     * @param name   relative path
     * @param target what it points to
     */
    public void symlink(String name, String target) {
        entry(name, SYMLINK | 0777, 1, target.getBytes(StandardCharsets.UTF_8), 0, 0);
    }

    /**
     * Adds a character device.
     *
     * @param name        relative path
     * @param permissions for example 0600
     * @param major       major number
     * @param minor       minor number
     */
    public void characterDevice(String name, int permissions, int major, int minor) {
        entry(name, CHARACTER_DEVICE | permissions, 1, new byte[0], major, minor);
    }

    /**
     * {@return whether an entry was added}
     *
     * @param name relative path
     */
    public boolean contains(String name) {
        return names.contains(name);
    }

    /** {@return the archive with its trailer, a multiple of 512 bytes; more may be added afterwards and this called again} */
    public byte[] finish() {
        ByteArrayOutputStream whole = new ByteArrayOutputStream(out.size() + BLOCK);
        whole.writeBytes(out.toByteArray());
        write(whole, "TRAILER!!!", 0, 0, 1, new byte[0], 0, 0);
        whole.writeBytes(new byte[-whole.size() & BLOCK - 1]);
        return whole.toByteArray();
    }

    private void entry(String name, int mode, int links, byte[] content, int major, int minor) {
        if (name.isEmpty() || name.startsWith("/") || name.endsWith("/") || name.equals("TRAILER!!!")) {
            throw new IllegalArgumentException("not a relative path: name=" + name);
        }
        int slash = name.lastIndexOf('/');
        if (slash > 0 && !names.contains(name.substring(0, slash))) {
            throw new IllegalArgumentException("its directory was not added: name=" + name);
        }
        if (!names.add(name)) {
            throw new IllegalArgumentException("added twice: name=" + name);
        }
        write(out, name, inode++, mode, links, content, major, minor);
    }

    private static void write(ByteArrayOutputStream to, String name, int inode, int mode, int links, byte[] content, int major, int minor) {
        byte[] path = name.getBytes(StandardCharsets.UTF_8);
        int[] fields = {inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, path.length + 1, 0};
        StringBuilder header = new StringBuilder("070701");
        for (int field : fields) {
            header.append(String.format("%08X", field));
        }
        to.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
        to.writeBytes(path);
        to.write(0);
        to.writeBytes(new byte[-to.size() & 3]);
        to.writeBytes(content);
        to.writeBytes(new byte[-to.size() & 3]);
    }
}
