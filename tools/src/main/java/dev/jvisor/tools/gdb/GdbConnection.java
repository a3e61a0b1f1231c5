package dev.jvisor.tools.gdb;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Packets of the remote protocol: {@code $data#checksum}, acknowledged by {@code +} until both agree not to. Text is Latin-1, one char a
 * byte. One thread reads, one (maybe another) writes.
 */
final class GdbConnection {
    /** What {@link #read} returns for the interrupt byte. */
    static final String INTERRUPT = "\u0003";
    /** The largest packet taken, as told to GDB. */
    static final int PACKET_SIZE = 0x4000;

    private final InputStream in;
    private final OutputStream out;
    private volatile boolean acknowledge = true;

    GdbConnection(InputStream in, OutputStream out) {
        this.in = new BufferedInputStream(in);
        this.out = new BufferedOutputStream(out);
    }

    /** Stops sending and expecting acknowledgements ({@code QStartNoAckMode}). */
    void noAcknowledgements() {
        acknowledge = false;
    }

    /** Waits for a packet. {@return its unescaped data, {@link #INTERRUPT}, or null at the end of the stream} */
    String read() throws IOException {
        while (true) {
            int c = in.read();
            if (c < 0) {
                return null;
            }
            if (c == 3) {
                return INTERRUPT;
            }
            if (c != '$') {
                continue; // an acknowledgement, or noise on the line
            }
            StringBuilder data = new StringBuilder();
            int sum = 0;
            while ((c = in.read()) != '#') {
                if (c < 0 || data.length() > 2 * PACKET_SIZE) {
                    return null;
                }
                sum += c;
                if (c == '}') {
                    c = in.read();
                    sum += c;
                    c ^= 0x20;
                }
                data.append((char) c);
            }
            int expected = Character.digit(in.read(), 16) << 4 | Character.digit(in.read(), 16);
            boolean good = expected == (sum & 0xFF);
            if (acknowledge) {
                synchronized (out) {
                    out.write(good ? '+' : '-');
                    out.flush();
                }
            }
            if (good) {
                return data.toString();
            }
        }
    }

    /** Sends a packet; {@code data} is Latin-1, escaped here. */
    void write(String data) throws IOException {
        StringBuilder packet = new StringBuilder("$");
        int sum = 0;
        for (int i = 0; i < data.length(); i++) {
            char c = data.charAt(i);
            if (c == '$' || c == '#' || c == '}' || c == '*') {
                packet.append('}');
                sum += '}';
                c ^= 0x20;
            }
            packet.append(c);
            sum += c;
        }
        packet.append('#').append(String.format("%02x", sum & 0xFF));
        synchronized (out) {
            out.write(packet.toString().getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
        }
    }
}
