package dev.jvisor.tools.console;

import java.io.IOException;
import java.io.InputStream;
import java.util.function.Consumer;

/** What is typed at a terminal, without the keys meant for jvisor. One reader. */
final class EscapeInput extends InputStream {
    private final InputStream in;
    private final Consumer<EscapeKeys.Action> ours;
    private final EscapeKeys keys = new EscapeKeys();

    /** @param ours told of every action but {@link EscapeKeys.Action#SEND} and {@link EscapeKeys.Action#NOTHING} */
    EscapeInput(InputStream in, Consumer<EscapeKeys.Action> ours) {
        this.in = in;
        this.ours = ours;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (true) {
            // One at a time: InputStream.read(byte[]) of a terminal may wait for more than the first key.
            int b = in.read();
            if (b < 0) {
                return -1;
            }
            EscapeKeys.Action a = keys.feed(b);
            if (a == EscapeKeys.Action.SEND) {
                into[offset] = (byte) b;
                return 1;
            }
            if (a != EscapeKeys.Action.NOTHING) {
                ours.accept(a);
            }
        }
    }
}
