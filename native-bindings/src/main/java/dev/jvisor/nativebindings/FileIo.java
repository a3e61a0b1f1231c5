package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.jvisor.nativebindings.gen.Uapi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;

/**
 * An open file that is read and written at positions, straight from and into native memory: {@code pread}, {@code pwrite} and their
 * vector forms, reads of what is in the page cache ({@code RWF_NOWAIT}), {@code fdatasync}, {@code fallocate}, open-file-description locks. Thread safe: there is no current position. No
 * transfer allocates. Failures are {@link ErrnoException}.
 */
public final class FileIo implements AutoCloseable {
    private static final int O_CREAT = 0x40;
    private static final int O_EXCL = 0x80;
    private static final int F_OFD_SETLK = 37;
    private static final short F_RDLCK = 0;
    private static final short F_WRLCK = 1;
    private static final int SEEK_END = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int KEEP_SIZE = 1;
    private static final int PUNCH_HOLE = 2;
    private static final int ENXIO = 6;
    private static final int ENOSYS = 38;
    private static final int EOPNOTSUPP = 95;
    private static final int RWF_NOWAIT = 8;

    private static final MethodHandle OPEN = LibC.variadic("open", 2, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    // Addresses go as numbers: a MemorySegment argument would cost an object for each slice.
    private static final MethodHandle PREAD = LibC.call("pread", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PWRITE = LibC.call("pwrite", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PREADV = LibC.call("preadv", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG);
    private static final MethodHandle PWRITEV = LibC.call("pwritev", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG);
    private static final MethodHandle PREADV2 = LibC.call("preadv2", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FDATASYNC = LibC.call("fdatasync", JAVA_INT, JAVA_INT);
    private static final MethodHandle FALLOCATE = LibC.call("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LSEEK = LibC.call("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FCNTL = LibC.variadic("fcntl", 2, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);

    private final int fd;
    private final String name;
    // Some file systems cannot: not asked twice.
    private volatile boolean knowsNow = true;
    private boolean closed;

    private FileIo(int fd, String name) {
        this.fd = fd;
        this.name = name;
    }

    /** {@return the existing file, open for reading or for both} */
    public static FileIo open(String path, boolean writable) {
        return open(path, writable ? Flags.O_RDWR : Flags.O_RDONLY, 0);
    }

    /** {@return a new file of no bytes, readable and writable; EEXIST when there is one} */
    public static FileIo create(String path) {
        return open(path, Flags.O_RDWR | O_CREAT | O_EXCL, 0644);
    }

    private static FileIo open(String path, int flags, int mode) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            int fd = (int) OPEN.invokeExact(state, arena.allocateFrom(path), flags | Flags.O_CLOEXEC, mode);
            if (fd < 0) {
                LibC.fail("open", path, LibC.errno(state));
            }
            return new FileIo(fd, path);
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** Reads up to {@code length} bytes. {@return the bytes read, fewer only at the end of the file} */
    public long read(MemorySegment memory, long offset, long length, long position) {
        return transfer(true, "pread", memory, offset, length, position);
    }

    /** Writes all the bytes. */
    public void write(MemorySegment memory, long offset, long length, long position) {
        transfer(false, "pwrite", memory, offset, length, position);
    }

    private long transfer(boolean reading, String what, MemorySegment memory, long offset, long length, long position) {
        Objects.checkFromIndexSize(offset, length, memory.byteSize());
        if (!memory.isNative()) {
            throw new IllegalArgumentException("native memory only");
        }
        long address = memory.address() + offset;
        long done = 0;
        while (done < length) {
            long n = moved(reading, address + done, length - done, position + done, what);
            if (n == 0) {
                break;
            }
            done += n;
        }
        return done;
    }

    private long moved(boolean reading, long address, long length, long position, String what) {
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            while (true) {
                // Two static handles, each called exactly: a handle in a variable could not be inlined.
                long n = reading ? (long) PREAD.invokeExact(state, fd, address, length, position)
                        : (long) PWRITE.invokeExact(state, fd, address, length, position);
                if (n >= 0) {
                    return n;
                }
                if (LibC.errno(state) != Uapi.EINTR()) {
                    LibC.fail(what + " of " + length + " bytes at " + position, name, LibC.errno(state));
                }
            }
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** Reads into the pieces, which are used up by it. {@return the bytes read, fewer than asked only at the end of the file} */
    public long readv(IoVector pieces, long position) {
        return vector(true, pieces, position);
    }

    /**
     * Reads into the pieces what the host has in memory, without waiting for any device. The list is left as it is.
     *
     * @return whether all of it was at hand; if not, some of the pieces may have been filled, and what is wrong is for {@link #readv} to say
     */
    public boolean readvNow(IoVector pieces, long position) {
        if (!knowsNow) {
            return false;
        }
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            long n = (long) PREADV2.invokeExact(state, fd, pieces.pointer(), pieces.remaining(), position, RWF_NOWAIT);
            if (n < 0) {
                int errno = LibC.errno(state);
                knowsNow = errno != EOPNOTSUPP && errno != ENOSYS;
            }
            return n == pieces.bytes();
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** Writes all the pieces, which are used up by it. */
    public void writev(IoVector pieces, long position) {
        vector(false, pieces, position);
    }

    private long vector(boolean reading, IoVector pieces, long position) {
        long done = 0;
        while (pieces.bytes() > 0) {
            long n = pieces.remaining() == 1
                    ? moved(reading, pieces.firstAddress(), pieces.firstLength(), position + done, reading ? "pread" : "pwrite")
                    : movedVector(reading, pieces, position + done);
            if (n == 0) {
                break;
            }
            pieces.consume(n);
            done += n;
        }
        return done;
    }

    private long movedVector(boolean reading, IoVector pieces, long position) {
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            while (true) {
                long n = reading ? (long) PREADV.invokeExact(state, fd, pieces.pointer(), pieces.remaining(), position)
                        : (long) PWRITEV.invokeExact(state, fd, pieces.pointer(), pieces.remaining(), position);
                if (n >= 0) {
                    return n;
                }
                if (LibC.errno(state) != Uapi.EINTR()) {
                    LibC.fail((reading ? "preadv" : "pwritev") + " of " + pieces.bytes() + " bytes at " + position, name, LibC.errno(state));
                }
            }
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** Makes all that was written durable, size included. */
    public void sync() {
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            int result = (int) FDATASYNC.invokeExact(state, fd);
            if (result < 0) {
                LibC.fail("fdatasync", name, LibC.errno(state));
            }
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** {@return the file's or block device's length in bytes} */
    public long size() {
        return seek(0, SEEK_END);
    }

    /** {@return the first position at or after {@code position} that holds data; -1 when only a hole follows} */
    public long nextData(long position) {
        return seek(position, SEEK_DATA);
    }

    /** {@return the first position at or after {@code position} that is a hole, or the end; -1 when beyond the end} */
    public long nextHole(long position) {
        return seek(position, SEEK_HOLE);
    }

    private long seek(long position, int whence) {
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            long at = (long) LSEEK.invokeExact(state, fd, position, whence);
            if (at >= 0) {
                return at;
            }
            return LibC.errno(state) == ENXIO && whence != SEEK_END ? -1 : LibC.fail("lseek", name, LibC.errno(state));
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** Cuts the file or lengthens it with a hole. */
    public void resize(long size) {
        LibC.ftruncate(fd, size, name);
    }

    /** Gives a range back to the file system; it reads as zeroes then. {@return false when the file system cannot} */
    public boolean punchHole(long position, long length) {
        return fallocate(KEEP_SIZE | PUNCH_HOLE, position, length);
    }

    /** Takes space for a range, lengthening the file when needed. {@return false when the file system cannot} */
    public boolean reserve(long position, long length) {
        return fallocate(0, position, length);
    }

    private boolean fallocate(int mode, long position, long length) {
        try {
            MemorySegment state = LibC.CAPTURE_STATE.get();
            while (true) {
                int result = (int) FALLOCATE.invokeExact(state, fd, mode, position, length);
                if (result == 0) {
                    return true;
                }
                int errno = LibC.errno(state);
                if (errno == EOPNOTSUPP || errno == ENOSYS) {
                    return false;
                }
                if (errno != Uapi.EINTR()) {
                    LibC.fail("fallocate", name, errno);
                }
            }
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /**
     * Locks the whole file for this open file (an open-file-description lock, gone when it is closed or the process dies).
     *
     * @param exclusive one holder and no other; otherwise many holders, none of them exclusive
     * @return false when another holds a lock that forbids it
     */
    public boolean lock(boolean exclusive) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment flock = arena.allocate(32, 8);
            flock.set(JAVA_SHORT, 0, exclusive ? F_WRLCK : F_RDLCK);
            MemorySegment state = LibC.CAPTURE_STATE.get();
            int result = (int) FCNTL.invokeExact(state, fd, F_OFD_SETLK, flock);
            if (result == 0) {
                return true;
            }
            int errno = LibC.errno(state);
            if (errno == Uapi.EAGAIN() || errno == Uapi.EACCES()) {
                return false;
            }
            LibC.fail("lock", name, errno);
            return false;
        } catch (Throwable t) {
            throw LibC.rethrow(t);
        }
    }

    /** {@return the path it was opened with} */
    public String name() {
        return name;
    }

    /** Closes the file and drops its lock. A second call does nothing. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            LibC.close(fd);
        }
    }
}
