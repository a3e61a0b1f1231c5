package dev.jvisor.vmm.x86;

import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Has every VP of a partition but one stand still between two blocks while that one executes an instruction: LOCK on an operand that the
 * host cannot change at one stroke. It takes as long as the longest block that somebody is in, and a host CPU for each who is; guests that
 * care for speed do not use such operands.
 */
final class Standstill {
    private final List<SoftwareVp> vps;
    private final ReentrantLock turn = new ReentrantLock();
    private volatile SoftwareVp owner;

    Standstill(List<SoftwareVp> vps) {
        this.vps = vps;
    }

    /**
     * Waits until all others stand still. To be called between two instructions.
     *
     * @param by the VP that goes on alone; its own thread
     * @return false, with nobody standing, when that VP is kicked first
     */
    boolean begin(SoftwareVp by) {
        for (int k = 0; !turn.tryLock(); k++) {
            if (!by.stillWaiting(k)) {
                return false;
            }
        }
        owner = by;
        for (SoftwareVp vp : vps) {
            if (vp != by) {
                vp.requestStand();
            }
        }
        for (SoftwareVp vp : vps) {
            for (int k = 0; vp != by && vp.inGuest(); k++) {
                if (!by.stillWaiting(k)) {
                    end();
                    return false;
                }
            }
        }
        return true;
    }

    /** Lets the others go on. By the thread that began. */
    void end() {
        owner = null;
        turn.unlock();
    }

    /** {@return whether somebody else wants {@code vp} to stand} */
    boolean wanted(SoftwareVp vp) {
        SoftwareVp by = owner;
        return by != null && by != vp;
    }

    /** Waits while somebody else wants {@code vp} to stand. */
    void awaitEnd(SoftwareVp vp) {
        for (int k = 0; wanted(vp); k++) {
            if ((k & SoftwareVp.SPINS_A_YIELD - 1) == SoftwareVp.SPINS_A_YIELD - 1) {
                Thread.yield();
            } else {
                Thread.onSpinWait();
            }
        }
    }
}
