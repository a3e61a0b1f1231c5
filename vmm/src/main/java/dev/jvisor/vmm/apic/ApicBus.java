package dev.jvisor.vmm.apic;

/** What local APICs and I/O APIC reach each other by. Thread-safe, takes no locks of its own. */
interface ApicBus {
    /**
     * An inter-processor interrupt.
     *
     * @param from who sends
     * @param icrLow vector, modes and shorthand as in the low half of ICR
     * @param destination APIC id or logical destination: 8 bits, or 32 when {@code from} is in x2APIC mode
     */
    void sendIpi(LocalApic from, int icrLow, int destination);

    /** A local APIC has ended a level-triggered interrupt. */
    void endOfInterrupt(int vector);
}
