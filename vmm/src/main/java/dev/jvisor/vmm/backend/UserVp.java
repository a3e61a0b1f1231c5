package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.state.VpState;

/** Runs the 64-bit user code of a {@link SupervisorVp}, and nothing else. One thread runs it; {@link #kick} is for any. */
public interface UserVp extends AutoCloseable {
    /** Why {@link #runUser} returned. */
    enum Leave {
        /** The instruction at RIP has something to do that is not for user code: it faults, or cannot be carried out here. */
        INSTRUCTION,
        /** A SYSCALL was begun: RCX and R11 have what it leaves there, RIP is that of the instruction again. */
        SYSCALL,
        /** Somebody wants attention. */
        KICKED
    }

    /**
     * Runs until something comes up.
     *
     * @param state what user code sees; brought up to date before this returns
     */
    Leave runUser(VpState state, InterceptHandler handler);

    /** Makes a run in progress, or else the next one, return {@link Leave#KICKED} soon. Any thread. */
    void kick();

    /** {@return the exception that the last INSTRUCTION has met, as far as the engine knows; -1 when it does not} */
    int lastException();

    /** Forgets what it knows of the guest's page tables, which were changed without its notice. */
    void forgetTranslations();

    /** {@return what RDTSC reads in user code now}. The VP is not running. */
    long tsc();

    @Override
    void close();
}
