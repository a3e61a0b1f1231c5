package dev.jvisor.guest.image;

/** Says in one line, for people, why a guest image can not be built. */
public final class ImageException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param message one line: what is missing, and what to do
     */
    public ImageException(String message) {
        super(message);
    }

    /**
     * Makes the exception.
     *
     * @param message one line: what is missing, and what to do
     * @param cause   what happened
     */
    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
