package dev.jvisor.devices.disk;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** Counts the threads that read an image beside its queue, and keeps them out. Each stays for no longer than a copy in memory takes. */
final class NowReaders {
    private static final int OUT = Integer.MIN_VALUE;
    private static final long PAUSE_NS = 20_000;

    /** How many are in; {@link #OUT} beside it while none may enter. */
    private final AtomicInteger state = new AtomicInteger();

    /** {@return whether the caller may read; it leaves afterwards} */
    boolean enter() {
        int s = state.get();
        while (s >= 0) {
            int was = state.compareAndExchange(s, s + 1);
            if (was == s) {
                return true;
            }
            s = was;
        }
        return false;
    }

    void leave() {
        state.getAndDecrement();
    }

    /** Lets nobody enter from now on, and waits until all have left. */
    void close() {
        for (int s = state.accumulateAndGet(OUT, (a, b) -> a | b); s != OUT; s = state.get()) {
            LockSupport.parkNanos(PAUSE_NS);
        }
    }

    /** Lets them enter again. */
    void open() {
        state.set(0);
    }
}
