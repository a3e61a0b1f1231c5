package dev.jvisor.tools.run;

/** What {@code --trace} can show. */
enum TraceKind {
    /** IN and OUT. */
    PORT,
    /** Accesses to GPAs that are not RAM. */
    MMIO,
    /** RDMSR and WRMSR. */
    MSR,
    /** What the CPU does not implement or finds strange, counted by name. */
    CPU,
    /** Of ports, MMIO and MSRs only those that nothing answers to. */
    UNKNOWN,
    /** All of the others. */
    ALL
}
