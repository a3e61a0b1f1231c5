package dev.jvisor.vmm.backend;

/** Why {@link BackendVp#run} returned. */
public enum VpExit {
    /** HLT, or frozen by an x87 error; the caller waits for {@link BackendVp#wakeable()} and runs again. Not seen when the backend's irqchip waits itself. */
    HALT,
    /** Triple fault. */
    SHUTDOWN,
    /** {@link BackendVp#kick} was called. */
    KICKED,
    /** A breakpoint or a single step, if debugging was asked for. */
    DEBUG,
    /** The backend cannot go on; {@link BackendVp#explain()} says why. */
    INTERNAL_ERROR,
    /** Waits for a start-up IPI; like HALT. */
    WAIT_FOR_SIPI,
    /** Only from {@link SupervisorVp#runSupervisor}: user code is next. */
    USER_MODE
}
