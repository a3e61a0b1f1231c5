package dev.jvisor.vmm.loader;

/** A kernel cannot be loaded. The message is one line for the user: what is wrong, with which file or size. */
public final class LoaderException extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param message one line for the user */
    public LoaderException(String message) {
        super(message);
    }

    /**
     * @param message one line for the user
     * @param cause what failed below
     */
    public LoaderException(String message, Throwable cause) {
        super(message, cause);
    }
}
