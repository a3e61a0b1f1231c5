package dev.jvisor.guest.baremetal;

/** The state of the processor that a program expects at its entry point. */
public enum EntryMode {
    /** Real mode: CS:IP reaches the entry, DS, ES and SS are zero or set by the program; interrupts off. */
    REAL_16,
    /** Flat 32-bit protected mode without paging, interrupts off: what PVH and multiboot give. EBX may hold their structure. */
    PROTECTED_32
}
