package dev.jvisor.nativebindings;

/** Flag values of the calls in {@link LibC}, by their C names (asm-generic/fcntl.h, poll.h, signal.h); a test compares them. */
public final class Flags {
    /** open: read only. */
    public static final int O_RDONLY = 0;
    /** open: read and write. */
    public static final int O_RDWR = 2;
    /** open: calls do not block. */
    public static final int O_NONBLOCK = 0x800;
    /** open: close on exec. */
    public static final int O_CLOEXEC = 0x80000;
    /** poll: data to read. */
    public static final int POLLIN = 1;
    /** poll: room to write. */
    public static final int POLLOUT = 4;
    /** poll: error on the descriptor. */
    public static final int POLLERR = 8;
    /** poll: the other end is gone. */
    public static final int POLLHUP = 16;
    /** pthread_sigmask: add to the mask. */
    public static final int SIG_BLOCK = 0;
    /** pthread_sigmask: take from the mask. */
    public static final int SIG_UNBLOCK = 1;
    /** pthread_sigmask: replace the mask. */
    public static final int SIG_SETMASK = 2;

    private Flags() {
    }
}
