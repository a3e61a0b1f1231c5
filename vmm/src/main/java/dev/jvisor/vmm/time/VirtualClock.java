package dev.jvisor.vmm.time;

/** Time that moves only when told to: timers fire inside {@link #advance}, on the caller's thread. For tests and deterministic runs. */
public final class VirtualClock implements Timers {
    private final TimerQueue queue = new TimerQueue(() -> { });
    private volatile long nowNs;

    @Override
    public long nowNs() {
        return nowNs;
    }

    @Override
    public Timer create(String name, Runnable callback) {
        return queue.create(name, callback);
    }

    /** {@return the deadline of the next timer, or {@link Long#MAX_VALUE} when none is armed} */
    public long nextDeadlineNs() {
        return queue.earliestNs();
    }

    /**
     * Moves time forward, stopping at each deadline on the way so that a call-back sees its own time.
     *
     * @param deltaNs nanoseconds, not negative
     */
    public void advance(long deltaNs) {
        if (deltaNs < 0) {
            throw new IllegalArgumentException("time does not go back: deltaNs=" + deltaNs);
        }
        long target = nowNs + deltaNs;
        while (true) {
            long next = queue.earliestNs();
            if (next > target) {
                break;
            }
            nowNs = Math.max(nowNs, next);
            queue.runDue(nowNs);
        }
        nowNs = target;
    }
}
