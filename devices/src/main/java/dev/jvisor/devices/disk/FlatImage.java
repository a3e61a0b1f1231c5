package dev.jvisor.devices.disk;

import java.io.IOException;

/** An image whose file begins with the disk's bytes, one for one. */
abstract class FlatImage extends DiskImage {
    static final int SECTOR = 512;

    private final ImageFile file;
    private final boolean readOnly;
    private final long size;

    /** @param size bytes of the disk, a multiple of {@link #SECTOR} */
    FlatImage(ImageFile file, boolean readOnly, long size) {
        this.file = file;
        this.readOnly = readOnly;
        this.size = size;
    }

    @Override
    final ImageFile file() {
        return file;
    }

    @Override
    final DiskType type() {
        return DiskType.FIXED;
    }

    @Override
    final DiskImage parent() {
        return null;
    }

    @Override
    final long blockSize() {
        return 0;
    }

    @Override
    final long own(long offset, long limit) throws IOException {
        long data = Math.max(file.nextData(offset) & -SECTOR, offset);
        if (data > offset) {
            return -Math.min(limit, data - offset);
        }
        // At least one sector: where data begins inside of it, the offset itself is still in a hole.
        return offset >= file.size() ? -limit : Math.min(limit, Math.max(SECTOR, (file.nextHole(offset) + SECTOR - 1 & -SECTOR) - offset));
    }

    @Override
    final long byteSize() {
        return size;
    }

    @Override
    final int logicalSectorSize() {
        return SECTOR;
    }

    @Override
    final int physicalSectorSize() {
        return SECTOR;
    }

    @Override
    final boolean readOnly() {
        return readOnly;
    }

    @Override
    final boolean supportsUnmap() {
        return true;
    }

    @Override
    final void read(long offset, long length, IoCursor to) throws IOException {
        file.read(to, length, offset);
    }

    @Override
    final boolean readNow(long offset, long length, IoCursor to) throws IOException {
        return file.readNow(to, length, offset);
    }

    @Override
    final void write(long offset, long length, IoCursor from) throws IOException {
        file.write(from, length, offset);
    }

    @Override
    final void zero(long offset, long length, boolean release) throws IOException {
        file.zero(offset, length);
    }

    @Override
    final void flush() throws IOException {
        file.sync();
    }

    @Override
    final ImageFile release() throws IOException {
        file.sync();
        return file;
    }

    @Override
    public final void close() throws IOException {
        try (file) {
            if (!readOnly) {
                file.sync();
            }
        }
    }
}
