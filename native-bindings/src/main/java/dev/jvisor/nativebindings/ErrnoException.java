package dev.jvisor.nativebindings;

/**
 * A system call failed on the host: which call, on what object, with which errno. Unchecked, because a failing call on a live
 * partition is a host fault that only the top of the stack can report; those who probe catch it where they probe.
 */
public final class ErrnoException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;
    private final String call;
    private final String object;

    /**
     * Creates the exception; the message is made from the parts and the C library's text for {@code errno}.
     *
     * @param call the call's name, for an ioctl the request's name ({@code KVM_CREATE_VM})
     * @param object what it was applied to: a path, "vcpu 0", "eventfd"; may be empty
     * @param errno the errno value captured right after the call
     */
    public ErrnoException(String call, String object, int errno) {
        super(call + (object.isEmpty() ? "" : " on " + object) + ": " + LibC.errnoName(errno) + " (" + LibC.strerror(errno) + ")");
        this.call = call;
        this.object = object;
        this.errno = errno;
    }

    /** {@return the errno value, such as 13 for EACCES} */
    public int errno() {
        return errno;
    }

    /** {@return the errno's symbolic name, such as {@code EACCES}} */
    public String errnoName() {
        return LibC.errnoName(errno);
    }

    /** {@return the call that failed} */
    public String call() {
        return call;
    }

    /** {@return what the call was applied to} */
    public String object() {
        return object;
    }
}
