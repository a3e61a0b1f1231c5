package dev.jvisor.vmm.partition;

import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread ({@code vps}) of a partition whose VPs run in turn; what it does depends on nothing but the guest. */
final class TurnThread {
    private static final Logger LOG = LoggerFactory.getLogger(TurnThread.class);

    private final Partition partition;
    private final InstructionClock time;

    TurnThread(Partition partition, InstructionClock time) {
        this.partition = partition;
        this.time = time;
    }

    void start() {
        Thread t = Thread.ofPlatform().name("vps").daemon().unstarted(this::loop);
        partition.processors().forEach(vp -> vp.startOn(t));
        t.start();
    }

    private void loop() {
        try {
            while (!partition.stopping()) {
                boolean ran = false;
                for (VirtualProcessor vp : partition.processors()) {
                    ran |= !partition.stopping() && vp.turn(time);
                }
                if (!ran && !partition.stopping()) {
                    idle();
                }
            }
        } catch (Throwable e) {
            LOG.error("the thread of all VPs failed", e);
            partition.requestStop(StopReason.internalError("vps: " + e));
        } finally {
            partition.processors().forEach(VirtualProcessor::ended);
        }
    }

    /** No VP has anything to do: time passes to the next timer, unless somebody wants them to stand still. */
    private void idle() {
        partition.checkHaltedForever();
        boolean pause = partition.processors().stream().anyMatch(VirtualProcessor::pauseWanted);
        if (!partition.stopping() && (pause || !time.skip())) {
            LockSupport.park(this);
        }
    }
}
