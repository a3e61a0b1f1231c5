package dev.jvisor.devices.disk;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** A raw image: the disk's bytes are the file's. A last part that is not a whole sector is read with zeroes behind it. */
final class RawImage extends DiskImage {
    private static final int SECTOR = 512;

    private final ImageFile file;
    private final boolean readOnly;
    private final long size;

    RawImage(ImageFile file, boolean readOnly) throws IOException {
        this.file = file;
        this.readOnly = readOnly;
        size = file.size() + SECTOR - 1 & -SECTOR;
    }

    @Override
    ImageFile file() {
        return file;
    }

    @Override
    DiskFormat format() {
        return DiskFormat.RAW;
    }

    @Override
    DiskType type() {
        return DiskType.FIXED;
    }

    @Override
    DiskImage parent() {
        return null;
    }

    @Override
    long blockSize() {
        return 0;
    }

    @Override
    long own(long offset, long limit) throws IOException {
        long data = Math.max(file.nextData(offset) & -SECTOR, offset);
        if (data > offset) {
            return -Math.min(limit, data - offset);
        }
        return offset >= file.size() ? -limit : Math.min(limit, (file.nextHole(offset) + SECTOR - 1 & -SECTOR) - offset);
    }

    @Override
    long byteSize() {
        return size;
    }

    @Override
    int logicalSectorSize() {
        return SECTOR;
    }

    @Override
    int physicalSectorSize() {
        return SECTOR;
    }

    @Override
    boolean readOnly() {
        return readOnly;
    }

    @Override
    UUID id() {
        return UUID.nameUUIDFromBytes(file.name().getBytes(StandardCharsets.UTF_8));
    }

    @Override
    boolean supportsUnmap() {
        return true;
    }

    @Override
    void read(long offset, long length, IoCursor to) throws IOException {
        file.read(to, length, offset);
    }

    @Override
    boolean readNow(long offset, long length, IoCursor to) throws IOException {
        return file.readNow(to, length, offset);
    }

    @Override
    void write(long offset, long length, IoCursor from) throws IOException {
        file.write(from, length, offset);
    }

    @Override
    void zero(long offset, long length, boolean release) throws IOException {
        file.zero(offset, length);
    }

    @Override
    void flush() throws IOException {
        file.sync();
    }

    @Override
    ImageFile release() throws IOException {
        file.sync();
        return file;
    }

    @Override
    public void close() throws IOException {
        try (file) {
            if (!readOnly) {
                file.sync();
            }
        }
    }
}
