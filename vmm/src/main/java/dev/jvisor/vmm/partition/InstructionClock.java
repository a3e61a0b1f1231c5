package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;
import dev.jvisor.vmm.time.VirtualClock;

/**
 * Time that passes with the instructions a partition executes, all VPs' together: {@value #NS_AN_INSTRUCTION} ns each. Timers fire between
 * two turns. For one thread.
 */
final class InstructionClock implements Timers {
    private static final long NS_AN_INSTRUCTION = 10;
    /** Most instructions of one turn. */
    private static final long TURN = 10_000;

    private final VirtualClock time = new VirtualClock();
    private BackendVp running;
    private long from;

    @Override
    public long nowNs() {
        return time.nowNs() + passedNs();
    }

    private long passedNs() {
        return running == null ? 0 : (running.instructions() - from) * NS_AN_INSTRUCTION;
    }

    @Override
    public Timer create(String name, Runnable callback) {
        return time.create(name, callback);
    }

    /** Begins the turn of a VP. {@return how many instructions it may execute: no more than until the next timer, and at least one} */
    long begin(BackendVp vp) {
        running = vp;
        from = vp.instructions();
        long next = time.nextDeadlineNs();
        return next == Long.MAX_VALUE ? TURN : Math.clamp((next - time.nowNs()) / NS_AN_INSTRUCTION, 1, TURN);
    }

    /** Ends it: timers that are due fire. */
    void end() {
        long ns = passedNs();
        running = null;
        time.advance(ns);
    }

    /** Lets time pass to the next timer, which fires. {@return false when there is none} */
    boolean skip() {
        long next = time.nextDeadlineNs();
        if (next == Long.MAX_VALUE) {
            return false;
        }
        time.advance(Math.max(0, next - time.nowNs()));
        return true;
    }
}
