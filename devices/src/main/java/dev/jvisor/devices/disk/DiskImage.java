package dev.jvisor.devices.disk;

import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;

/**
 * One image in one format, called synchronously and by several threads at once. Ranges are in whole logical sectors and on the disk: the
 * caller has checked. A method that throws leaves the image usable.
 */
abstract class DiskImage implements AutoCloseable {
    /** Opens an image and its parents; finds the format out unless told. */
    static DiskImage open(Path path, DiskOptions options) throws IOException {
        HostFile file = HostFile.open(path, !options.readOnly(), true);
        try {
            return new RawImage(file, options.readOnly());
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    abstract DiskFormat format();

    abstract long byteSize();

    abstract int logicalSectorSize();

    abstract int physicalSectorSize();

    abstract boolean readOnly();

    abstract UUID id();

    abstract boolean supportsUnmap();

    /** Fills the cursor's next bytes. */
    abstract void read(long offset, long length, IoCursor to) throws IOException;

    /** Writes the cursor's next bytes. */
    abstract void write(long offset, long length, IoCursor from) throws IOException;

    /** Makes the range read as zeroes. @param release give its space back where the format can */
    abstract void zero(long offset, long length, boolean release) throws IOException;

    /** Makes durable all that was done before. */
    abstract void flush() throws IOException;

    /** Flushes if it may, and closes. */
    @Override
    public abstract void close() throws IOException;
}
