package dev.jvisor.nativebindings;

/** Where KVM sends a global system interrupt (GSI): a line of the GSI routing table ({@code struct kvm_irq_routing_entry}). */
public sealed interface GsiRoute {
    /** {@return the GSI number, below {@link KvmCap#IRQ_ROUTING}} */
    int gsi();

    /**
     * To a pin of an in-kernel interrupt controller; with a split irqchip, marks a pin reserved for the user's I/O APIC.
     *
     * @param chip {@link KvmVm#PIC_MASTER}, {@link KvmVm#PIC_SLAVE} or {@link KvmVm#IOAPIC}
     */
    record Pin(int gsi, int chip, int pin) implements GsiRoute {
    }

    /** To the local APICs as a message signalled interrupt. */
    record Msi(int gsi, long address, int data) implements GsiRoute {
    }
}
