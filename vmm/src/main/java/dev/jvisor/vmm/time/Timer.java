package dev.jvisor.vmm.time;

/** A one-shot alarm, made by {@link Timers#create}. Thread-safe; arming an armed timer moves it. */
public interface Timer {
    /**
     * Makes the timer fire once, when the clock reaches {@code deadlineNs}; a deadline in the past fires as soon as possible.
     *
     * @param deadlineNs time on the partition's {@link Clock}, nanoseconds
     */
    void arm(long deadlineNs);

    /** Stops the timer. A call-back that has begun on another thread may still be running when this returns. */
    void disarm();
}
