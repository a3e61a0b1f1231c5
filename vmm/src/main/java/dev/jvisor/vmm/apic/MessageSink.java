package dev.jvisor.vmm.apic;

/** Takes interrupt messages in MSI form. Thread-safe. */
@FunctionalInterface
interface MessageSink {
    /**
     * Delivers a message.
     *
     * @param address MSI address
     * @param data MSI data
     * @return whether some local APIC took it
     */
    boolean send(long address, int data);
}
