package dev.jvisor.vmm.hyperv;

import java.util.List;

/**
 * What the interface of a partition remembers beside guest memory. Connections are their owners' to make again.
 *
 * @param version of this record's meaning, {@link #VERSION}
 * @param guestOsId HV_X64_MSR_GUEST_OS_ID
 * @param hypercall HV_X64_MSR_HYPERCALL
 * @param referenceTsc HV_X64_MSR_REFERENCE_TSC
 * @param sequence last sequence number of the reference TSC page
 * @param referenceTime the partition's time, 100 ns
 * @param tscInvariant HV_X64_MSR_TSC_INVARIANT_CONTROL
 * @param crash HV_X64_MSR_CRASH_P0 to P4
 * @param processors the virtual processors, by index
 */
public record HypervisorState(int version, long guestOsId, long hypercall, long referenceTsc, int sequence, long referenceTime,
                              long tscInvariant, List<Long> crash, List<Vp> processors) {
    /** The version that is written. */
    public static final int VERSION = 1;

    /**
     * A virtual processor.
     *
     * @param assistPage HV_X64_MSR_VP_ASSIST_PAGE
     * @param control HV_X64_MSR_SCONTROL
     * @param eventPage HV_X64_MSR_SIEFP
     * @param messagePage HV_X64_MSR_SIMP
     * @param eventContents contents of the event page while it is disabled
     * @param messageContents contents of the message page while it is disabled
     * @param sints HV_X64_MSR_SINT0 to 15
     * @param timers the synthetic timers
     * @param messages messages that wait, in order for each SINT
     */
    public record Vp(long assistPage, long control, long eventPage, long messagePage, byte[] eventContents, byte[] messageContents,
                     List<Long> sints, List<Timer> timers, List<Message> messages) { }

    /**
     * A synthetic timer.
     *
     * @param config HV_X64_MSR_STIMERn_CONFIG
     * @param count HV_X64_MSR_STIMERn_COUNT
     * @param expiration when it fires next, or fired; 100 ns of the partition's time
     * @param pending whether its message waits for the slot
     */
    public record Timer(long config, long count, long expiration, boolean pending) { }

    /**
     * A message that waits.
     *
     * @param sint synthetic interrupt source
     * @param type message type
     * @param sender port id
     * @param payload 0 to 240 bytes
     */
    public record Message(int sint, int type, long sender, byte[] payload) { }
}
