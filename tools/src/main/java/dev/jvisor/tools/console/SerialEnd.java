package dev.jvisor.tools.console;

import dev.jvisor.devices.serial.SerialBackend;
import dev.jvisor.devices.serial.StreamSerialBackend;
import dev.jvisor.tools.options.UserMistake;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * What is at the host's end of the first serial line, as {@code --serial} names it. The end of a piped input is not the end of the guest.
 */
public final class SerialEnd implements AutoCloseable {
    private final SerialBackend backend;
    private final RawTerminal terminal;

    private SerialEnd(InputStream in, OutputStream out, RawTerminal terminal) {
        this.backend = new StreamSerialBackend(in, out);
        this.terminal = terminal;
    }

    /**
     * Opens what {@code --serial} names: {@code stdio}, {@code file:PATH} or {@code none}. A terminal is made raw at once.
     *
     * @param actions what the escape key asks for
     * @throws UserMistake when it names nothing of these, or the file cannot be written
     */
    @SuppressWarnings("resource") // the process's own streams stay open
    public static SerialEnd open(String name, EscapeActions actions) {
        if (name.equals("none")) {
            return new SerialEnd(null, OutputStream.nullOutputStream(), null);
        }
        if (name.equals("stdio")) {
            OutputStream stdout = new FileOutputStream(FileDescriptor.out);
            RawTerminal terminal = RawTerminal.open();
            // Not JLine's stream, terminal or not: closing that waits for whoever reads.
            InputStream stdin = new FileInputStream(FileDescriptor.in);
            if (terminal == null) {
                return new SerialEnd(stdin, stdout, null);
            }
            return new SerialEnd(new EscapeInput(stdin, a -> {
                switch (a) {
                    case QUIT -> actions.quit();
                    case ENGINE -> actions.changeEngine();
                    case SCREEN -> show(actions.screen());
                    default -> show(EscapeKeys.HELP_TEXT);
                }
            }), stdout, terminal);
        }
        if (name.startsWith("file:") && name.length() > 5) {
            String path = name.substring(5);
            try {
                return new SerialEnd(null, new FileOutputStream(path), null);
            } catch (IOException e) {
                throw new UserMistake("--serial: cannot write " + path + "; name a file in a directory that you may write to");
            }
        }
        throw new UserMistake("--serial: '" + name + "' is none of stdio, file:PATH, none");
    }

    /** Opens what {@code --serial} names, of which nothing is read, so that a terminal stays as it is. @throws UserMistake as above */
    @SuppressWarnings("resource") // the process's own stream stays open
    public static SerialEnd openForOutput(String name) {
        return name.equals("stdio") ? new SerialEnd(null, new FileOutputStream(FileDescriptor.out), null) : open(name, null);
    }

    /** Shows lines on a raw terminal. */
    private static void show(String lines) {
        System.err.print("\r\n" + lines.replace("\n", "\r\n"));
    }

    /** {@return what the serial port is to be connected to} */
    public SerialBackend backend() {
        return backend;
    }

    /** {@return whether a person sits at a terminal, who should be told of the escape key} */
    public boolean interactive() {
        return terminal != null;
    }

    /** Writes out what is left and gives the terminal back as it was. */
    @Override
    public void close() {
        backend.close();
        if (terminal != null) {
            terminal.close();
        }
    }
}
