package dev.jvisor.nativebindings;

/**
 * Why {@code KVM_RUN} returned: values of {@code kvm_run.exit_reason} (linux/kvm.h), as compile-time constants so that they can be
 * case labels; a test compares them with the generated ones. {@link #INTERRUPTED} is ours, for a call that ended with EINTR.
 */
public final class KvmExit {
    /** A kick or a signal ended the run; no exit information. */
    public static final int INTERRUPTED = -1;
    /** KVM does not know the hardware's reason. */
    public static final int UNKNOWN = 0;
    /** Port I/O. */
    public static final int IO = 2;
    /** Guest debug event. */
    public static final int DEBUG = 4;
    /** HLT, without an in-kernel local APIC. */
    public static final int HLT = 5;
    /** Access to an address no memory slot backs, or a write to a read-only slot. */
    public static final int MMIO = 6;
    /** The interrupt window that was asked for is open. */
    public static final int IRQ_WINDOW_OPEN = 7;
    /** Triple fault. */
    public static final int SHUTDOWN = 8;
    /** The hardware refused the guest state. */
    public static final int FAIL_ENTRY = 9;
    /** A signal came (returned with EINTR). */
    public static final int INTR = 10;
    /** TPR was lowered (without in-kernel local APIC). */
    public static final int SET_TPR = 11;
    /** KVM gave up, usually for an instruction it cannot emulate. */
    public static final int INTERNAL_ERROR = 17;
    /** Shutdown, reset or crash asked for by the guest. */
    public static final int SYSTEM_EVENT = 24;
    /** EOI of a level-triggered interrupt with a split irqchip. */
    public static final int IOAPIC_EOI = 26;
    /** A hypercall KVM was told to pass on. */
    public static final int HYPERCALL = 3;
    /** RDMSR of an MSR passed to user space. */
    public static final int X86_RDMSR = 29;
    /** WRMSR of an MSR passed to user space. */
    public static final int X86_WRMSR = 30;
    /** The dirty ring is full. */
    public static final int DIRTY_RING_FULL = 31;
    /** The guest held the bus lock. */
    public static final int X86_BUS_LOCK = 33;
    /** The guest ran too long without a window for events. */
    public static final int NOTIFY = 37;
    /** A memory access the VMM must resolve (Linux 6.8; not in older headers). */
    public static final int MEMORY_FAULT = 39;

    private KvmExit() {
    }

    /** {@return the kernel's name of the exit reason without the prefix, "exit N" for one not known here} */
    public static String name(int reason) {
        return switch (reason) {
            case INTERRUPTED -> "INTERRUPTED";
            case UNKNOWN -> "UNKNOWN";
            case IO -> "IO";
            case DEBUG -> "DEBUG";
            case HLT -> "HLT";
            case MMIO -> "MMIO";
            case IRQ_WINDOW_OPEN -> "IRQ_WINDOW_OPEN";
            case SHUTDOWN -> "SHUTDOWN";
            case FAIL_ENTRY -> "FAIL_ENTRY";
            case INTR -> "INTR";
            case SET_TPR -> "SET_TPR";
            case INTERNAL_ERROR -> "INTERNAL_ERROR";
            case SYSTEM_EVENT -> "SYSTEM_EVENT";
            case IOAPIC_EOI -> "IOAPIC_EOI";
            case HYPERCALL -> "HYPERCALL";
            case X86_RDMSR -> "X86_RDMSR";
            case X86_WRMSR -> "X86_WRMSR";
            case DIRTY_RING_FULL -> "DIRTY_RING_FULL";
            case X86_BUS_LOCK -> "X86_BUS_LOCK";
            case NOTIFY -> "NOTIFY";
            case MEMORY_FAULT -> "MEMORY_FAULT";
            default -> "exit " + reason;
        };
    }
}
