package dev.jvisor.nativebindings;

import dev.jvisor.nativebindings.gen.Uapi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory obtained by mmap, with bounds: accesses through {@link #segment} past its end throw, and after {@link #close} they throw
 * instead of killing the JVM. Any thread may access and close it. Sizes are rounded up to whole 4 KiB pages by the kernel; the
 * segment has the size asked for.
 */
public final class MappedMemory implements AutoCloseable {
    private final Arena arena;
    private final MemorySegment segment;
    private final int fd;
    private final String name;

    private MappedMemory(String name, long size, int protection, int flags, int fd, boolean closeFd) {
        if (size <= 0) {
            throw new IllegalArgumentException("size=" + size);
        }
        this.name = name;
        this.fd = closeFd ? fd : -1;
        MemorySegment base = LibC.mmap(size, protection, flags, fd, 0, name);
        arena = Arena.ofShared();
        segment = base.reinterpret(size, arena, s -> LibC.munmap(s, size));
    }

    /** {@return zeroed private memory, committed page by page when touched (no swap is reserved)} */
    public static MappedMemory anonymous(String name, long size) {
        return new MappedMemory(name, size, readWrite(), Uapi.MAP_PRIVATE() | Uapi.MAP_ANONYMOUS() | Uapi.MAP_NORESERVE(), -1, false);
    }

    /** {@return zeroed memory backed by a memfd of that name, so that {@link #fd} can be handed to another process} */
    public static MappedMemory memfd(String name, long size) {
        int fd = LibC.memfdCreate(name, Uapi.MFD_CLOEXEC());
        try {
            LibC.ftruncate(fd, size, name);
            return new MappedMemory(name, size, readWrite(), Uapi.MAP_SHARED() | Uapi.MAP_NORESERVE(), fd, true);
        } catch (RuntimeException e) {
            LibC.close(fd);
            throw e;
        }
    }

    /** {@return a shared mapping of the first {@code size} bytes of an open descriptor, which stays the caller's} */
    static MappedMemory ofFd(String name, int fd, long size) {
        return new MappedMemory(name, size, readWrite(), Uapi.MAP_SHARED(), fd, false);
    }

    /** {@return the memory; valid until {@link #close}} */
    public MemorySegment segment() {
        return segment;
    }

    /** {@return the memfd behind it, -1 for anonymous memory} */
    public int fd() {
        return fd;
    }

    /** Asks for transparent huge pages; a kernel without them is no error. */
    public void adviseHugePages() {
        try {
            LibC.madvise(segment, Uapi.MADV_HUGEPAGE(), name);
        } catch (ErrnoException e) {
            if (e.errno() != Uapi.EINVAL()) {
                throw e;
            }
        }
    }

    /** Gives pages back to the host; they read as zero afterwards (not so for a memfd, which keeps its content). */
    public void discard(long offset, long length) {
        LibC.madvise(segment.asSlice(offset, length), Uapi.MADV_DONTNEED(), name);
    }

    /** Unmaps the memory. Waits for the JVM's threads to be seen outside of it (a handshake, milliseconds at worst). */
    @Override
    public void close() {
        arena.close();
        if (fd >= 0) {
            LibC.close(fd);
        }
    }

    private static int readWrite() {
        return Uapi.PROT_READ() | Uapi.PROT_WRITE();
    }
}
