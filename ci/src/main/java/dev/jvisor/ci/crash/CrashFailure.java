package dev.jvisor.ci.crash;

/** A disk is not what it was promised to be, or a writer saw something that it should not. */
public final class CrashFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Makes one. @param message what is wrong */
    public CrashFailure(String message) {
        super(message);
    }
}
