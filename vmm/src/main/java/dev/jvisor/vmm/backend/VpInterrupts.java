package dev.jvisor.vmm.backend;

/**
 * A VP's view of its interrupt controllers when those are ours. The VP's thread asks at instruction boundaries; whoever raises an interrupt
 * calls {@link BackendVp#interruptsChanged()} so that it does. Thread-safe. Without being overridden, nothing ever waits.
 */
public interface VpInterrupts {
    /** A VP that nothing interrupts. */
    VpInterrupts NONE = new VpInterrupts() { };

    /** {@return the vector that may be delivered now if RFLAGS.IF allows it, or -1} */
    default int pendingVector() {
        return -1;
    }

    /** Accepts what {@link #pendingVector()} offered: it moves to service. {@return the vector to deliver, -1 if it went away meanwhile} */
    default int acknowledge() {
        return -1;
    }

    /** {@return whether an NMI waits; taking it puts it in service} */
    default boolean takeNmi() {
        return false;
    }

    /** The guest has ended its NMI handler, by IRET: only while it runs are further NMIs merged into one. */
    default void endOfNmi() { }

    /** {@return whether an NMI waits} */
    default boolean nmiPending() {
        return false;
    }

    /** {@return whether an INIT waits; taking it clears it} */
    default boolean takeInit() {
        return false;
    }

    /** {@return whether an INIT waits} */
    default boolean initPending() {
        return false;
    }

    /** {@return the vector of a start-up IPI that waits, or -1; taking it clears it} */
    default int takeSipi() {
        return -1;
    }

    /** {@return whether a start-up IPI waits} */
    default boolean sipiPending() {
        return false;
    }

    /** {@return CR8: bits 7-4 of the task priority} */
    default int cr8() {
        return 0;
    }

    /** Sets CR8. */
    default void setCr8(int value) { }

    /** {@return whether the local APIC is enabled by IA32_APIC_BASE; CPUID says so} */
    default boolean localApicEnabled() {
        return true;
    }

    /**
     * The guest has set its time-stamp counter: from now on it is the partition's clock in ticks plus {@code offset}. TSC deadlines are
     * reckoned by it.
     *
     * @param offset ticks, may be negative
     */
    default void setTscOffset(long offset) { }
}
