package dev.jvisor.vmm.apic;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a local APIC passes to its processor beside IRR: NMI, INIT and the start-up IPI (Intel SDM 3A, 11.4 and 11.6.1). Any thread sends; the
 * VP's thread takes.
 */
final class ProcessorSignals {
    /**
     * NMIs that wait: at most one while another is in service, else two, because the first would be in service by now had the VP not been
     * away.
     */
    private final AtomicInteger nmis = new AtomicInteger();
    private volatile boolean nmiInService;
    private final AtomicBoolean init = new AtomicBoolean();
    /** Vector, or -1. */
    private final AtomicInteger sipi = new AtomicInteger(-1);

    void sendNmi() {
        nmis.getAndUpdate(n -> n < (nmiInService ? 1 : 2) ? n + 1 : n);
    }

    void sendInit() {
        sipi.set(-1);
        init.set(true);
    }

    void sendSipi(int vector) {
        sipi.set(vector);
    }

    boolean takeNmi() {
        if (nmis.getAndUpdate(n -> Math.max(n - 1, 0)) == 0) {
            return false;
        }
        // After it was taken away: one that comes between is not to be taken for it.
        nmiInService = true;
        return true;
    }

    void endOfNmi() {
        nmiInService = false;
    }

    boolean nmiPending() {
        return nmis.get() > 0;
    }

    boolean takeInit() {
        if (init.get() && init.getAndSet(false)) {
            nmiInService = false;
            return true;
        }
        return false;
    }

    boolean initPending() {
        return init.get();
    }

    /** {@return the vector, or -1 for none} */
    int takeSipi() {
        return sipi.get() < 0 ? -1 : sipi.getAndSet(-1);
    }

    boolean sipiPending() {
        return sipi.get() >= 0;
    }

    void reset() {
        restore(0, false, -1);
        nmiInService = false;
    }

    int nmis() {
        return nmis.get();
    }

    /** {@return the vector of a start-up IPI that waits, or -1} */
    int sipi() {
        return sipi.get();
    }

    void restore(int waitingNmis, boolean waitingInit, int waitingSipi) {
        nmis.set(waitingNmis);
        init.set(waitingInit);
        sipi.set(waitingSipi);
    }
}
