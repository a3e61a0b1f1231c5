package dev.jvisor.vmm.hyperv;

/** Rights of a partition by their bit in HV_PARTITION_PRIVILEGE_MASK, which CPUID 0x40000003 shows in EBX:EAX (TLFS 4.2.2). */
public enum Privilege {
    /** None is needed. */
    NONE(-1),
    ACCESS_TIME_REF_COUNT(1), ACCESS_SYNIC(2), ACCESS_SYNTHETIC_TIMERS(3), ACCESS_HYPERCALL_MSRS(5), ACCESS_VP_INDEX(6), ACCESS_RESET(7),
    ACCESS_REFERENCE_TSC(9), ACCESS_GUEST_IDLE(10), ACCESS_FREQUENCIES(11), ACCESS_TSC_INVARIANT(15),
    CREATE_PARTITIONS(32), ACCESS_PARTITION_ID(33), ACCESS_MEMORY_POOL(34), POST_MESSAGES(36), SIGNAL_EVENTS(37), CREATE_PORT(38),
    CONNECT_PORT(39), ACCESS_STATS(40), DEBUGGING(43), CPU_MANAGEMENT(44), CONFIGURE_PROFILER(45), ACCESS_VSM(48), ACCESS_VP_REGISTERS(49),
    EXTENDED_HYPERCALLS(52), START_VIRTUAL_PROCESSOR(53);

    private final int bit;

    Privilege(int bit) {
        this.bit = bit;
    }

    /** {@return its bit as a mask; 0 for {@link #NONE}} */
    public long mask() {
        return bit < 0 ? 0 : 1L << bit;
    }
}
