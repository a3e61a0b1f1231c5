package dev.jvisor.vmm.backend;

/** One partition inside a backend. */
public interface BackendPartition extends AutoCloseable {
    /** {@return where the interrupt controllers are in fact} */
    BackendConfig.Irqchip irqchip();

    /** {@return the backend's own interrupt controllers; null when {@link #irqchip()} is USER} */
    InterruptController interruptController();

    /**
     * {@return ticks a second of the guest's time-stamp counter, which stands at 0 when the partition's clock does; what a TSC deadline is
     * reckoned by when local APICs are ours}
     */
    default long tscHz() {
        return 1_000_000_000L;
    }

    /** {@return the CPUID table in force} */
    CpuidTable cpuid();

    /** Replaces the CPUID table; no VP has run yet. */
    default void setCpuid(CpuidTable table) {
        throw new UnsupportedOperationException("the CPUID table cannot be replaced");
    }

    /**
     * Makes a virtual processor in its reset state.
     *
     * @param index from 0; also its APIC id
     * @param interrupts where its interrupts come from; null unless {@link #irqchip()} is USER
     */
    BackendVp createVp(int index, VpInterrupts interrupts);

    /** Frees everything; no VP may be running. */
    @Override
    void close();
}
