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

    /**
     * Tells a backend that has the local APICs but not the I/O APIC what a pin of the I/O APIC now sends, so that it knows which vectors
     * need {@link InterceptHandler#endOfInterrupt}.
     *
     * @param pin I/O APIC pin
     * @param address MSI address
     * @param data MSI data; bit 15 set for level-triggered
     * @param masked whether the pin sends nothing
     */
    default void routePin(int pin, long address, int data, boolean masked) { }

    /**
     * Says which vectors of a VP's local APIC end by themselves: delivering one leaves it not in service, and the guest sends no EOI. Local
     * APICs of a backend may not be able to do so; then nothing happens.
     *
     * @param vp index of the virtual processor
     * @param vectors 256 bits, vector 0 in bit 0 of the first of four; copied
     */
    default void setAutomaticEoi(int vp, long[] vectors) { }

    /** Puts every chip behind it to its reset state, local APICs included; no VP is running. */
    default void reset() { }
}
