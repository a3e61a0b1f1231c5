package dev.jvisor.devices.disk;

import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A {@link DiskImage} behind a queue and a few threads. Allocates nothing for a request once the queue has grown to the depth in use. */
final class QueuedDisk implements VirtualDisk {
    private static final Logger LOG = LoggerFactory.getLogger(QueuedDisk.class);
    private static final int ENOSPC = 28;
    private static final int EDQUOT = 122;
    // One line for the first errors of a disk; a guest that retries for ever must not fill the host's log.
    private static final int LOGGED_ERRORS = 8;

    private final DiskImage image;
    private final String name;
    private final Thread[] threads;
    // A monitor, not a Lock: waiting on a Condition allocates a node each time.
    private final Object gate = new Object();
    private final ArrayDeque<DiskRequest> queue = new ArrayDeque<>(256);
    private int idle;
    private int running;
    private boolean orderedRunning;
    private boolean closing;
    private int errors;

    QueuedDisk(DiskImage image, String name, int threadCount) {
        this.image = image;
        this.name = name;
        threads = new Thread[threadCount];
        for (int i = 0; i < threadCount; i++) {
            threads[i] = Thread.ofPlatform().name("disk-" + name + "-" + i).daemon().start(this::serve);
        }
    }

    @Override
    public long byteSize() {
        return image.byteSize();
    }

    @Override
    public int logicalSectorSize() {
        return image.logicalSectorSize();
    }

    @Override
    public int physicalSectorSize() {
        return image.physicalSectorSize();
    }

    @Override
    public boolean readOnly() {
        return image.readOnly();
    }

    @Override
    public UUID id() {
        return image.id();
    }

    @Override
    public boolean supportsUnmap() {
        return image.supportsUnmap();
    }

    @Override
    public void submit(DiskRequest request) {
        synchronized (gate) {
            if (closing) {
                throw new IllegalStateException("the disk is closed");
            }
            request.start();
            queue.add(request);
            if (idle > 0) {
                gate.notify();
            }
        }
    }

    private void serve() {
        IoCursor cursor = new IoCursor();
        while (true) {
            DiskRequest request;
            synchronized (gate) {
                while (!runnable()) {
                    if (closing && queue.isEmpty()) {
                        return;
                    }
                    idle++;
                    try {
                        gate.wait();
                    } catch (InterruptedException e) {
                        // Nobody interrupts a disk thread; the loop looks again.
                    }
                    idle--;
                }
                request = queue.poll();
                running++;
                orderedRunning = request.ordered();
            }
            DiskStatus status = perform(request, cursor);
            synchronized (gate) {
                running--;
                if (orderedRunning) {
                    orderedRunning = false;
                    gate.notifyAll();
                } else if (running == 0 && (closing || !queue.isEmpty())) {
                    gate.notify();
                }
            }
            try {
                request.complete(status);
            } catch (RuntimeException e) {
                LOG.warn("{}: a completion failed", name, e);
            }
        }
    }

    private boolean runnable() {
        DiskRequest next = queue.peek();
        return next != null && !orderedRunning && (!next.ordered() || running == 0);
    }

    private DiskStatus perform(DiskRequest r, IoCursor cursor) {
        DiskStatus wrong = check(r);
        if (wrong != DiskStatus.OK) {
            return wrong;
        }
        try {
            switch (r.op()) {
                case READ -> {
                    cursor.attach(r);
                    image.read(r.offset(), r.length(), cursor);
                }
                case WRITE -> {
                    cursor.attach(r);
                    image.write(r.offset(), r.length(), cursor);
                }
                case UNMAP -> image.zero(r.offset(), r.length(), true);
                case WRITE_ZEROES -> image.zero(r.offset(), r.length(), false);
                case FLUSH -> flush();
            }
            if (r.fua() && r.op() != DiskRequest.Op.FLUSH) {
                flush();
            }
            return DiskStatus.OK;
        } catch (ErrnoException e) {
            logError(r, e);
            return e.errno() == ENOSPC || e.errno() == EDQUOT ? DiskStatus.NO_SPACE : DiskStatus.IO_ERROR;
        } catch (IOException | RuntimeException e) {
            logError(r, e);
            return DiskStatus.IO_ERROR;
        }
    }

    private void flush() throws IOException {
        if (!image.readOnly()) {
            image.flush();
        }
    }

    private DiskStatus check(DiskRequest r) {
        if (r.op() == DiskRequest.Op.FLUSH) {
            return DiskStatus.OK;
        }
        long mask = image.logicalSectorSize() - 1;
        long size = image.byteSize();
        if (r.offset() < 0 || r.length() < 0 || r.length() > size || r.offset() > size - r.length() || ((r.offset() | r.length()) & mask) != 0) {
            return DiskStatus.OUT_OF_RANGE;
        }
        if (r.op() == DiskRequest.Op.READ || r.op() == DiskRequest.Op.WRITE) {
            long memory = 0;
            for (int i = 0; i < r.pieces(); i++) {
                memory += r.pieceLength(i);
            }
            if (memory < r.length()) {
                return DiskStatus.OUT_OF_RANGE;
            }
        }
        return r.op() != DiskRequest.Op.READ && image.readOnly() ? DiskStatus.READ_ONLY : DiskStatus.OK;
    }

    private void logError(DiskRequest r, Exception e) {
        int n;
        synchronized (gate) {
            n = ++errors;
        }
        if (n <= LOGGED_ERRORS) {
            LOG.warn("{}: {} of {} bytes at {} failed: {}", name, r.op(), r.length(), r.offset(), e.toString());
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (gate) {
            if (closing) {
                return;
            }
            closing = true;
            gate.notifyAll();
        }
        boolean interrupted = false;
        for (Thread t : threads) {
            while (true) {
                try {
                    t.join();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        try {
            image.close();
        } catch (ErrnoException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
