package dev.jvisor.tools.console;

import java.io.IOException;
import java.io.OutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes bytes from VP threads and writes them in bunches on a thread of its own, so that a guest's console costs no system call a byte and
 * nothing stays in a buffer. A guest that writes faster than the host takes is held up; one whose reader has gone away is not. Thread-safe.
 */
final class OutputPump implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OutputPump.class);
    private static final int SIZE = 1 << 16;

    private final OutputStream out;
    private final byte[] ring = new byte[SIZE];
    private final Thread thread;
    /** Bytes ever put in and taken out; guarded by this. */
    private long head;
    private long tail;
    private boolean closed;
    private boolean broken;

    OutputPump(OutputStream out) {
        this.out = out;
        thread = Thread.ofPlatform().daemon().name("serial-out").start(this::pump);
    }

    synchronized void write(int b) {
        while (head - tail == SIZE && !broken && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        if (broken || closed) {
            return;
        }
        if (head == tail) {
            notifyAll();
        }
        ring[(int) head++ & SIZE - 1] = (byte) b;
    }

    private void pump() {
        byte[] batch = new byte[SIZE];
        while (true) {
            int n;
            synchronized (this) {
                while (head == tail && !closed) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        return;
                    }
                }
                if (head == tail) {
                    return;
                }
                n = (int) (head - tail);
                for (int i = 0; i < n; i++) {
                    batch[i] = ring[(int) (tail + i) & SIZE - 1];
                }
                tail = head;
                notifyAll();
            }
            try {
                out.write(batch, 0, n);
                out.flush();
            } catch (IOException e) {
                LOG.debug("the serial line's reader has gone", e);
                synchronized (this) {
                    broken = true;
                    tail = head;
                    notifyAll();
                }
                return;
            }
        }
    }

    /** Waits until everything has been written. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join(5000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
