package dev.jvisor.vmm.hyperv;

/**
 * What of the interface is offered.
 *
 * @param syntheticTimers whether there are synthetic timers, direct mode included. Off, a Linux guest keeps to its local APIC's timer, which
 *        costs no intercept where the backend has local APICs
 * @param messageQueue how many messages wait for each SINT of each VP before {@link Hypervisor#postMessage} refuses
 * @param hypercallPort the first of two I/O ports behind the hypercall page, 0 to 0xFE: one for 64-bit callers, the next for 32-bit ones
 */
public record HypervisorConfig(boolean syntheticTimers, int messageQueue, int hypercallPort) {
    /** The usual ports; nothing of a PC answers there. */
    public static final int HYPERCALL_PORT = 0xBC;

    /** {@return no synthetic timers, 64 messages, the usual ports} */
    public static HypervisorConfig defaults() {
        return new HypervisorConfig(false, 64, HYPERCALL_PORT);
    }

    /** {@return this with or without synthetic timers} */
    public HypervisorConfig withSyntheticTimers(boolean on) {
        return new HypervisorConfig(on, messageQueue, hypercallPort);
    }

    /** {@return this with another bound on waiting messages} */
    public HypervisorConfig withMessageQueue(int messages) {
        return new HypervisorConfig(syntheticTimers, messages, hypercallPort);
    }
}
