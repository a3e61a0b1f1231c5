package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.time.Clock;
import java.util.function.LongSupplier;

/**
 * How a backend is to make a partition.
 *
 * @param processors how many virtual processors will be made, at least 1
 * @param irqchip who answers for the interrupt controllers
 * @param cpuid the CPUID table the guest sees; null for the backend's own choice
 * @param cpu how much of the instruction set guests are offered. A backend that cannot refuse the rest still does not announce it, in a
 *     table of its own choice; a {@code cpuid} given is taken as it is
 * @param clock the partition's time; a backend with a time-stamp counter of its own may ignore it
 * @param random where RDRAND and RDSEED come from; null for the host's generator. A backend that executes them natively ignores it
 * @param tscHz ticks a second wanted of the guest's time-stamp counter; 0 for the backend's own. {@link BackendPartition#tscHz} says what it is
 */
public record BackendConfig(int processors, Irqchip irqchip, CpuidTable cpuid, CpuLevel cpu, Clock clock, LongSupplier random,
    long tscHz) {
    /** A partition with all instructions the backend has, and the backend's own time-stamp counter. */
    public BackendConfig(int processors, Irqchip irqchip, CpuidTable cpuid, Clock clock) {
        this(processors, irqchip, cpuid, CpuLevel.MAX, clock, null, 0);
    }

    /** Where interrupt controllers live. */
    public enum Irqchip {
        /** The backend's own (in-kernel) PIC, I/O APIC, PIT and local APICs where it has them, else {@link #USER}. */
        BACKEND,
        /** Local APICs in the backend, PIC and I/O APIC ours, where it can; else {@link #USER}. */
        SPLIT,
        /** All ours; the backend asks {@link VpInterrupts}. */
        USER
    }
}
