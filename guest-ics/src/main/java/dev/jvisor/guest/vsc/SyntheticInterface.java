package dev.jvisor.guest.vsc;

/**
 * What a guest needs of the hypervisor interface: MSRs, hypercalls, the layout of a message slot. Source: TLFS, "Hypervisor synthetic MSRs",
 * "HvCallPostMessage", "HvCallSignalEvent", "SynIC message page". Stated anew for the guest's side, which may not know the host's.
 */
final class SyntheticInterface {
    /** CPUID leaf with the interface's name; EBX is the first quarter of "Microsoft Hv". */
    static final int LEAF_VENDOR = 0x40000000;
    static final int VENDOR_EBX = 0x7263694D;

    static final int GUEST_OS_ID = 0x40000000;
    static final int HYPERCALL = 0x40000001;
    static final int SCONTROL = 0x40000080;
    static final int SIEFP = 0x40000082;
    static final int SIMP = 0x40000083;
    static final int EOM = 0x40000084;
    static final int SINT0 = 0x40000090;
    /** Bit 0 of {@link #HYPERCALL}, {@link #SCONTROL}, {@link #SIEFP} and {@link #SIMP}. */
    static final int ENABLE = 1;

    static final int POST_MESSAGE = 0x5C;
    static final int SIGNAL_EVENT = 0x5D;
    /** In the control word: input is in registers. */
    static final int FAST = 1 << 16;
    static final int STATUS_SUCCESS = 0;
    static final int STATUS_INSUFFICIENT_BUFFERS = 0x13;

    /** Input of {@link #POST_MESSAGE}: connection @0, 0 @4, type @8, size @12, payload. */
    static final int POST_CONNECTION = 0;
    static final int POST_PAYLOAD = 16;

    /** Bytes of a slot of the message page, and of the event flags of a SINT. */
    static final int SLOT_BYTES = 256;
    static final int SLOT_TYPE = 0;
    static final int SLOT_FLAGS = 5;
    static final int SLOT_PAYLOAD = 16;
    /** In {@link #SLOT_FLAGS}: another message waits for EOM. */
    static final int FLAG_PENDING = 1;

    private SyntheticInterface() { }
}
