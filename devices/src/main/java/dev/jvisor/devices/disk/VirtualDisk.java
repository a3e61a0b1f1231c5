package dev.jvisor.devices.disk;

import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;

/**
 * A disk as a storage controller sees it: sectors that are read and written asynchronously. Thread safe. Requests that are under way at
 * the same time may run in any order; a controller that promised an order waits, or marks requests {@link DiskRequest#ordered}.
 */
public interface VirtualDisk extends AutoCloseable {
    /**
     * Opens an image file (or block device) with its chain of parents, locks it, and starts its threads.
     *
     * @throws DiskFormatException when the file is not what it should be
     * @throws IOException when it cannot be opened or another has it open; the message is one line that names the file
     */
    static VirtualDisk open(Path file, DiskOptions options) throws IOException {
        return new QueuedDisk(ImageOpener.open(file, options), file.getFileName().toString(), options.threads());
    }

    /** {@return the size in bytes, a multiple of the logical sector} */
    long byteSize();

    /** {@return 512 or 4096} */
    int logicalSectorSize();

    /** {@return 512 or 4096, not less than the logical one} */
    int physicalSectorSize();

    /** {@return whether changes are refused} */
    boolean readOnly();

    /** {@return the disk's identity: the image's own if the format has one, otherwise made from the file's name} */
    UUID id();

    /** {@return whether {@code UNMAP} gives space back to the host; it zeroes in any case} */
    boolean supportsUnmap();

    /**
     * Carries out a read on the calling thread, if the data is in the host's memory and nothing has to be waited for. A thread that can do
     * with its work being held up for as long as copying takes saves two wake-ups by this. The completion is not called.
     *
     * @return whether the memory is filled; if not, nothing has happened that matters, and the request is for {@link #submit}
     */
    default boolean readNow(DiskRequest request) {
        return false;
    }

    /**
     * Queues a request; its completion is called on a thread of the disk, never from within this method. What is wrong with the request
     * (range, read-only disk, scatter list shorter than the length) is told by its status.
     *
     * @throws IllegalStateException when the disk is closed or the request is under way already
     */
    void submit(DiskRequest request);

    /**
     * Gives the disk another size while it is in use. Requests that are queued wait meanwhile; what they name beyond a smaller size is out of
     * range then, and what was there is lost. Who gives the disk to a guest tells the guest afterwards. Not to be called by a completion.
     *
     * @param bytes a multiple of the logical sector
     * @param shrink whether the disk may become smaller
     * @throws IOException when it cannot have that size, or the host cannot make it so; the old size stays, and one line says why
     */
    default void resize(long bytes, boolean shrink) throws IOException {
        throw new IOException("the size of this disk cannot be changed");
    }

    /** Finishes what is queued, flushes, and closes the image. A second call does nothing. */
    @Override
    void close() throws IOException;
}
