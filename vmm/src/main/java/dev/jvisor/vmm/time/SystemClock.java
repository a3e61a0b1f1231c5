package dev.jvisor.vmm.time;

/** The host's monotonic clock, counted from the creation of this object. The only place that reads it. */
public final class SystemClock implements Clock {
    private final long originNs = System.nanoTime();

    @Override
    public long nowNs() {
        return System.nanoTime() - originNs;
    }
}
