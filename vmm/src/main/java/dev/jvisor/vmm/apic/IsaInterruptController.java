package dev.jvisor.vmm.apic;

/** The inputs of a PIC pair. Thread-safe. */
@FunctionalInterface
public interface IsaInterruptController {
    /**
     * Sets the level of an input.
     *
     * @param irq ISA interrupt, 0 to 15
     * @param level asserted or not
     */
    void setLine(int irq, boolean level);
}
