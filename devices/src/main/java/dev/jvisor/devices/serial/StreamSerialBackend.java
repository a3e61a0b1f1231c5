package dev.jvisor.devices.serial;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A serial line between the guest and host streams: standard input and output, files, sockets.
 *
 * <p>Two daemon threads: one reads ahead by at most {@value #INPUT_BYTES} bytes and then waits for the guest; one writes what the guest
 * sent, in order, in large pieces, and flushes when nothing more is there. When the host does not take the output, the guest waits. The
 * streams stay open: they belong to the caller.
 */
public final class StreamSerialBackend implements SerialBackend {
    private static final Logger LOG = LoggerFactory.getLogger(StreamSerialBackend.class);
    private static final int INPUT_BYTES = 4096;
    private static final int OUTPUT_BYTES = 64 << 10;
    private static final int PIECE_BYTES = 8 << 10;
    /** How long output is collected after the line was idle, so that a guest's line of text is one system call. */
    private static final long GATHER_NS = 1_000_000;
    private static final Duration DRAIN = Duration.ofSeconds(2);

    private final InputStream in;
    private final OutputStream out;
    private final Thread writer;

    private final Object lock = new Object();
    private final ByteFifo input = new ByteFifo(INPUT_BYTES);
    private final ByteFifo output = new ByteFifo(OUTPUT_BYTES);
    private Listener listener;
    private boolean writerIdle;
    private boolean starved;
    private boolean closed;

    /**
     * Makes a line; nothing is read before {@link #attach}.
     *
     * @param in what the guest is to read; null for nothing
     * @param out where the guest's output goes
     */
    public StreamSerialBackend(InputStream in, OutputStream out) {
        this.in = in;
        this.out = out;
        this.writer = Thread.ofPlatform().name("serial-out").daemon().start(this::drain);
    }

    @Override
    public void attach(Listener newListener) {
        synchronized (lock) {
            listener = newListener;
        }
        if (in != null) {
            Thread.ofPlatform().name("serial-in").daemon().start(this::readAhead);
        }
    }

    @Override
    public int read() {
        synchronized (lock) {
            if (input.isEmpty()) {
                return -1;
            }
            if (input.room() == 0) {
                lock.notifyAll();
            }
            return input.take();
        }
    }

    @Override
    public boolean writable() {
        synchronized (lock) {
            boolean room = closed || output.room() >= SerialRegisters.FIFO;
            starved |= !room;
            return room;
        }
    }

    @Override
    public void awaitWritable() {
        boolean interrupted = false;
        synchronized (lock) {
            while (output.room() < SerialRegisters.FIFO && !closed) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void write(int value) {
        synchronized (lock) {
            if (!closed && output.room() > 0) {
                output.add(value);
                if (writerIdle) {
                    writerIdle = false;
                    lock.notifyAll();
                }
            }
        }
    }

    private void readAhead() {
        byte[] piece = new byte[INPUT_BYTES];
        try {
            while (true) {
                int n = in.read(piece, 0, piece.length);
                if (n < 0 || !offer(piece, n)) {
                    return;
                }
            }
        } catch (IOException e) {
            LOG.debug("serial input ended", e);
        }
    }

    /** {@return false when closed meanwhile} */
    private boolean offer(byte[] piece, int length) {
        for (int done = 0; done < length; ) {
            synchronized (lock) {
                while (input.room() == 0 && !closed) {
                    try {
                        lock.wait();
                    } catch (InterruptedException e) {
                        return false; // nobody of ours interrupts this thread
                    }
                }
                if (closed) {
                    return false;
                }
                done += input.add(piece, done, length - done);
            }
            listener.inputReady();
        }
        return true;
    }

    private void drain() {
        byte[] piece = new byte[PIECE_BYTES];
        boolean broken = false;
        while (true) {
            int n;
            boolean roomAgain;
            synchronized (lock) {
                boolean waited = false;
                while (output.isEmpty() && !closed) {
                    writerIdle = true;
                    waited = true;
                    try {
                        lock.wait();
                    } catch (InterruptedException e) {
                        return; // nobody of ours interrupts this thread
                    }
                }
                if (output.isEmpty()) {
                    return;
                }
                n = waited && !closed ? 0 : output.take(piece);
                roomAgain = starved && output.room() >= OUTPUT_BYTES / 2;
                if (roomAgain) {
                    starved = false;
                }
                lock.notifyAll();
            }
            if (n == 0) {
                LockSupport.parkNanos(this, GATHER_NS);
                continue;
            }
            if (roomAgain && listener != null) {
                listener.outputReady();
            }
            broken = broken || !put(piece, n);
        }
    }

    /** {@return false when the host's end is gone; the guest's output is dropped from then on} */
    private boolean put(byte[] piece, int length) {
        try {
            out.write(piece, 0, length);
            boolean idle;
            synchronized (lock) {
                idle = output.isEmpty();
            }
            if (idle) {
                out.flush();
            }
            return true;
        } catch (IOException e) {
            LOG.warn("serial output is lost from here on: {}", e.toString());
            return false;
        }
    }

    /** Writes out what the guest has sent, waiting a little while if the host does not take it. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
        try {
            writer.join(DRAIN);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
