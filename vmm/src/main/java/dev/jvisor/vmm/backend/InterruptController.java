package dev.jvisor.vmm.backend;

/** Where devices raise interrupts, whoever implements the chips. Thread-safe. */
public interface InterruptController {
    /**
     * Sets the level of an interrupt line.
     *
     * @param gsi global system interrupt: 0-15 are the ISA lines (both PIC and I/O APIC; ISA 0 is I/O APIC pin 2), 16-23 I/O APIC pins
     * @param level asserted or not; an edge-triggered input fires on the rise
     */
    void setLine(int gsi, boolean level);

    /**
     * Sends a message-signalled interrupt.
     *
     * @param address MSI address (0xFEExxxxx)
     * @param data MSI data: vector, delivery mode, trigger
     */
    void signalMsi(long address, int data);
}
