package dev.jvisor.vmm.loader;

/** A kernel cannot be loaded. The message is one line for the user: what is wrong, with which file or size. */
public final class LoaderException extends Exception {
    private static final long serialVersionUID = 1L;

    /** What has to be changed for it to work. */
    public enum Subject {
        /** The kernel's file. */
        KERNEL,
        /** The kernel's file, or how it is to be loaded: it is of no known format. */
        FORMAT,
        /** The size of RAM: there is too little of it. */
        MEMORY,
        /** The command line. */
        COMMAND_LINE,
        /** The initial file system. */
        INITRD
    }

    private final Subject subject;

    /** Something is wrong with the kernel. @param message one line for the user */
    public LoaderException(String message) {
        this(Subject.KERNEL, message);
    }

    /**
     * @param subject what has to be changed
     * @param message one line for the user
     */
    public LoaderException(Subject subject, String message) {
        super(message);
        this.subject = subject;
    }

    /**
     * Something is wrong with the kernel.
     *
     * @param message one line for the user
     * @param cause what failed below
     */
    public LoaderException(String message, Throwable cause) {
        this(Subject.KERNEL, message, cause);
    }

    /**
     * @param subject what has to be changed
     * @param message one line for the user
     * @param cause what failed below
     */
    public LoaderException(Subject subject, String message, Throwable cause) {
        super(message, cause);
        this.subject = subject;
    }

    /** {@return what has to be changed} */
    public Subject subject() {
        return subject;
    }
}
