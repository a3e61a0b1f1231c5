package dev.jvisor.tools.console;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.InputFlag;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The user's terminal in raw mode: every key goes to the guest as it is, Ctrl-C and Ctrl-Z too. Given back as it was by {@link #close}, or
 * when the JVM ends in whatever way it can notice.
 */
final class RawTerminal implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RawTerminal.class);

    private final Terminal terminal;
    private final Attributes before;
    private final Thread hook;
    private boolean closed;

    private RawTerminal(Terminal terminal) {
        this.terminal = terminal;
        before = terminal.getAttributes();
        hook = new Thread(this::restore, "terminal-restore");
        Runtime.getRuntime().addShutdownHook(hook);
        Attributes raw = new Attributes(before);
        raw.setLocalFlag(LocalFlag.ICANON, false);
        raw.setLocalFlag(LocalFlag.ECHO, false);
        raw.setLocalFlag(LocalFlag.IEXTEN, false);
        raw.setLocalFlag(LocalFlag.ISIG, false);
        raw.setInputFlag(InputFlag.IXON, false);
        raw.setInputFlag(InputFlag.ICRNL, false);
        raw.setInputFlag(InputFlag.INLCR, false);
        raw.setInputFlag(InputFlag.ISTRIP, false);
        // A read returns as soon as there is one byte.
        raw.setControlChar(Attributes.ControlChar.VMIN, 1);
        raw.setControlChar(Attributes.ControlChar.VTIME, 0);
        terminal.setAttributes(raw);
    }

    /** {@return the terminal in raw mode, or null when stdin is not one} */
    static RawTerminal open() {
        if (!stdinIsTerminal()) {
            return null;
        }
        try {
            // Output may be a pipe while a person types.
            Terminal t = TerminalBuilder.builder().system(true).systemOutput(TerminalBuilder.SystemOutput.SysOutOrSysErr)
                    .dumb(false).nativeSignals(false)
                    .graphemeCluster(false).build(); // which would ask the terminal questions, and eat what is typed meanwhile
            return new RawTerminal(t);
        } catch (IOException | IllegalStateException e) {
            LOG.warn("no raw mode, keys reach the guest a line at a time: {}", e.getMessage());
            return null;
        }
    }

    /** Asks the kernel's own list: System.console() wants stdout to be a terminal too, and JLine costs time to load. */
    private static boolean stdinIsTerminal() {
        try {
            String device = Files.readSymbolicLink(Path.of("/proc/self/fd/0")).toString();
            return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty") || device.equals("/dev/console")
                    || device.startsWith("/dev/hvc");
        } catch (IOException e) {
            return false;
        }
    }

    private synchronized void restore() {
        if (!closed) {
            closed = true;
            terminal.setAttributes(before);
        }
    }

    @Override
    public void close() {
        restore();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            LOG.trace("ending already", e);
        }
        // JLine closes the terminal itself in a shutdown hook of its own.
    }
}
