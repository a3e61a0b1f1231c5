package dev.jvisor.vmm.apic;

/**
 * Everything a local APIC holds.
 *
 * @param apicBase IA32_APIC_BASE
 * @param tpr task priority
 * @param ldr logical destination (xAPIC)
 * @param dfr destination format
 * @param svr spurious vector
 * @param esr error status as last latched
 * @param pendingErrors errors not yet latched
 * @param icr interrupt command, both halves
 * @param lvt timer, thermal, performance, LINT0, LINT1, error
 * @param irr requested vectors, 4 words
 * @param isr vectors in service, 4 words
 * @param tmr level-triggered vectors, 4 words
 * @param nmis how many NMIs wait
 * @param init an INIT waits
 * @param sipi vector of a start-up IPI that waits, or -1
 * @param timerInitialCount register 0x380
 * @param timerDivide register 0x3E0
 * @param tscDeadline IA32_TSC_DEADLINE
 * @param timerRemainingNs until the timer expires, nanoseconds; -1 when it is not armed
 */
public record LocalApicState(long apicBase, int tpr, int ldr, int dfr, int svr, int esr, int pendingErrors, long icr, int[] lvt,
        long[] irr, long[] isr, long[] tmr, int nmis, boolean init, int sipi,
        int timerInitialCount, int timerDivide, long tscDeadline, long timerRemainingNs) { }
