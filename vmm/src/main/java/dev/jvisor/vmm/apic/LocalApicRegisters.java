package dev.jvisor.vmm.apic;

/**
 * Offsets and bits of the local APIC's registers (Intel SDM 3A, table 11-1). Each register takes 16 bytes of the page at IA32_APIC_BASE;
 * in x2APIC mode register {@code offset} is MSR {@code 0x800 + offset / 16}.
 */
final class LocalApicRegisters {
    static final int ID = 0x020;
    static final int VERSION = 0x030;
    static final int TPR = 0x080;
    static final int APR = 0x090;
    static final int PPR = 0x0A0;
    static final int EOI = 0x0B0;
    static final int LDR = 0x0D0;
    static final int DFR = 0x0E0;
    static final int SVR = 0x0F0;
    /** First of eight, 32 vectors each. */
    static final int ISR = 0x100;
    /** First of eight. */
    static final int TMR = 0x180;
    /** First of eight. */
    static final int IRR = 0x200;
    static final int ESR = 0x280;
    static final int ICR_LOW = 0x300;
    static final int ICR_HIGH = 0x310;
    static final int LVT_TIMER = 0x320;
    static final int LVT_THERMAL = 0x330;
    static final int LVT_PERF = 0x340;
    static final int LVT_LINT0 = 0x350;
    static final int LVT_LINT1 = 0x360;
    static final int LVT_ERROR = 0x370;
    static final int TIMER_INITIAL = 0x380;
    static final int TIMER_CURRENT = 0x390;
    static final int TIMER_DIVIDE = 0x3E0;
    /** x2APIC only. */
    static final int SELF_IPI = 0x3F0;

    /** Integrated APIC, six LVT entries, no suppression of EOI broadcasts. */
    static final int VERSION_VALUE = 5 << 16 | 0x14;

    static final int SVR_ENABLE = 1 << 8;
    static final int LVT_MASKED = 1 << 16;
    static final int LVT_TIMER_MODE_SHIFT = 17;
    static final int TIMER_ONE_SHOT = 0;
    static final int TIMER_PERIODIC = 1;
    static final int TIMER_TSC_DEADLINE = 2;

    /** Delivery modes, bits 8-10 of ICR, LVT, redirection entries and MSI data. */
    static final int MODE_FIXED = 0;
    static final int MODE_LOWEST = 1;
    static final int MODE_NMI = 4;
    static final int MODE_INIT = 5;
    static final int MODE_STARTUP = 6;
    static final int MODE_EXTINT = 7;

    static final int ICR_LOGICAL = 1 << 11;
    static final int ICR_DELIVERY_STATUS = 1 << 12;
    static final int ICR_ASSERT = 1 << 14;
    static final int ICR_LEVEL = 1 << 15;
    static final int ICR_SHORTHAND_SHIFT = 18;
    static final int SHORTHAND_NONE = 0;
    static final int SHORTHAND_SELF = 1;
    static final int SHORTHAND_ALL = 2;
    static final int SHORTHAND_OTHERS = 3;

    static final int ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
    static final int ESR_RECEIVED_ILLEGAL_VECTOR = 1 << 6;
    static final int ESR_ILLEGAL_REGISTER = 1 << 7;

    static final long BASE_BSP = 1 << 8;
    static final long BASE_X2APIC = 1 << 10;
    static final long BASE_ENABLE = 1 << 11;

    private LocalApicRegisters() { }
}
