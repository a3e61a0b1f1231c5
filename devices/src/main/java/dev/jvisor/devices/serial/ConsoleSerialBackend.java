package dev.jvisor.devices.serial;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A serial line whose far end is a program: it types text, sees all output, and waits for words. Thread-safe. For tests and tools. */
public final class ConsoleSerialBackend implements SerialBackend {
    /** Output kept; what comes later is dropped, so that a guest cannot fill the host's memory. */
    public static final int MAX_OUTPUT = 16 << 20;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final ArrayDeque<Byte> input = new ArrayDeque<>();
    private Listener listener;
    private int searched;

    @Override
    public void attach(Listener newListener) {
        lock.lock();
        try {
            listener = newListener;
        } finally {
            lock.unlock();
        }
    }

    /** Types text, as UTF-8. The guest reads it when it is ready to. */
    public void type(String text) {
        Listener l;
        lock.lock();
        try {
            for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
                input.add(b);
            }
            l = listener;
        } finally {
            lock.unlock();
        }
        if (l != null) {
            l.inputReady();
        }
    }

    /** {@return all output so far; a byte each char, so that binary output survives} */
    public String output() {
        lock.lock();
        try {
            return output.toString(StandardCharsets.ISO_8859_1);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until the guest has written {@code text} after what the last successful wait found.
     *
     * @return whether it has within the time
     * @throws InterruptedException when the calling thread is interrupted
     */
    public boolean awaitOutput(String text, Duration timeout) throws InterruptedException {
        long leftNs = timeout.toNanos();
        lock.lock();
        try {
            int seen = -1;
            while (true) {
                if (output.size() != seen) {
                    seen = output.size();
                    int at = output.toString(StandardCharsets.ISO_8859_1).indexOf(text, searched);
                    if (at >= 0) {
                        searched = at + text.length();
                        return true;
                    }
                }
                if (leftNs <= 0) {
                    return false;
                }
                // Searching at every byte would cost the square of the output: let some gather.
                long waitNs = Math.min(leftNs, TimeUnit.MILLISECONDS.toNanos(20));
                long restNs = changed.awaitNanos(waitNs);
                leftNs -= waitNs - Math.max(restNs, 0);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int read() {
        lock.lock();
        try {
            return input.isEmpty() ? -1 : input.poll() & 0xFF;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean writable() {
        return true;
    }

    @Override
    public void awaitWritable() { }

    @Override
    public void write(int value) {
        lock.lock();
        try {
            if (output.size() < MAX_OUTPUT) {
                output.write(value);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() { }
}
