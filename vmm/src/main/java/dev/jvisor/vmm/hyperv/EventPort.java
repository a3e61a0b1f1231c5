package dev.jvisor.vmm.hyperv;

/** The host's end of a connection that the guest signals (HvSignalEvent, TLFS 11.9). */
@FunctionalInterface
public interface EventPort {
    /**
     * Takes a signal. On the VP's thread, inside its hypercall: must be quick; several VPs may signal at once.
     *
     * @param flag the flag number of the call, 0 to 2047
     */
    void signal(int flag);
}
