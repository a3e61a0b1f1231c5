package dev.jvisor.devices.disk;

import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What is done to image files while no guest uses them: create, look, check, convert, resize, merge. All errors are IOExceptions with a
 * line that names the file.
 */
public final class DiskImages {
    private static final int CHUNK = 1 << 20;
    private static final int GRAIN = 4096;

    private DiskImages() {
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    // Below, a failing system call is unchecked; a user of these operations has made a mistake or has a full disk.
    private static <T> T told(Work<T> work) throws IOException {
        try {
            return work.run();
        } catch (ErrnoException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Makes a new image; a file that exists is an error, and one that could not be finished is removed. */
    public static void create(Path path, DiskSpec spec) throws IOException {
        told(() -> {
            if ((spec.type() == DiskType.DIFFERENCING) != (spec.parent() != null)) {
                throw new IOException(path + ": a differencing image, and no other, has a parent");
            }
            if (spec.format() == DiskFormat.RAW && spec.type() != DiskType.FIXED) {
                throw new IOException(path + ": a raw image is neither dynamic nor differencing");
            }
            if (spec.parent() == null) {
                write(path, spec, null);
            } else {
                try (DiskImage parent = ImageOpener.open(spec.parent(), DiskOptions.reading().format(spec.format()))) {
                    write(path, new DiskSpec(spec.format(), spec.type(), spec.size() == 0 ? parent.byteSize() : spec.size(), spec.blockSize(),
                            spec.sectorSize() == 0 ? parent.logicalSectorSize() : spec.sectorSize(), spec.parent(), spec.created()), parent);
                }
            }
            return null;
        });
    }

    private static void write(Path path, DiskSpec spec, DiskImage parent) throws IOException {
        String relative = null;
        String absolute = null;
        if (parent != null) {
            Path target = spec.parent().toAbsolutePath().normalize();
            absolute = target.toString();
            relative = ".\\" + path.toAbsolutePath().normalize().getParent().relativize(target).toString().replace('/', '\\');
        }
        try (HostFile file = HostFile.create(path)) {
            boolean done = false;
            try {
                switch (spec.format()) {
                    case RAW -> raw(file, spec);
                    case VHD -> VhdCreator.create(file, spec, parent, relative, absolute);
                    case VHDX -> VhdxCreator.create(file, spec, parent, relative, absolute);
                }
                done = true;
            } finally {
                if (!done) {
                    Files.deleteIfExists(path);
                }
            }
        }
    }

    private static void raw(ImageFile file, DiskSpec spec) throws IOException {
        if (spec.size() <= 0 || spec.size() % 512 != 0) {
            throw DiskFormatException.of(file.name(), "a raw image has a multiple of 512 bytes, not " + spec.size());
        }
        file.resize(spec.size());
        file.sync();
    }

    /** Looks at an image, without a lock: it may be in use. @param format null to find out */
    public static DiskInfo info(Path path, DiskFormat format) throws IOException {
        return told(() -> {
            try (DiskImage image = ImageOpener.look(path, format)) {
                long own = 0;
                for (long at = 0; at < image.byteSize();) {
                    long n = image.own(at, image.byteSize() - at);
                    own += Math.max(0, n);
                    at += Math.abs(n);
                }
                List<String> parents = new ArrayList<>();
                for (DiskImage p = image.parent(); p != null; p = p.parent()) {
                    parents.add(p.file().name());
                }
                return new DiskInfo(image.format(), image.type(), image.byteSize(), image.file().size(), own, image.blockSize(),
                        image.logicalSectorSize(), image.physicalSectorSize(), image.id(), parents);
            }
        });
    }

    /**
     * Checks an image and its parents. Opening checks all that the formats demand; this adds what an open forgives.
     *
     * @param repair replay the log and mend what can be mended
     * @return what is wrong, one line each; empty: nothing
     */
    public static List<String> check(Path path, DiskFormat format, boolean repair) throws IOException {
        return told(() -> ImageCheck.run(path, format, repair));
    }

    /**
     * Copies a disk's content, through its chain of parents, into a new image.
     *
     * @param spec its size is ignored: the source's, rounded up to the target's sector
     */
    public static void convert(Path source, DiskFormat sourceFormat, Path target, DiskSpec spec) throws IOException {
        told(() -> {
            try (DiskImage from = ImageOpener.open(source, DiskOptions.reading().format(sourceFormat))) {
                int sector = spec.sectorSize() == 0 ? spec.format() == DiskFormat.VHDX ? from.logicalSectorSize() : 512 : spec.sectorSize();
                long size = from.byteSize() + sector - 1 & -sector;
                create(target, new DiskSpec(spec.format(), spec.type(), size, spec.blockSize(), sector, spec.parent(), spec.created()));
                boolean done = false;
                try (DiskImage to = ImageOpener.open(target, DiskOptions.writable().format(spec.format()))) {
                    copy(from, to);
                    to.flush();
                    done = true;
                } finally {
                    if (!done) {
                        Files.deleteIfExists(target);
                    }
                }
            }
            return null;
        });
    }

    private static void copy(DiskImage from, DiskImage to) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(CHUNK, 4096);
            IoCursor cursor = new IoCursor();
            for (long at = 0; at < from.byteSize();) {
                long limit = Math.min(CHUNK - at % CHUNK, from.byteSize() - at);
                if (absent(from, at, limit) == limit) {
                    at += limit;
                    continue;
                }
                from.read(at, limit, cursor.attach(buffer, 0, limit));
                writeNonZero(buffer, limit, to, at, cursor);
                at += limit;
            }
        }
    }

    /** {@return how many of the next bytes no image of the chain holds} */
    private static long absent(DiskImage image, long at, long limit) throws IOException {
        long n = 0;
        while (n < limit) {
            long run = image.own(at + n, limit - n);
            if (run > 0) {
                break;
            }
            DiskImage parent = image.parent();
            long there = parent == null ? 0 : Math.clamp(parent.byteSize() - at - n, 0, -run);
            if (there > 0) {
                long above = absent(parent, at + n, there);
                n += above;
                if (above < there) {
                    break;
                }
            }
            n += -run - there;
        }
        return n;
    }

    private static void writeNonZero(MemorySegment buffer, long length, DiskImage to, long at, IoCursor cursor) throws IOException {
        for (long start = 0; start < length;) {
            long end = start;
            while (end < length && !zero(buffer, end, Math.min(GRAIN, length - end))) {
                end += Math.min(GRAIN, length - end);
            }
            if (end > start) {
                // A disk of 512-byte sectors may end inside a 4 KiB sector of the copy; the buffer's rest is what was there before.
                long n = Math.min(to.byteSize() - at - start, end - start + to.logicalSectorSize() - 1 & -to.logicalSectorSize());
                if (n > end - start) {
                    buffer.asSlice(end, n - (end - start)).fill((byte) 0);
                }
                to.write(at + start, n, cursor.attach(buffer, start, n));
            }
            start = end + GRAIN;
        }
    }

    private static boolean zero(MemorySegment m, long at, long length) {
        for (long i = 0; i < length; i += 8) {
            if (LittleEndian.u64(m, at + i) != 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * Gives a disk another size. What is beyond a smaller size is lost.
     *
     * @param shrink whether it may become smaller
     */
    public static void resize(Path path, DiskFormat format, long size, boolean shrink) throws IOException {
        told(() -> {
            DiskImage image = ImageOpener.open(path, DiskOptions.writable().format(format));
            try {
                ImageResize resize = new ImageResize(image, size, shrink);
                resize.apply();
                image = resize.reopen();
            } finally {
                image.close();
            }
            return null;
        });
    }

    /**
     * Writes what a differencing image holds into its parent. Until the end the child stays good, so that an interrupted merge can be
     * begun again; afterwards neither this child nor another one of the parent can be opened.
     *
     * @return the parent's file
     */
    public static Path merge(Path child) throws IOException {
        return told(() -> {
            Path parent;
            DiskFormat format;
            long size;
            try (DiskImage image = ImageOpener.open(child, DiskOptions.reading())) {
                if (image.parent() == null) {
                    throw new IOException(child + ": has no parent to merge into");
                }
                parent = Path.of(image.parent().file().name());
                format = image.format();
                size = image.byteSize();
                if (image.parent().byteSize() > size) {
                    throw new IOException(child + ": is smaller than its parent; resize it first");
                }
            }
            if (info(parent, format).byteSize() < size) {
                throw new IOException(child + ": is larger than its parent " + parent + "; resize the parent's copy or convert the child instead");
            }
            // The child alone: with its chain, the parent would be locked for reading.
            try (DiskImage to = ImageOpener.open(parent, DiskOptions.writable().format(format));
                    DiskImage from = ImageOpener.withParent(child, format, to)) {
                if (to instanceof VhdxImage v) {
                    v.keepDataWriteGuid();
                }
                mergeInto(from, to);
                // Locked to the end: nobody finds the parent changed and its children still good.
                ImageFile file = to.release();
                if (format == DiskFormat.VHD) {
                    VhdCreator.newIdentity(file);
                } else {
                    VhdxHeader.read(file).fileWillChange(true);
                }
            }
            return parent;
        });
    }

    private static void mergeInto(DiskImage from, DiskImage to) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(CHUNK, 4096);
            IoCursor cursor = new IoCursor();
            for (long at = 0; at < from.byteSize();) {
                long n = from.own(at, Math.min(CHUNK, from.byteSize() - at));
                if (n > 0) {
                    from.read(at, n, cursor.attach(buffer, 0, n));
                    boolean zero = zero(buffer, 0, n);
                    if (zero) {
                        to.zero(at, n, true);
                    } else {
                        to.write(at, n, cursor.attach(buffer, 0, n));
                    }
                }
                at += Math.abs(n);
            }
        }
    }
}
