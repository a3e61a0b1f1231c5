package dev.jvisor.devices.disk;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link DiskImage} behind a queue and a few threads. Allocates nothing for a request once the queue has grown to the depth in use.
 *
 * <pre>
 *  readNow ---------------- caller's thread, page cache only -----------> image
 *  submit --> queue --> a worker: READ, WRITE, UNMAP, ... --------------> image
 *                           |  FLUSH, and what has FUA and is written
 *                           +--> toFlush --> one worker, all that wait --> image.flush
 * </pre>
 *
 * <p>Waking a thread costs more than a transfer to or from the page cache. So a worker is woken only for what is likely to wait for a device
 * (a read that {@link #readNow} could not do, a flush, an UNMAP), or when none is awake but those that are in such work. All flushes that
 * wait are one: each began after what it promises was done.
 */
final class QueuedDisk implements VirtualDisk {
    private static final Logger LOG = LoggerFactory.getLogger(QueuedDisk.class);
    private static final int ENOSPC = 28;
    private static final int EDQUOT = 122;
    /** The file has reached the size that the file system, or a limit of the process, sets. */
    private static final int EFBIG = 27;
    // One line for the first errors of a disk; a guest that retries for ever must not fill the host's log.
    private static final int LOGGED_ERRORS = 8;
    /** Workers awake for what does not wait. The second is for when the first does after all; more would only fight for the gate. */
    private static final int BRISK_WORKERS = 2;
    /** Most bytes read on the caller's thread: above, copying in parallel is worth a wake-up. */
    private static final long MAX_NOW = 128 << 10;
    private static final ThreadLocal<IoCursor> CURSORS = ThreadLocal.withInitial(IoCursor::new);

    // Fixed
    private final String name;
    private final Worker[] workers;
    private final NowReaders nowReaders = new NowReaders();

    /** Another after a resize. */
    private volatile DiskImage image;

    // Under the gate
    private final Object gate = new Object();
    private final ArrayDeque<DiskRequest> queue = new ArrayDeque<>(256);
    private ArrayDeque<DiskRequest> toFlush = new ArrayDeque<>(64);
    private ArrayDeque<DiskRequest> flushing = new ArrayDeque<>(64);
    private final Worker[] idle;
    private int idleCount;
    /** Workers in what is likely to wait for a device. */
    private int waiting;
    /** Requests that were taken from the queue and are not complete. */
    private int running;
    private boolean flushRunning;
    private boolean orderedRunning;
    /** Nothing is taken from the queue: the image is being changed. */
    private boolean held;
    private boolean closing;
    private int errors;
    /** Ordered requests queued or running; while there is one, reads keep their place too. */
    private volatile int ordered;

    QueuedDisk(DiskImage image, String name, int threadCount) {
        this.image = image;
        this.name = name;
        workers = new Worker[threadCount];
        idle = new Worker[threadCount];
        for (int i = 0; i < threadCount; i++) {
            Worker w = new Worker();
            workers[i] = w;
            w.thread = Thread.ofPlatform().name("disk-" + name + "-" + i).daemon().unstarted(w);
        }
        for (Worker w : workers) {
            w.thread.start();
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
    public boolean readNow(DiskRequest r) {
        if (r.op() != Op.READ || r.length() > MAX_NOW || ordered > 0 || !nowReaders.enter()) {
            return false;
        }
        try {
            if (check(r) != DiskStatus.OK) {
                return false;
            }
            IoCursor cursor = CURSORS.get();
            cursor.attach(r);
            return image.readNow(r.offset(), r.length(), cursor);
        } catch (IOException | RuntimeException e) {
            return false; // the queue's way finds out what is wrong, and says so
        } finally {
            nowReaders.leave();
        }
    }

    @Override
    public void submit(DiskRequest request) {
        Worker wake = null;
        synchronized (gate) {
            if (closing) {
                throw new IllegalStateException("the disk is closed");
            }
            request.start();
            if (request.ordered()) {
                ordered++;
            }
            queue.add(request);
            if (brisk() < BRISK_WORKERS || waits(request)) {
                wake = takeIdle();
            }
        }
        wake(wake);
    }

    // ---- workers; under the gate ----

    /** {@return whether a worker is likely to wait for a device in it} */
    private static boolean waits(DiskRequest r) {
        return r.op() != Op.WRITE;
    }

    /** {@return the workers that are awake and do not wait for a device} */
    private int brisk() {
        return workers.length - idleCount - waiting;
    }

    private boolean runnable(DiskRequest r) {
        return r != null && !held && !orderedRunning && (!r.ordered() || running == 0);
    }

    private boolean hasWork() {
        return runnable(queue.peek()) || !flushRunning && !toFlush.isEmpty();
    }

    private Worker takeIdle() {
        if (idleCount == 0) {
            return null;
        }
        Worker w = idle[--idleCount];
        w.sleeping = false;
        return w;
    }

    private void wakeAll() {
        for (Worker w = takeIdle(); w != null; w = takeIdle()) {
            wake(w);
        }
    }

    /** Outside of the gate: who wakes would stand in the way of who is woken. */
    private static void wake(Worker w) {
        if (w != null) {
            LockSupport.unpark(w.thread);
        }
    }

    /** A thread of the disk, and what it does now. */
    private final class Worker implements Runnable {
        private final IoCursor cursor = new IoCursor();
        private Thread thread;
        /** Set under the gate by itself, cleared under the gate by who wakes it. */
        private volatile boolean sleeping;
        private DiskRequest request;
        private boolean inFlush;
        private boolean inWait;
        /** What was completed since the gate was passed last. */
        private int completed;

        @Override
        public void run() {
            while (next()) {
                if (inFlush) {
                    flushAll();
                } else if (request != null) {
                    work(request);
                } else {
                    while (sleeping) {
                        LockSupport.park(gate);
                    }
                }
            }
        }

        /** Finds the next thing to do, which may be to sleep. {@return false when the disk is closed and nothing is left} */
        private boolean next() {
            Worker helper = null;
            synchronized (gate) {
                settle();
                if (!takeFlushes() && !takeRequest()) {
                    if (closing && running == 0 && queue.isEmpty()) {
                        wakeAll();
                        return false;
                    }
                    idle[idleCount++] = this;
                    sleeping = true;
                    if (held && running == 0) {
                        gate.notifyAll();
                    }
                } else if (brisk() < BRISK_WORKERS && hasWork()) {
                    helper = takeIdle();
                }
            }
            wake(helper);
            return true;
        }

        /** Accounts for what it has done. */
        private void settle() {
            if (inWait) {
                inWait = false;
                waiting--;
            }
            if (inFlush) {
                inFlush = false;
                flushRunning = false;
            }
            if (request != null && completed == 0) {
                toFlush.add(request);
            }
            request = null;
            running -= completed;
            if (completed > 0 && orderedRunning) {
                orderedRunning = false;
                ordered--;
            }
            completed = 0;
        }

        private boolean takeFlushes() {
            if (flushRunning || toFlush.isEmpty()) {
                return false;
            }
            ArrayDeque<DiskRequest> batch = toFlush;
            toFlush = flushing;
            flushing = batch;
            flushRunning = true;
            inFlush = true;
            inWait = true;
            waiting++;
            return true;
        }

        private boolean takeRequest() {
            DiskRequest head = queue.peek();
            if (!runnable(head) || brisk() > BRISK_WORKERS && !waits(head)) {
                return false;
            }
            request = queue.poll();
            running++;
            orderedRunning = request.ordered();
            inWait = waits(request);
            waiting += inWait ? 1 : 0;
            return true;
        }

        private void work(DiskRequest r) {
            DiskStatus status = r.op() == Op.FLUSH ? DiskStatus.OK : perform(r, cursor);
            boolean flush = status == DiskStatus.OK && (r.op() == Op.FLUSH || r.fua() && r.op() != Op.READ);
            if (!flush) {
                end(r, status);
            }
        }

        private void flushAll() {
            DiskStatus status = flush(flushing.peek());
            for (DiskRequest r = flushing.poll(); r != null; r = flushing.poll()) {
                end(r, status);
            }
        }

        private void end(DiskRequest r, DiskStatus status) {
            completed++;
            try {
                r.complete(status);
            } catch (RuntimeException | Error e) {
                // Whatever a controller does wrong must not end the thread: its disk would answer no more.
                LOG.warn("{}: a completion failed", name, e);
            }
        }
    }

    // ---- the image ----

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
                case FLUSH -> throw new IllegalStateException("a flush waits for others");
            }
            return DiskStatus.OK;
        } catch (IOException | RuntimeException | Error e) {
            return failed(r, e);
        }
    }

    private DiskStatus flush(DiskRequest first) {
        try {
            if (!image.readOnly()) {
                image.flush();
            }
            return DiskStatus.OK;
        } catch (IOException | RuntimeException | Error e) {
            return failed(first, e);
        }
    }

    private DiskStatus failed(DiskRequest r, Throwable e) {
        int n;
        synchronized (gate) {
            n = ++errors;
        }
        if (n <= LOGGED_ERRORS) {
            LOG.warn("{}: {} of {} bytes at {} failed: {}", name, r.op(), r.length(), r.offset(), e.toString());
        }
        int errno = e instanceof ErrnoException host ? host.errno() : 0;
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? DiskStatus.NO_SPACE : DiskStatus.IO_ERROR;
    }

    private DiskStatus check(DiskRequest r) {
        if (r.op() == Op.FLUSH) {
            return DiskStatus.OK;
        }
        long mask = image.logicalSectorSize() - 1;
        long size = image.byteSize();
        if (r.offset() < 0 || r.length() < 0 || r.length() > size || r.offset() > size - r.length() || ((r.offset() | r.length()) & mask) != 0) {
            return DiskStatus.OUT_OF_RANGE;
        }
        if (r.op() == Op.READ || r.op() == Op.WRITE) {
            long memory = 0;
            for (int i = 0; i < r.pieces(); i++) {
                memory += r.pieceLength(i);
            }
            if (memory < r.length()) {
                return DiskStatus.OUT_OF_RANGE;
            }
        }
        return r.op() != Op.READ && image.readOnly() ? DiskStatus.READ_ONLY : DiskStatus.OK;
    }

    // ---- resize and close ----

    @Override
    public void resize(long bytes, boolean shrink) throws IOException {
        if (readOnly()) {
            throw new IOException(name + ": the disk is open for reading only");
        }
        hold();
        try {
            ImageResize resize = new ImageResize(image, bytes, shrink);
            try {
                resize.apply();
            } finally {
                image = resize.reopen();
            }
        } catch (ErrnoException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            goOn();
        }
    }

    /** Waits until nobody works on the image, and keeps it so. */
    private void hold() throws IOException {
        synchronized (gate) {
            awaitGate(() -> !held);
            if (closing) {
                throw new IOException(name + ": the disk is closed");
            }
            held = true;
            awaitGate(() -> running == 0);
        }
        nowReaders.close();
    }

    private void goOn() {
        nowReaders.open();
        synchronized (gate) {
            held = false;
            gate.notifyAll();
            wakeAll();
        }
    }

    private void awaitGate(BooleanSupplier condition) {
        boolean interrupted = false;
        while (!condition.getAsBoolean()) {
            try {
                gate.wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (gate) {
            awaitGate(() -> !held);
            if (closing) {
                return;
            }
            closing = true;
            wakeAll();
        }
        nowReaders.close();
        boolean interrupted = false;
        for (Worker w : workers) {
            while (true) {
                try {
                    w.thread.join();
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
