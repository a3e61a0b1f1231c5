package dev.jvisor.nativebindings;

import dev.jvisor.nativebindings.gen.Uapi;

/** Capabilities of KVM that an x86 VMM may ask for: {@code KVM_CAP_*} of linux/kvm.h, by the kernel's names. */
public enum KvmCap {
    /** In-kernel interrupt controllers. */
    IRQCHIP(Uapi.KVM_CAP_IRQCHIP()),
    /** HLT exits. */
    HLT(Uapi.KVM_CAP_HLT()),
    /** User memory slots. */
    USER_MEMORY(Uapi.KVM_CAP_USER_MEMORY()),
    /** TSS address (VT-x real mode). */
    SET_TSS_ADDR(Uapi.KVM_CAP_SET_TSS_ADDR()),
    /** Extended CPUID table. */
    EXT_CPUID(Uapi.KVM_CAP_EXT_CPUID()),
    /** Recommended number of vCPUs. */
    NR_VCPUS(Uapi.KVM_CAP_NR_VCPUS()),
    /** Memory slots per VM. */
    NR_MEMSLOTS(Uapi.KVM_CAP_NR_MEMSLOTS()),
    /** Port 80 delays ignored. */
    NOP_IO_DELAY(Uapi.KVM_CAP_NOP_IO_DELAY()),
    /** Memory notifiers. */
    SYNC_MMU(Uapi.KVM_CAP_SYNC_MMU()),
    /** Coalesced MMIO ring. */
    COALESCED_MMIO(Uapi.KVM_CAP_COALESCED_MMIO()),
    /** Coalesced port ring. */
    COALESCED_PIO(Uapi.KVM_CAP_COALESCED_PIO()),
    /** Multiprocessing state. */
    MP_STATE(Uapi.KVM_CAP_MP_STATE()),
    /** KVM_NMI. */
    USER_NMI(Uapi.KVM_CAP_USER_NMI()),
    /** Guest debugging. */
    SET_GUEST_DEBUG(Uapi.KVM_CAP_SET_GUEST_DEBUG()),
    /** Guest debugging, flags. */
    SET_GUEST_DEBUG2(Uapi.KVM_CAP_SET_GUEST_DEBUG2()),
    /** GSI routing table, its size. */
    IRQ_ROUTING(Uapi.KVM_CAP_IRQ_ROUTING()),
    /** Interrupt by eventfd. */
    IRQFD(Uapi.KVM_CAP_IRQFD()),
    /** Level-triggered irqfd. */
    IRQFD_RESAMPLE(Uapi.KVM_CAP_IRQFD_RESAMPLE()),
    /** In-kernel PIT with flags. */
    PIT2(Uapi.KVM_CAP_PIT2()),
    /** PIT state with flags. */
    PIT_STATE2(Uapi.KVM_CAP_PIT_STATE2()),
    /** Exits to eventfd in the kernel. */
    IOEVENTFD(Uapi.KVM_CAP_IOEVENTFD()),
    /** Ioeventfd on any access size. */
    IOEVENTFD_ANY_LENGTH(Uapi.KVM_CAP_IOEVENTFD_ANY_LENGTH()),
    /** Identity map address. */
    SET_IDENTITY_MAP_ADDR(Uapi.KVM_CAP_SET_IDENTITY_MAP_ADDR()),
    /** Kvmclock offsets. */
    ADJUST_CLOCK(Uapi.KVM_CAP_ADJUST_CLOCK()),
    /** Data of internal errors. */
    INTERNAL_ERROR_DATA(Uapi.KVM_CAP_INTERNAL_ERROR_DATA()),
    /** Pending events state. */
    VCPU_EVENTS(Uapi.KVM_CAP_VCPU_EVENTS()),
    /** Debug registers. */
    DEBUGREGS(Uapi.KVM_CAP_DEBUGREGS()),
    /** Extended state. */
    XSAVE(Uapi.KVM_CAP_XSAVE()),
    /** Extended state of any size, its size. */
    XSAVE2(Uapi.KVM_CAP_XSAVE2()),
    /** Extended control registers. */
    XCRS(Uapi.KVM_CAP_XCRS()),
    /** VCPUs per VM at most. */
    MAX_VCPUS(Uapi.KVM_CAP_MAX_VCPUS()),
    /** Highest vCPU id + 1. */
    MAX_VCPU_ID(Uapi.KVM_CAP_MAX_VCPU_ID()),
    /** TSC frequency per vCPU. */
    TSC_CONTROL(Uapi.KVM_CAP_TSC_CONTROL()),
    /** TSC frequency. */
    GET_TSC_KHZ(Uapi.KVM_CAP_GET_TSC_KHZ()),
    /** TSC deadline mode of the LAPIC timer. */
    TSC_DEADLINE_TIMER(Uapi.KVM_CAP_TSC_DEADLINE_TIMER()),
    /** Tell kvmclock that the VM was stopped. */
    KVMCLOCK_CTRL(Uapi.KVM_CAP_KVMCLOCK_CTRL()),
    /** MSI by ioctl. */
    SIGNAL_MSI(Uapi.KVM_CAP_SIGNAL_MSI()),
    /** Read-only slots. */
    READONLY_MEM(Uapi.KVM_CAP_READONLY_MEM()),
    /** LAPIC in the kernel, IOAPIC and PIC in user space. */
    SPLIT_IRQCHIP(Uapi.KVM_CAP_SPLIT_IRQCHIP()),
    /** Per-VM capabilities. */
    ENABLE_CAP_VM(Uapi.KVM_CAP_ENABLE_CAP_VM()),
    /** X2APIC ids beyond 255. */
    X2APIC_API(Uapi.KVM_CAP_X2APIC_API()),
    /** Kvm_run.immediate_exit. */
    IMMEDIATE_EXIT(Uapi.KVM_CAP_IMMEDIATE_EXIT()),
    /** Registers in kvm_run, set of fields. */
    SYNC_REGS(Uapi.KVM_CAP_SYNC_REGS()),
    /** Exits that can be turned off. */
    X86_DISABLE_EXITS(Uapi.KVM_CAP_X86_DISABLE_EXITS()),
    /** MSR exits. */
    X86_USER_SPACE_MSR(Uapi.KVM_CAP_X86_USER_SPACE_MSR()),
    /** MSR filter. */
    X86_MSR_FILTER(Uapi.KVM_CAP_X86_MSR_FILTER()),
    /** Special registers with PDPTRs. */
    SREGS2(Uapi.KVM_CAP_SREGS2()),
    /** Dirty log cleared by request. */
    MANUAL_DIRTY_LOG_PROTECT2(Uapi.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2()),
    /** Dirty ring, its size in bytes. */
    DIRTY_LOG_RING(Uapi.KVM_CAP_DIRTY_LOG_RING()),
    /** Exception payload in events. */
    EXCEPTION_PAYLOAD(Uapi.KVM_CAP_EXCEPTION_PAYLOAD()),
    /** Triple fault in events. */
    X86_TRIPLE_FAULT_EVENT(Uapi.KVM_CAP_X86_TRIPLE_FAULT_EVENT()),
    /** Hypercall exits. */
    EXIT_HYPERCALL(Uapi.KVM_CAP_EXIT_HYPERCALL()),
    /** Instruction bytes with emulation failures. */
    EXIT_ON_EMULATION_FAILURE(Uapi.KVM_CAP_EXIT_ON_EMULATION_FAILURE()),
    /** Quirks that can be turned off. */
    DISABLE_QUIRKS2(Uapi.KVM_CAP_DISABLE_QUIRKS2()),
    /** System management mode. */
    X86_SMM(Uapi.KVM_CAP_X86_SMM()),
    /** Nested virtualization state. */
    NESTED_STATE(Uapi.KVM_CAP_NESTED_STATE()),
    /** Hyper-V enlightenments in the kernel. */
    HYPERV(Uapi.KVM_CAP_HYPERV()),
    /** Hyper-V SynIC in the kernel. */
    HYPERV_SYNIC2(Uapi.KVM_CAP_HYPERV_SYNIC2()),
    /** Hyper-V TLB flush in the kernel. */
    HYPERV_TLBFLUSH(Uapi.KVM_CAP_HYPERV_TLBFLUSH()),
    /** Hyper-V IPIs in the kernel. */
    HYPERV_SEND_IPI(Uapi.KVM_CAP_HYPERV_SEND_IPI()),
    /** Hyper-V CPUID table. */
    HYPERV_CPUID(Uapi.KVM_CAP_HYPERV_CPUID()),
    /** Xen emulation. */
    XEN_HVM(Uapi.KVM_CAP_XEN_HVM()),
    /** PMU event filter. */
    PMU_EVENT_FILTER(Uapi.KVM_CAP_PMU_EVENT_FILTER()),
    /** Notify exits. */
    X86_NOTIFY_VMEXIT(Uapi.KVM_CAP_X86_NOTIFY_VMEXIT()),
    /** Bus lock exits. */
    X86_BUS_LOCK_EXIT(Uapi.KVM_CAP_X86_BUS_LOCK_EXIT()),
    /** TSC frequency per VM. */
    VM_TSC_CONTROL(Uapi.KVM_CAP_VM_TSC_CONTROL()),
    /** User memory slots with guest_memfd (newer than the headers). */
    USER_MEMORY2(231),
    /** Memory fault exits (newer than the headers). */
    MEMORY_FAULT_INFO(232),
    /** Private memory descriptors (newer than the headers). */
    GUEST_MEMFD(234);

    private final int number;

    KvmCap(int number) {
        this.number = number;
    }

    /** {@return the value of the {@code KVM_CAP_} constant} */
    public int number() {
        return number;
    }
}
