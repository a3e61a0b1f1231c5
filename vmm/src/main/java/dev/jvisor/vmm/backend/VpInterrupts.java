package dev.jvisor.vmm.backend;

/**
 * A VP's view of its interrupt controllers when those are ours. The VP's thread asks at instruction boundaries; whoever raises an interrupt
 * calls {@link BackendVp#interruptsChanged()} so that it does. Thread-safe.
 */
public interface VpInterrupts {
    /** {@return the vector that may be delivered now if RFLAGS.IF allows it, or -1} */
    int pendingVector();

    /** Accepts what {@link #pendingVector()} offered: it moves to service. {@return the vector to deliver, -1 if it went away meanwhile} */
    int acknowledge();

    /** {@return whether an NMI waits; taking it puts it in service} */
    boolean takeNmi();

    /** The guest has ended its NMI handler, by IRET: only while it runs are further NMIs merged into one. */
    default void endOfNmi() { }

    /** {@return whether an NMI waits} */
    boolean nmiPending();

    /** {@return whether an INIT waits; taking it clears it} */
    boolean takeInit();

    /** {@return whether an INIT waits} */
    boolean initPending();

    /** {@return the vector of a start-up IPI that waits, or -1; taking it clears it} */
    int takeSipi();

    /** {@return whether a start-up IPI waits} */
    boolean sipiPending();

    /** {@return CR8: bits 7-4 of the task priority} */
    int cr8();

    /** Sets CR8. */
    void setCr8(int value);

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
