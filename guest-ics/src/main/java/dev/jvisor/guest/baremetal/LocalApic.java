package dev.jvisor.guest.baremetal;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Mem;

/**
 * The local APIC in xAPIC mode, as guests use it: offsets of its 32-bit registers from {@link #GPA}, their bits, and commands to it (Intel SDM
 * 3A, table 11-1 "Local APIC Register Address Map", figures 11-8 "Local Vector Table" and 11-12 "Interrupt Command Register").
 */
public final class LocalApic {
    /** Where every processor finds its own. */
    public static final int GPA = 0xFEE00000;

    /** Local APIC ID, bits 24 to 31. */
    public static final int ID = 0x20;
    /** Task priority. */
    public static final int TPR = 0x80;
    /** End of interrupt: any write. */
    public static final int EOI = 0xB0;
    /** Spurious-interrupt vector, and {@link #SVR_ENABLE}. */
    public static final int SVR = 0xF0;
    /** Interrupt command, low half; a write sends. */
    public static final int ICR_LOW = 0x300;
    /** Interrupt command, high half: the destination, bits 24 to 31. */
    public static final int ICR_HIGH = 0x310;
    /** The timer's entry in the local vector table. */
    public static final int LVT_TIMER = 0x320;
    /** LINT0's entry in the local vector table. */
    public static final int LVT_LINT0 = 0x350;
    /** The timer's initial count; a write starts it. */
    public static final int TIMER_INITIAL = 0x380;
    /** The timer's current count. */
    public static final int TIMER_CURRENT = 0x390;
    /** The timer's divide configuration. */
    public static final int TIMER_DIVIDE = 0x3E0;

    /** SVR: APIC software enable. */
    public static final int SVR_ENABLE = 1 << 8;
    /** Local vector table: masked. */
    public static final int LVT_MASKED = 1 << 16;
    /** Local vector table, timer: periodic. */
    public static final int LVT_PERIODIC = 1 << 17;
    /** Local vector table: the interrupt comes from a PIC, which tells the vector. */
    public static final int LVT_EXTINT = 7 << 8;
    /** Divide configuration: by 16. */
    public static final int DIVIDE_BY_16 = 3;
    /** Interrupt command: a fixed interrupt, asserted; or a vector to it. */
    public static final int ICR_FIXED = 0x4000;
    /** Interrupt command: INIT, asserted. */
    public static final int ICR_INIT = 0x4500;
    /** Interrupt command: start-up, asserted; or the number of the page to it where the processor begins. */
    public static final int ICR_STARTUP = 0x4600;
    /** Interrupt command: to oneself, whatever the destination says. */
    public static final int ICR_SELF = 1 << 18;
    /** Interrupt command: number of the bit that says that it is not yet sent. */
    public static final int ICR_PENDING_BIT = 12;

    /** The vector that guests set as spurious. */
    public static final int VECTOR_SPURIOUS = 0xFF;

    private LocalApic() { }

    /** Emits the enabling of the present processor's, for interrupts of every priority. @param base register that holds {@link #GPA} */
    static void enable(Assembler a, Gpr base) {
        a.mov(Mem.mem(base).disp(TPR).dword(), 0);
        a.mov(Mem.mem(base).disp(SVR).dword(), SVR_ENABLE | VECTOR_SPURIOUS);
    }

    /** Emits the end of an interrupt. Changes RAX. */
    public static void endOfInterrupt(Assembler a) {
        a.mov(Gpr.EAX, GPA + EOI);
        a.mov(Mem.mem(Gpr.RAX).dword(), 0);
    }
}
