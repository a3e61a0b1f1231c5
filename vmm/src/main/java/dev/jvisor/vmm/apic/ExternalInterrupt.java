package dev.jvisor.vmm.apic;

/** The INTR output of a PIC, as the processor sees it through LINT0. Thread-safe. */
public interface ExternalInterrupt {
    /** {@return whether the PIC wants to interrupt} */
    boolean asserted();

    /**
     * The processor's interrupt acknowledge cycle.
     *
     * @return the vector the PIC gives, 0 to 255
     */
    int acknowledge();
}
