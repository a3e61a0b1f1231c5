package dev.jvisor.nativebindings;

import java.lang.foreign.MemorySegment;

/** One of KVM's file descriptors with the name it has in error messages; turns negative results into {@link ErrnoException}. */
final class KvmFd {
    final int fd;
    final String name;
    private boolean closed;

    KvmFd(int fd, String name) {
        this.fd = fd;
        this.name = name;
    }

    int call(String request, long number, long argument) {
        return check(request, LibC.ioctl(fd, number, argument));
    }

    int call(String request, long number, MemorySegment argument) {
        return check(request, LibC.ioctl(fd, number, argument));
    }

    int check(String request, int result) {
        if (result < 0) {
            throw new ErrnoException(request, name, -result);
        }
        return result;
    }

    synchronized void close() {
        if (!closed) {
            closed = true;
            LibC.close(fd);
        }
    }
}
