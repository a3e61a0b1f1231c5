package dev.jvisor.vmbus.server;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens on a bus, counted, and the first of it logged: a guest, or a bug of ours, may bring it about again and again. Any thread. */
final class BusNotes {
    /** So many lines of a kind go to the log; what comes later only goes to who looks closely. */
    static final int LOGGED = 16;

    private static final Logger LOG = LoggerFactory.getLogger(VmbusServer.class);

    private final LongAdder[] counters = new LongAdder[VmbusCounter.values().length];
    private final AtomicInteger told = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();

    BusNotes() {
        for (int i = 0; i < counters.length; i++) {
            counters[i] = new LongAdder();
        }
    }

    /** {@return how often something has happened} */
    long sum(VmbusCounter which) {
        return counters[which.ordinal()].sum();
    }

    void count(VmbusCounter which) {
        counters[which.ordinal()].increment();
    }

    /** Logs what a guest has brought about. */
    void tell(String format, Object first, Object second) {
        if (told.getAndIncrement() < LOGGED) {
            LOG.warn(format, first, second);
        } else {
            LOG.debug(format, first, second);
        }
    }

    /** Takes note of an exception that nothing a guest does should raise. */
    void failed(String what, Throwable e) {
        count(VmbusCounter.FAILURES);
        if (failures.getAndIncrement() < LOGGED) {
            LOG.error("{}", what, e);
        } else {
            LOG.debug("{}", what, e);
        }
    }
}
