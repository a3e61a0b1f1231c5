package dev.jvisor.vmm.time;

/** Where a device gets its timers and its clock. Call-backs run one at a time, never on the thread that arms, so they may take device locks. */
public interface Timers extends Clock {
    /**
     * Makes a timer that is not armed.
     *
     * @param name for diagnostics, for example {@code "pit-0"}
     * @param callback what to do when it fires; must not block
     * @return the timer
     */
    Timer create(String name, Runnable callback);
}
