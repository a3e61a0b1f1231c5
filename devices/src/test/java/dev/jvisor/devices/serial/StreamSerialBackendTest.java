package dev.jvisor.devices.serial;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StreamSerialBackendTest {
    private static byte[] bytes(int count) {
        byte[] all = new byte[count];
        new Random(7).nextBytes(all);
        return all;
    }

    /** Wakes on input, and on room for output. */
    private static final class Ears implements SerialBackend.Listener {
        final Semaphore input = new Semaphore(0);
        final CountDownLatch output = new CountDownLatch(1);

        @Override
        public void inputReady() {
            input.release();
        }

        @Override
        public void outputReady() {
            output.countDown();
        }
    }

    @Test
    void inputArrivesWholeHoweverSlowlyItIsRead() throws Exception {
        byte[] sent = bytes(20_000);
        Ears ears = new Ears();
        try (StreamSerialBackend line = new StreamSerialBackend(new ByteArrayInputStream(sent), OutputStream.nullOutputStream())) {
            line.attach(ears);
            ByteArrayOutputStream got = new ByteArrayOutputStream();
            while (got.size() < sent.length) {
                int b = line.read();
                if (b >= 0) {
                    got.write(b);
                } else {
                    assertTrue(ears.input.tryAcquire(30, TimeUnit.SECONDS), "input stopped at " + got.size());
                }
            }
            assertArrayEquals(sent, got.toByteArray());
            assertEquals(-1, line.read());
        }
    }

    @Test
    void outputIsWrittenInOrderInLargePiecesAndFlushed() {
        byte[] sent = bytes(200_000);
        int[] calls = new int[1];
        int[] flushes = new int[1];
        ByteArrayOutputStream got = new ByteArrayOutputStream() {
            @Override
            public synchronized void write(byte[] b, int off, int len) {
                calls[0]++;
                super.write(b, off, len);
            }

            @Override
            public void flush() {
                flushes[0]++;
            }
        };
        StreamSerialBackend line = new StreamSerialBackend(null, got);
        line.attach(new Ears());
        for (byte b : sent) {
            line.awaitWritable();
            line.write(b & 0xFF);
        }
        line.close();
        assertArrayEquals(sent, got.toByteArray());
        assertTrue(calls[0] < sent.length / 10, "calls=" + calls[0]);
        assertTrue(flushes[0] > 0);
    }

    @Test
    void aHostThatDoesNotReadStopsTheGuestAndLetsItGoOnLater() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        ByteArrayOutputStream got = new ByteArrayOutputStream();
        OutputStream slow = new OutputStream() {
            @Override
            public void write(int b) {
                throw new AssertionError("a call for each byte");
            }

            @Override
            public void write(byte[] b, int off, int len) throws IOException {
                try {
                    reading.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                got.write(b, off, len);
            }
        };
        Ears ears = new Ears();
        StreamSerialBackend line = new StreamSerialBackend(null, slow);
        line.attach(ears);
        int sent = 0;
        while (line.writable()) {
            line.write(sent++ & 0xFF);
            assertTrue(sent < 1 << 20, "it takes for ever");
        }
        assertFalse(line.writable());
        reading.countDown();
        assertTrue(ears.output.await(30, TimeUnit.SECONDS));
        line.awaitWritable();
        line.close();
        assertEquals(sent, got.size());
    }

    @Test
    void closingReleasesAGuestThatWaits() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        StreamSerialBackend line = new StreamSerialBackend(null, new OutputStream() {
            @Override
            public void write(int b) { }

            @Override
            public void write(byte[] b, int off, int len) throws IOException {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        });
        line.attach(new Ears());
        while (line.writable()) {
            line.write('x');
        }
        Thread guest = Thread.ofPlatform().start(line::awaitWritable);
        line.close();
        assertTrue(guest.join(java.time.Duration.ofSeconds(30)));
        never.countDown();
    }

    @Test
    void aBrokenPipeDoesNotStopTheGuest() {
        StreamSerialBackend line = new StreamSerialBackend(null, new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        });
        line.attach(new Ears());
        for (int i = 0; i < 300_000; i++) {
            line.awaitWritable();
            line.write(i & 0xFF);
        }
        line.close();
    }
}
