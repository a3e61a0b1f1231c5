package dev.jvisor.devices.disk;

import java.io.IOException;

/**
 * Gives an image that is open for writing another size. The file stays open and locked all the time, and so do its parents; the image is
 * released, its structures are changed, and a new one is opened on the same file. A crash at any moment leaves the old size or the new one.
 *
 * <pre>
 *  new ImageResize(image, ...) checks and releases --> apply --> reopen, also after a failure: what is in the file is whole
 * </pre>
 */
final class ImageResize {
    private final DiskFormat format;
    private final DiskType type;
    private final DiskImage parent;
    private final ImageFile file;
    private final long vhdEnd;
    private final long size;

    /**
     * Releases the image. What a smaller size cuts off is zeroed first: it must not come back with a later growth.
     *
     * @param shrink whether it may become smaller
     * @throws IOException when it cannot have that size; the image is as it was then
     */
    ImageResize(DiskImage image, long size, boolean shrink) throws IOException {
        check(image, size, shrink);
        this.size = size;
        format = image.format();
        type = image.type();
        parent = image.parent();
        if (size < image.byteSize()) {
            image.zero(size, image.byteSize() - size, true);
        }
        vhdEnd = image instanceof VhdImage v ? v.end() : 0;
        file = image.release();
    }

    private static void check(DiskImage image, long size, boolean shrink) throws IOException {
        String name = image.file().name();
        long old = image.byteSize();
        if (size <= 0 || size % image.logicalSectorSize() != 0) {
            throw new IOException(name + ": the size must be a multiple of the sector, " + image.logicalSectorSize() + " bytes");
        }
        if (size < old && !shrink) {
            throw new IOException(name + ": is larger than that, " + old + " bytes; --shrink cuts it, with what is there");
        }
        if (image.format() == DiskFormat.VHD && image.parent() != null && size < Math.min(old, image.parent().byteSize())) {
            // The format has no way to say that a block is zeroes: a later growth would bring back what the parent holds there.
            throw new IOException(name + ": a differencing VHD cannot become smaller than its parent; convert it first");
        }
        if (image.format() == DiskFormat.VHD && size > VhdLayout.MAX_DISK_SIZE) {
            throw new IOException(name + ": a VHD holds at most 2040 GiB");
        }
        if (size > VhdxLayout.MAX_DISK_SIZE) {
            throw new IOException(name + ": " + size + " bytes are more than 64 TiB");
        }
    }

    /** Changes the file. */
    void apply() throws IOException {
        switch (format) {
            case RAW -> file.resize(size);
            case VHD -> {
                if (type == DiskType.FIXED) {
                    VhdCreator.resizeFixed(file, size);
                } else {
                    VhdCreator.resizeDynamic(file, size, vhdEnd);
                }
            }
            case VHDX -> VhdxCreator.resize(file, size, file.size() + VhdxLayout.MIB - 1 & -VhdxLayout.MIB);
        }
        file.sync();
    }

    /** {@return the image, opened anew} */
    DiskImage reopen() throws IOException {
        return ImageOpener.reopen(file, format, parent);
    }
}
