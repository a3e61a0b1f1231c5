package dev.jvisor.tools.options;

/**
 * The user asked for something that cannot be done. The message is one line that names the option or file and the fix; the command line
 * prints it and ends with {@link ExitCode#MISTAKE}.
 */
public final class UserMistake extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message one line, beginning with the option or file */
    public UserMistake(String message) {
        super(message);
    }
}
