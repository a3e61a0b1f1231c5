package dev.jvisor.vmm.hyperv;

/** Result codes of hypercalls (TLFS appendix B, HV_STATUS). */
public final class HvStatus {
    public static final int SUCCESS = 0;
    public static final int INVALID_HYPERCALL_CODE = 2;
    public static final int INVALID_HYPERCALL_INPUT = 3;
    public static final int INVALID_ALIGNMENT = 4;
    public static final int INVALID_PARAMETER = 5;
    public static final int ACCESS_DENIED = 6;
    public static final int OPERATION_DENIED = 8;
    public static final int INSUFFICIENT_MEMORY = 0xB;
    public static final int INVALID_PARTITION_ID = 0xD;
    public static final int INVALID_VP_INDEX = 0xE;
    public static final int INVALID_PORT_ID = 0x11;
    public static final int INVALID_CONNECTION_ID = 0x12;
    public static final int INSUFFICIENT_BUFFERS = 0x13;

    private HvStatus() { }
}
