package dev.jvisor.devices.disk;

import java.io.IOException;
import java.util.UUID;

/** Another's image as a parent: it is read, and stays open when the child is closed. */
final class BorrowedImage extends DiskImage {
    private final DiskImage image;

    BorrowedImage(DiskImage image) {
        this.image = image;
    }

    @Override
    ImageFile file() {
        return image.file();
    }

    @Override
    DiskFormat format() {
        return image.format();
    }

    @Override
    DiskType type() {
        return image.type();
    }

    @Override
    DiskImage parent() {
        return image.parent();
    }

    @Override
    long blockSize() {
        return image.blockSize();
    }

    @Override
    long own(long offset, long limit) throws IOException {
        return image.own(offset, limit);
    }

    @Override
    long byteSize() {
        return image.byteSize();
    }

    @Override
    int logicalSectorSize() {
        return image.logicalSectorSize();
    }

    @Override
    int physicalSectorSize() {
        return image.physicalSectorSize();
    }

    @Override
    boolean readOnly() {
        return true;
    }

    @Override
    UUID id() {
        return image.id();
    }

    @Override
    boolean supportsUnmap() {
        return false;
    }

    @Override
    void read(long offset, long length, IoCursor to) throws IOException {
        image.read(offset, length, to);
    }

    @Override
    boolean readNow(long offset, long length, IoCursor to) throws IOException {
        return image.readNow(offset, length, to);
    }

    @Override
    void write(long offset, long length, IoCursor from) {
        throw new IllegalStateException("a parent is read only");
    }

    @Override
    void zero(long offset, long length, boolean release) {
        throw new IllegalStateException("a parent is read only");
    }

    @Override
    void flush() {
        // Nothing of ours to flush.
    }

    @Override
    ImageFile release() {
        throw new IllegalStateException("the file is another's");
    }

    @Override
    public void close() {
        // Another's.
    }
}
