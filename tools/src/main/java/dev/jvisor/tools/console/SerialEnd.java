package dev.jvisor.tools.console;

import dev.jvisor.tools.options.UserMistake;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is at the host's end of the first serial line. Bytes the guest sends go to {@link #write}; bytes for the guest come from
 * {@link #connect}'s source on a thread of their own. The end of a piped input is not the end of the guest.
 */
public final class SerialEnd implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SerialEnd.class);

    private final OutputPump out;
    private final InputStream in;
    private final RawTerminal terminal;

    private SerialEnd(OutputStream out, InputStream in, RawTerminal terminal) {
        this.out = out == null ? null : new OutputPump(out);
        this.in = in;
        this.terminal = terminal;
    }

    /**
     * Opens what {@code --serial} names: {@code stdio}, {@code file:PATH} or {@code none}.
     *
     * @throws UserMistake when it names nothing of these, or the file cannot be written
     */
    @SuppressWarnings("resource") // the process's own streams stay open
    public static SerialEnd open(String name) {
        if (name.equals("none")) {
            return new SerialEnd(null, null, null);
        }
        if (name.equals("stdio")) {
            RawTerminal terminal = RawTerminal.open();
            OutputStream stdout = new FileOutputStream(FileDescriptor.out);
            return new SerialEnd(stdout, terminal == null ? new FileInputStream(FileDescriptor.in) : terminal.input(), terminal);
        }
        if (name.startsWith("file:") && name.length() > 5) {
            String path = name.substring(5);
            try {
                return new SerialEnd(new FileOutputStream(path), null, null);
            } catch (IOException e) {
                throw new UserMistake("--serial: cannot write " + path + "; name a file in a directory that you may write to");
            }
        }
        throw new UserMistake("--serial: '" + name + "' is none of stdio, file:PATH, none");
    }

    /** Takes a byte from the guest. Any thread; waits while the host does not take what was sent before. */
    public void write(int b) {
        if (out != null) {
            out.write(b);
        }
    }

    /**
     * Begins to hand over what is typed.
     *
     * @param toGuest takes one byte, waiting when the guest is slow; called on one thread
     * @param quit called when the escape key asks to leave
     */
    public void connect(IntConsumer toGuest, Runnable quit) {
        if (in != null) {
            Thread.ofPlatform().daemon().name("serial-in").start(() -> read(toGuest, quit));
        }
    }

    private void read(IntConsumer toGuest, Runnable quit) {
        EscapeKeys keys = new EscapeKeys();
        byte[] some = new byte[1024];
        try {
            int n;
            while ((n = in.read(some)) >= 0) {
                for (int i = 0; i < n; i++) {
                    int b = Byte.toUnsignedInt(some[i]);
                    switch (terminal == null ? EscapeKeys.Action.SEND : keys.feed(b)) {
                        case SEND -> toGuest.accept(b);
                        case QUIT -> quit.run();
                        case HELP -> EscapeKeys.HELP_TEXT.chars().forEach(c -> {
                            if (c == '\n') {
                                write('\r');
                            }
                            write(c);
                        });
                        case NOTHING -> { }
                    }
                }
            }
        } catch (IOException e) {
            LOG.debug("reading the serial line's input", e);
        }
    }

    /** {@return whether a person sits at a terminal, who should be told of the escape key} */
    public boolean interactive() {
        return terminal != null;
    }

    /** Writes out what is left and gives the terminal back as it was. */
    @Override
    public void close() {
        if (out != null) {
            out.close();
        }
        if (terminal != null) {
            terminal.close();
        }
    }
}
