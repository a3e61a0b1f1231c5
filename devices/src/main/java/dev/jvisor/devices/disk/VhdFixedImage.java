package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdLayout.*;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.UUID;

/** A fixed VHD: the disk's bytes, and a footer behind them. */
final class VhdFixedImage extends DiskImage {
    private final ImageFile file;
    private final boolean readOnly;
    private final long size;
    private final UUID id;

    VhdFixedImage(ImageFile file, boolean readOnly, MemorySegment footer) throws IOException {
        this.file = file;
        this.readOnly = readOnly;
        size = diskSize(footer);
        id = VhdLayout.id(footer, UNIQUE_ID);
        if (size <= 0 || size % SECTOR != 0 || size > file.size() - FOOTER_SIZE) {
            throw DiskFormatException.of(file.name(), "the footer tells of " + size + " bytes, the file has " + file.size());
        }
    }

    @Override
    ImageFile file() {
        return file;
    }

    @Override
    DiskFormat format() {
        return DiskFormat.VHD;
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
        return data > offset ? -Math.min(limit, data - offset)
                : Math.min(limit, Math.max(SECTOR, (file.nextHole(offset) + SECTOR - 1 & -SECTOR) - offset));
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
        return id;
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
