package dev.jvisor.tools.console;

/**
 * Finds the keys meant for jvisor in what is typed at a raw terminal. They begin with Ctrl-A, as in QEMU: {@code x} leaves, {@code e} changes
 * the engine, {@code s} shows the screen, {@code h} shows help, a second Ctrl-A sends one. One thread.
 */
final class EscapeKeys {
    /** What to do with a byte. */
    enum Action {
        /** Hand it to the guest. */
        SEND,
        /** Keep it: part of an escape. */
        NOTHING,
        /** Leave. */
        QUIT,
        /** Go over to the other engine. */
        ENGINE,
        /** Show the text screen. */
        SCREEN,
        /** Show help. */
        HELP
    }

    static final int ESCAPE = 1; // Ctrl-A
    static final String HELP_TEXT = """
            Ctrl-A x  leave jvisor (the guest ends)
            Ctrl-A s  show the VGA text screen
            Ctrl-A e  go over to the other engine, KVM or software
            Ctrl-A h  this help
            Ctrl-A Ctrl-A  send Ctrl-A to the guest
            """;

    private boolean pending;

    Action feed(int b) {
        if (!pending) {
            pending = b == ESCAPE;
            return pending ? Action.NOTHING : Action.SEND;
        }
        pending = false;
        return switch (b) {
            case 'x', 'X' -> Action.QUIT;
            case 'e', 'E' -> Action.ENGINE;
            case 's', 'S' -> Action.SCREEN;
            case 'h', 'H', '?' -> Action.HELP;
            case ESCAPE -> Action.SEND;
            default -> Action.NOTHING;
        };
    }
}
