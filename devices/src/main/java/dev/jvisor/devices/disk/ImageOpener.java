package dev.jvisor.devices.disk;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Finds out what an image is, replays its log, and opens it with its parents. */
final class ImageOpener {
    /** Longer chains are a mistake or an attack. */
    static final int MAX_CHAIN = 64;

    private final boolean locked;
    private final List<Path> chain = new ArrayList<>();
    private DiskImage given;

    private ImageOpener(boolean locked) {
        this.locked = locked;
    }

    /** Opens an image and its parents, each locked. */
    static DiskImage open(Path path, DiskOptions options) throws IOException {
        return new ImageOpener(true).open(path, options.format(), options.readOnly());
    }

    /** Opens for a look, without a lock: another may be writing. */
    static DiskImage look(Path path, DiskFormat format) throws IOException {
        return new ImageOpener(false).open(path, format, true);
    }

    /** Opens a differencing image for reading on a parent that is open already, and that is not closed with it. */
    static DiskImage withParent(Path path, DiskFormat format, DiskImage parent) throws IOException {
        ImageOpener opener = new ImageOpener(true);
        opener.given = new BorrowedImage(parent);
        return opener.open(path, format, true);
    }

    /** Opens one image without a parent on any file. */
    static DiskImage open(ImageFile file, DiskFormat format, boolean readOnly) throws IOException {
        return new ImageOpener(true).image(file, format, readOnly, Path.of(""));
    }

    /** Opens one image for writing on any file, on a parent that is not closed with it. */
    static DiskImage open(ImageFile file, DiskFormat format, DiskImage parent) throws IOException {
        ImageOpener opener = new ImageOpener(true);
        opener.given = new BorrowedImage(parent);
        return opener.image(file, format, false, Path.of(""));
    }

    /** Opens one image anew for writing, on the file and the parent of another that was released; they are closed with it. */
    static DiskImage reopen(ImageFile file, DiskFormat format, DiskImage parent) throws IOException {
        ImageOpener opener = new ImageOpener(true);
        opener.given = parent;
        return opener.image(file, format, false, Path.of(""));
    }

    private DiskImage open(Path path, DiskFormat format, boolean readOnly) throws IOException {
        Path real = path.toAbsolutePath().normalize();
        if (Files.isDirectory(real)) {
            throw new IOException(path + ": is a directory");
        }
        if (chain.contains(real)) {
            throw DiskFormatException.of(path.toString(), "the chain of parents comes back to itself");
        }
        if (chain.size() == MAX_CHAIN) {
            throw DiskFormatException.of(path.toString(), "the chain of parents is longer than " + MAX_CHAIN);
        }
        chain.add(real);
        HostFile file = HostFile.open(path, !readOnly, locked);
        try {
            if (readOnly && locked && logged(file, format)) {
                file.close();
                replay(path);
                file = HostFile.open(path, false, true);
            }
            return image(file, format, readOnly, path);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static boolean logged(ImageFile file, DiskFormat format) throws IOException {
        return (format == null || format == DiskFormat.VHDX) && detect(file) == DiskFormat.VHDX
                && !VhdxHeader.read(file).logGuid().equals(LittleEndian.ZERO_GUID);
    }

    private static void replay(Path path) throws IOException {
        try (HostFile file = HostFile.open(path, true, true)) {
            new VhdxLog(file, VhdxHeader.read(file)).replay();
        } catch (DiskFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(path + ": was not closed cleanly, and its log cannot be replayed: " + e.getMessage(), e);
        }
    }

    static DiskFormat detect(ImageFile file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(VhdLayout.FOOTER_SIZE, 8);
            file.read(m, 0);
            if (LittleEndian.u64(m, 0) == VhdxLayout.FILE_SIGNATURE) {
                return DiskFormat.VHDX;
            }
            if (VhdLayout.u64(m, 0) == VhdLayout.COOKIE) {
                return DiskFormat.VHD;
            }
            if (file.size() >= VhdLayout.FOOTER_SIZE) {
                file.read(m, file.size() - VhdLayout.FOOTER_SIZE);
            }
            return VhdLayout.validFooter(m) ? DiskFormat.VHD : DiskFormat.RAW;
        }
    }

    private DiskImage image(ImageFile file, DiskFormat format, boolean readOnly, Path path) throws IOException {
        return switch (format == null ? detect(file) : format) {
            case RAW -> new RawImage(file, readOnly);
            case VHD -> vhd(file, readOnly, path);
            case VHDX -> vhdx(file, readOnly, path);
        };
    }

    private DiskImage vhd(ImageFile file, boolean readOnly, Path path) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = arena.allocate(VhdLayout.FOOTER_SIZE, 8);
            long last = file.size() - VhdLayout.FOOTER_SIZE & -VhdLayout.SECTOR;
            if (last >= 0) {
                file.read(footer, last);
            }
            boolean trailing = VhdLayout.validFooter(footer);
            if (!trailing) {
                file.read(footer, 0);
                if (!VhdLayout.validFooter(footer)) {
                    throw DiskFormatException.of(file.name(), "no valid VHD footer");
                }
            }
            if (VhdLayout.u32(footer, VhdLayout.VERSION) >>> 16 != 1) {
                throw DiskFormatException.of(file.name(), "VHD version is not known");
            }
            int type = VhdLayout.u32(footer, VhdLayout.TYPE);
            if (type == VhdLayout.TYPE_FIXED) {
                return new VhdFixedImage(file, readOnly, footer);
            }
            if (type != VhdLayout.TYPE_DYNAMIC && type != VhdLayout.TYPE_DIFFERENCING) {
                throw DiskFormatException.of(file.name(), "VHD type " + type + " is not known");
            }
            long at = VhdLayout.u64(footer, VhdLayout.DATA_OFFSET);
            MemorySegment header = arena.allocate(VhdLayout.HEADER_SIZE, 8);
            if (at < VhdLayout.FOOTER_SIZE || at > file.size() - VhdLayout.HEADER_SIZE) {
                throw DiskFormatException.of(file.name(), "the dynamic header at " + at + " is not in the file");
            }
            file.read(header, at);
            if (VhdLayout.u64(header, 0) != VhdLayout.HEADER_COOKIE
                    || VhdLayout.u32(header, VhdLayout.HEADER_CHECKSUM) != VhdLayout.checksum(header, VhdLayout.HEADER_CHECKSUM)) {
                throw DiskFormatException.of(file.name(), "the dynamic header is not valid");
            }
            DiskImage parent = type != VhdLayout.TYPE_DIFFERENCING ? null : given != null ? given : vhdParent(file, header, path);
            try {
                VhdImage image = new VhdImage(file, readOnly, footer, header, parent);
                if (!readOnly) {
                    mend(file, footer, trailing, image.end());
                }
                return image;
            } catch (IOException | RuntimeException e) {
                closeQuietly(given == null ? parent : null, e);
                throw e;
            }
        }
    }

    /** Writes what a crash has left undone: the footer behind the last block, or, after a resize, its copy at the start. */
    private static void mend(ImageFile file, MemorySegment footer, boolean trailing, long end) throws IOException {
        if (!trailing) {
            file.write(footer, end);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(VhdLayout.FOOTER_SIZE, 8);
            file.read(copy, 0);
            if (copy.mismatch(footer) >= 0) {
                file.write(footer, 0);
            }
        }
    }

    private DiskImage vhdParent(ImageFile file, MemorySegment header, Path path) throws IOException {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < VhdLayout.LOCATOR_COUNT; i++) {
            long at = VhdLayout.LOCATORS + (long) i * VhdLayout.LOCATOR_SIZE;
            int code = VhdLayout.u32(header, at);
            long length = Integer.toUnsignedLong(VhdLayout.u32(header, at + 8));
            long offset = VhdLayout.u64(header, at + 16);
            if (code == VhdLayout.W2RU || code == VhdLayout.W2KU) {
                if (length > 4096 || offset < 0 || offset > file.size() - length) {
                    throw DiskFormatException.of(file.name(), "a parent locator of " + length + " bytes at " + offset + " is not possible");
                }
                String name = VhdCreator.readText(file, offset, (int) length);
                names.add(code == VhdLayout.W2RU ? 0 : names.size(), name);
            }
        }
        names.add(VhdCreator.parentName(header));
        DiskImage parent = openParent(names, DiskFormat.VHD, path);
        UUID wanted = VhdLayout.id(header, VhdLayout.PARENT_ID);
        if (!parent.id().equals(wanted)) {
            IOException e = DiskFormatException.of(file.name(), "its parent " + parent.file().name() + " is another disk: " + parent.id() + ", not " + wanted);
            closeQuietly(parent, e);
            throw e;
        }
        return parent;
    }

    private DiskImage vhdx(ImageFile file, boolean readOnly, Path path) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment signature = arena.allocate(8);
            file.read(signature, 0);
            if (LittleEndian.u64(signature, 0) != VhdxLayout.FILE_SIGNATURE) {
                throw DiskFormatException.of(file.name(), "is not a VHDX file");
            }
        }
        VhdxHeader header = VhdxHeader.read(file);
        if (!readOnly) {
            new VhdxLog(file, header).replay();
        }
        VhdxMetadata meta = VhdxMetadata.read(file, header);
        DiskImage parent = meta.parent() == null ? null : given != null ? given : vhdxParent(file, meta, path);
        try {
            return new VhdxImage(file, readOnly, header, meta, parent);
        } catch (IOException | RuntimeException e) {
            closeQuietly(given == null ? parent : null, e);
            throw e;
        }
    }

    private DiskImage vhdxParent(ImageFile file, VhdxMetadata meta, Path path) throws IOException {
        Map<String, String> locator = meta.parent();
        List<String> names = new ArrayList<>();
        for (String key : List.of("relative_path", "volume_path", "absolute_win32_path")) {
            if (locator.containsKey(key)) {
                names.add(locator.get(key));
            }
        }
        DiskImage parent = openParent(names, DiskFormat.VHDX, path);
        String linkage = "{" + ((VhdxImage) parent).dataWriteGuid() + "}";
        IOException wrong = null;
        if (!linkage.equalsIgnoreCase(locator.get("parent_linkage")) && !linkage.equalsIgnoreCase(locator.get("parent_linkage2"))) {
            wrong = DiskFormatException.of(file.name(), "its parent " + parent.file().name() + " was changed since, or is another disk");
        } else if (parent.logicalSectorSize() != meta.logicalSectorSize()) {
            wrong = DiskFormatException.of(file.name(), "its parent has sectors of " + parent.logicalSectorSize() + " bytes");
        }
        if (wrong != null) {
            closeQuietly(parent, wrong);
            throw wrong;
        }
        return parent;
    }

    private DiskImage openParent(List<String> names, DiskFormat format, Path child) throws IOException {
        Path directory = child.toAbsolutePath().getParent();
        for (String name : names) {
            Path p;
            try {
                p = directory.resolve(name.replace('\\', '/')).normalize();
            } catch (InvalidPathException e) {
                continue;
            }
            if (Files.isRegularFile(p)) {
                // The format is given: what a guest wrote into a raw disk can never make us read some other file as a parent.
                return open(p, format, true);
            }
        }
        throw DiskFormatException.of(child.toString(), "its parent is missing: " + String.join(", ", names).replaceAll("\\p{Cntrl}", "?"));
    }

    private static void closeQuietly(DiskImage image, Exception because) {
        if (image != null) {
            try {
                image.close();
            } catch (IOException e) {
                because.addSuppressed(e);
            }
        }
    }
}
