package dev.jvisor.devices.disk;

import java.io.IOException;
import java.util.UUID;

/**
 * One image in one format, called synchronously and by several threads at once. Ranges are in whole logical sectors and on the disk: the
 * caller has checked. A method that throws leaves the image usable.
 */
abstract class DiskImage implements AutoCloseable {
    abstract ImageFile file();

    abstract DiskFormat format();

    abstract DiskType type();

    /** {@return the image that holds what this one does not; null without one} */
    abstract DiskImage parent();

    /** {@return the unit in which space is taken; 0 when there is none} */
    abstract long blockSize();

    /**
     * Tells who holds what is at an offset.
     *
     * @param limit the most bytes that are of interest, more than 0
     * @return n > 0: this image holds the next n bytes; -n: the parent does, or they are zeroes that take no space
     */
    abstract long own(long offset, long limit) throws IOException;

    abstract long byteSize();

    abstract int logicalSectorSize();

    abstract int physicalSectorSize();

    abstract boolean readOnly();

    abstract UUID id();

    abstract boolean supportsUnmap();

    /** Fills the cursor's next bytes. */
    abstract void read(long offset, long length, IoCursor to) throws IOException;

    /**
     * Fills the cursor's next bytes if that needs no waiting, neither for a device nor for a lock.
     *
     * @return whether it did; if not, the cursor's place and memory mean nothing
     */
    abstract boolean readNow(long offset, long length, IoCursor to) throws IOException;

    /** Writes the cursor's next bytes. */
    abstract void write(long offset, long length, IoCursor from) throws IOException;

    /** Makes the range read as zeroes. @param release give its space back where the format can */
    abstract void zero(long offset, long length, boolean release) throws IOException;

    /** Makes durable all that was done before. */
    abstract void flush() throws IOException;

    /**
     * Ends the use of the file, which stays open and locked, as does the parent: all is durable, and there is no log. The image is of no use
     * any more; closing it closes file and parent.
     */
    abstract ImageFile release() throws IOException;

    /** Flushes if it may, and closes. */
    @Override
    public abstract void close() throws IOException;
}
