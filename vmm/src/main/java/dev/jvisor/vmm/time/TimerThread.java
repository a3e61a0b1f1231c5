package dev.jvisor.vmm.time;

import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Timers on a host thread of their own, by a real clock. Closing stops the thread; timers armed later never fire. */
public final class TimerThread implements Timers, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TimerThread.class);

    private final Clock clock;
    private final TimerQueue queue;
    private final Thread thread;
    private volatile boolean closed;

    /** @param clock the partition's clock; its nanoseconds must advance like the host's */
    public TimerThread(Clock clock) {
        this.clock = clock;
        this.queue = new TimerQueue(this::wake);
        this.thread = Thread.ofPlatform().name("timers").daemon().start(this::loop);
    }

    @Override
    public long nowNs() {
        return clock.nowNs();
    }

    @Override
    public Timer create(String name, Runnable callback) {
        return queue.create(name, callback);
    }

    private void wake() {
        LockSupport.unpark(thread);
    }

    private void loop() {
        while (!closed) {
            long waitNs = queue.earliestNs() - clock.nowNs();
            if (waitNs > 0) {
                LockSupport.parkNanos(this, waitNs);
                continue;
            }
            try {
                queue.runDue(clock.nowNs());
            } catch (RuntimeException e) {
                LOG.error("a timer call-back failed; the device behind it has stopped", e);
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        wake();
        boolean interrupted = false;
        while (thread.isAlive() && Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
