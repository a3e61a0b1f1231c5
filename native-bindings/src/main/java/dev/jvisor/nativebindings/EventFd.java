package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.Uapi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A Linux eventfd, non-blocking: a 64-bit counter that one side adds to and the other takes at once. KVM signals one for an
 * ioeventfd and listens on one for an irqfd. {@link #signal} may be called from any thread; {@link #take} and {@link #await} from one
 * at a time.
 */
public final class EventFd implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment one = arena.allocate(JAVA_LONG);
    private final MemorySegment count = arena.allocate(JAVA_LONG);
    private final int fd;

    /** Creates an eventfd whose counter is zero. */
    public EventFd() {
        one.set(JAVA_LONG, 0, 1);
        fd = LibC.eventfd(0, Uapi.EFD_CLOEXEC() | Uapi.EFD_NONBLOCK());
    }

    /** {@return the file descriptor} */
    public int fd() {
        return fd;
    }

    /** Adds one to the counter. */
    public void signal() {
        LibC.write(fd, one);
    }

    /** {@return the counter, which becomes zero; 0 when nothing was signalled} */
    public long take() {
        return LibC.read(fd, count) == Long.BYTES ? count.get(JAVA_LONG, 0) : 0;
    }

    /** {@return whether the counter is above zero within {@code timeoutMs} milliseconds (-1 waits for ever)} */
    public boolean await(int timeoutMs) {
        return (LibC.poll(fd, Uapi.POLLIN(), timeoutMs) & Uapi.POLLIN()) != 0;
    }

    @Override
    public void close() {
        LibC.close(fd);
        arena.close();
    }
}
