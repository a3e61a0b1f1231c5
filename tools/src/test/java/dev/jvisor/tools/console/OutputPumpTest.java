package dev.jvisor.tools.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OutputPumpTest {
    @Test
    void everythingArrivesInOrder() {
        var sink = new ByteArrayOutputStream();
        byte[] sent = new byte[300_000];
        try (OutputPump pump = new OutputPump(sink)) {
            for (int i = 0; i < sent.length; i++) {
                sent[i] = (byte) (i * 31 + (i >> 8));
                pump.write(sent[i]);
            }
        }
        assertArrayEquals(sent, sink.toByteArray());
    }

    @Test
    void aByteIsSeenBeforeTheNextOneComes() throws IOException {
        try (PipedInputStream in = new PipedInputStream(); PipedOutputStream sink = new PipedOutputStream(in);
            OutputPump pump = new OutputPump(sink)) {
            pump.write('a');
            assertEquals('a', in.read());
            pump.write('b');
            assertEquals('b', in.read());
        }
    }

    @Test
    void aReaderThatWentAwayDoesNotHoldTheGuestUp() {
        var broken = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        try (OutputPump pump = new OutputPump(broken)) {
            for (int i = 0; i < 1_000_000; i++) {
                pump.write(i);
            }
        }
    }
}
