package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.Uapi;
import dev.jvisor.nativebindings.gen.pollfd;
import dev.jvisor.nativebindings.gen.sigaction;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The C library calls that jvisor makes, one static method each. Every call captures errno at once (a later JVM call could
 * overwrite it) and throws {@link ErrnoException} on failure. {@code EINTR} is retried where the call can be repeated.
 *
 * <p>No call uses {@link Linker.Option#critical}: each may block, and a thread inside a critical call holds up every safepoint.
 */
public final class LibC {
    private static final Linker LINKER = Linker.nativeLinker();
    static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
    private static final MemoryLayout CAPTURE_LAYOUT = Linker.Option.captureStateLayout();
    private static final long ERRNO_OFFSET = CAPTURE_LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("errno"));
    // Auto arenas: the segment goes with its thread.
    static final ThreadLocal<MemorySegment> CAPTURE_STATE = ThreadLocal.withInitial(() -> newCaptureState(Arena.ofAuto()));

    private static final MethodHandle OPEN = variadic("open", 2, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle CLOSE = call("close", JAVA_INT, JAVA_INT);
    private static final MethodHandle IOCTL_LONG = variadic("ioctl", 2, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle IOCTL_PTR = variadic("ioctl", 2, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    private static final MethodHandle MMAP = call("mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle MUNMAP = call("munmap", JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle MADVISE = call("madvise", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle MEMFD_CREATE = call("memfd_create", JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle FTRUNCATE = call("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle EVENTFD = call("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle POLL = call("poll", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle READ = call("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle WRITE = call("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle SIGACTION = call("sigaction", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle TGKILL = call("tgkill", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle ISATTY = call("isatty", JAVA_INT, JAVA_INT);
    private static final MethodHandle GETTID = plain("gettid", JAVA_INT);
    private static final MethodHandle GETPID = plain("getpid", JAVA_INT);
    private static final MethodHandle SIGRTMIN = plain("__libc_current_sigrtmin", JAVA_INT);
    // Unlike the rest, pthread functions return the error instead of setting errno.
    private static final MethodHandle PTHREAD_SIGMASK = plain("pthread_sigmask", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle STRERROR_R = plain("strerror_r", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle STRERRORNAME = plain("strerrorname_np", ADDRESS, JAVA_INT);

    private LibC() {
    }

    /**
     * Opens a file.
     *
     * @param flags {@code O_*} values, see {@link Flags}
     * @return the file descriptor
     */
    public static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = CAPTURE_STATE.get();
            int fd = (int) OPEN.invokeExact(state, arena.allocateFrom(path), flags, 0);
            return fd >= 0 ? fd : fail("open", path, errno(state));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** Closes a file descriptor; errors are of no use to anyone and are dropped, save for a bad descriptor, which is our bug. */
    public static void close(int fd) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) CLOSE.invokeExact(state, fd);
            if (result < 0 && errno(state) == Uapi.EBADF()) {
                fail("close", "fd " + fd, errno(state));
            }
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /**
     * The raw ioctl with an integer argument, for callers that must look at errno themselves.
     *
     * @return the result when not negative, otherwise {@code -errno}
     */
    public static int ioctl(int fd, long request, long argument) {
        return ioctl(CAPTURE_STATE.get(), fd, request, argument);
    }

    /** As {@link #ioctl(int, long, long)}, with errno captured in the caller's segment: no thread-local look-up. */
    static int ioctl(MemorySegment captureState, int fd, long request, long argument) {
        try {
            int result = (int) IOCTL_LONG.invokeExact(captureState, fd, request, argument);
            return result >= 0 ? result : -errno(captureState);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /**
     * The raw ioctl with a pointer argument.
     *
     * @return the result when not negative, otherwise {@code -errno}
     */
    public static int ioctl(int fd, long request, MemorySegment argument) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) IOCTL_PTR.invokeExact(state, fd, request, argument);
            return result >= 0 ? result : -errno(state);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the address of a new mapping of {@code length} bytes, as a segment of that size in the global scope} */
    static MemorySegment mmap(long length, int protection, int flags, int fd, long offset, String object) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            MemorySegment address = (MemorySegment) MMAP.invokeExact(state, MemorySegment.NULL, length, protection, flags, fd, offset);
            if (address.address() == -1L) {
                fail("mmap of " + length + " bytes", object, errno(state));
            }
            return address;
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static void munmap(MemorySegment address, long length) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) MUNMAP.invokeExact(state, address, length);
            check(result, state, "munmap", "mapping");
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static void madvise(MemorySegment range, int advice, String object) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) MADVISE.invokeExact(state, range, range.byteSize(), advice);
            check(result, state, "madvise", object);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static int memfdCreate(String name, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = CAPTURE_STATE.get();
            int fd = (int) MEMFD_CREATE.invokeExact(state, arena.allocateFrom(name), flags);
            return fd >= 0 ? fd : fail("memfd_create", name, errno(state));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static void ftruncate(int fd, long length, String object) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) FTRUNCATE.invokeExact(state, fd, length);
            check(result, state, "ftruncate to " + length, object);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static int eventfd(int initial, int flags) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int fd = (int) EVENTFD.invokeExact(state, initial, flags);
            return fd >= 0 ? fd : fail("eventfd", "", errno(state));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /**
     * Waits until a descriptor is ready.
     *
     * @param events {@code POLL*} bits, see {@link Flags}
     * @param timeoutMs milliseconds to wait, 0 to look only, -1 for ever
     * @return the ready events; 0 when the time ran out or a signal came
     */
    public static int poll(int fd, int events, int timeoutMs) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = CAPTURE_STATE.get();
            MemorySegment entry = pollfd.allocate(arena);
            pollfd.fd(entry, fd);
            pollfd.events(entry, (short) events);
            int ready = (int) POLL.invokeExact(state, entry, 1L, timeoutMs);
            if (ready < 0 && errno(state) != Uapi.EINTR()) {
                fail("poll", "fd " + fd, errno(state));
            }
            return ready > 0 ? pollfd.revents(entry) & 0xffff : 0;
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the bytes read into the buffer, 0 at the end, -1 when a non-blocking descriptor has nothing} */
    public static long read(int fd, MemorySegment buffer) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            while (true) {
                long n = (long) READ.invokeExact(state, fd, buffer, buffer.byteSize());
                if (n >= 0) {
                    return n;
                }
                if (errno(state) == Uapi.EAGAIN()) {
                    return -1;
                }
                if (errno(state) != Uapi.EINTR()) {
                    fail("read", "fd " + fd, errno(state));
                }
            }
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the bytes taken from the buffer, which may be fewer than it holds; -1 when a non-blocking descriptor is full} */
    public static long write(int fd, MemorySegment buffer) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            while (true) {
                long n = (long) WRITE.invokeExact(state, fd, buffer, buffer.byteSize());
                if (n >= 0) {
                    return n;
                }
                if (errno(state) == Uapi.EAGAIN()) {
                    return -1;
                }
                if (errno(state) != Uapi.EINTR()) {
                    fail("write", "fd " + fd, errno(state));
                }
            }
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /**
     * Gives a signal a handler that does nothing but make blocking calls return {@code EINTR}: the handler is a harmless
     * async-signal-safe function of the C library, so no native code of our own and no upcall (which must never run as a signal
     * handler). Without {@code SA_RESTART}, else the calls would go on.
     */
    static void sigactionInterrupting(int signal) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = CAPTURE_STATE.get();
            MemorySegment action = sigaction.allocate(arena);
            action.set(ADDRESS, sigaction.__sigaction_handler$offset(), symbol("getpid"));
            int result = (int) SIGACTION.invokeExact(state, signal, action, MemorySegment.NULL);
            check(result, state, "sigaction", "signal " + signal);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** Sends a signal to a thread of this process; a thread that is gone is not an error. */
    static void tgkill(int tid, int signal) {
        try {
            MemorySegment state = CAPTURE_STATE.get();
            int result = (int) TGKILL.invokeExact(state, ProcessId.PID, tid, signal);
            if (result < 0 && errno(state) != Uapi.ESRCH()) {
                fail("tgkill", "thread " + tid, errno(state));
            }
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /**
     * Changes the calling thread's signal mask.
     *
     * @param how {@code SIG_BLOCK}, {@code SIG_UNBLOCK} or {@code SIG_SETMASK}, see {@link Flags}
     * @param mask bit n-1 stands for signal n
     */
    public static void pthreadSigmask(int how, long mask) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment set = arena.allocate(128, 8);
            set.set(JAVA_LONG, 0, mask);
            int error = (int) PTHREAD_SIGMASK.invokeExact(how, set, MemorySegment.NULL);
            if (error != 0) {
                fail("pthread_sigmask", "", error);
            }
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the kernel's id of the calling thread} */
    public static int gettid() {
        try {
            return (int) GETTID.invokeExact();
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the lowest real-time signal that the C library leaves to programs} */
    static int sigrtmin() {
        try {
            return (int) SIGRTMIN.invokeExact();
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return whether the descriptor is a terminal} */
    public static boolean isatty(int fd) {
        try {
            return (int) ISATTY.invokeExact(CAPTURE_STATE.get(), fd) == 1;
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the C library's text for an errno value, such as "Permission denied"} */
    public static String strerror(int errno) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(256);
            MemorySegment text = (MemorySegment) STRERROR_R.invokeExact(errno, buffer, buffer.byteSize());
            return text.reinterpret(256).getString(0);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@return the symbolic name of an errno value, such as {@code EACCES}; {@code errno N} for an unknown one} */
    public static String errnoName(int errno) {
        try {
            MemorySegment name = (MemorySegment) STRERRORNAME.invokeExact(errno);
            return name.equals(MemorySegment.NULL) ? "errno " + errno : name.reinterpret(64).getString(0);
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    static MemorySegment newCaptureState(Arena arena) {
        return arena.allocate(CAPTURE_LAYOUT);
    }

    static int errno(MemorySegment captureState) {
        return captureState.get(ValueLayout.JAVA_INT, ERRNO_OFFSET);
    }

    private static void check(int result, MemorySegment captureState, String call, String object) {
        if (result < 0) {
            fail(call, object, errno(captureState));
        }
    }

    static int fail(String call, String object, int errno) {
        throw new ErrnoException(call, object, errno);
    }

    static MethodHandle call(String name, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbol(name), FunctionDescriptor.of(result, arguments), CAPTURE);
    }

    static MethodHandle variadic(String name, int fixed, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbol(name), FunctionDescriptor.of(result, arguments), CAPTURE,
                Linker.Option.firstVariadicArg(fixed));
    }

    private static MethodHandle plain(String name, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(symbol(name), FunctionDescriptor.of(result, arguments));
    }

    private static MemorySegment symbol(String name) {
        return LINKER.defaultLookup().findOrThrow(name);
    }

    // Method handles declare Throwable; what really comes out is ours or an Error.
    static RuntimeException rethrow(Throwable t) {
        if (t instanceof RuntimeException e) {
            return e;
        }
        if (t instanceof Error e) {
            throw e;
        }
        return new IllegalStateException(t);
    }

    /** Asked once: the process id does not change under a JVM. */
    private static final class ProcessId {
        static final int PID = pid();

        private static int pid() {
            try {
                return (int) GETPID.invokeExact();
            } catch (Throwable t) {
                throw rethrow(t);
            }
        }
    }
}
