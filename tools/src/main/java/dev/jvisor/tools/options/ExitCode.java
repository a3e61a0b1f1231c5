package dev.jvisor.tools.options;

/** What {@code jvisor} returns to the shell. With {@code --debug-exit} a guest may choose any odd number besides. */
public final class ExitCode {
    /** The guest powered off; the command did what was asked. */
    public static final int OK = 0;
    /** The user's mistake: option, file, permission. */
    public static final int MISTAKE = 2;
    /** The guest crashed: triple fault, halted for ever, panic report. */
    public static final int CRASHED = 3;
    /** The guest ran past {@code --timeout}. */
    public static final int TIMEOUT = 4;
    /** Something failed on the host's side. */
    public static final int HOST_FAULT = 5;

    private ExitCode() { }
}
