package dev.jvisor.vmm.apic;

import static dev.jvisor.vmm.apic.LocalApicRegisters.LVT_MASKED;
import static dev.jvisor.vmm.apic.LocalApicRegisters.LVT_TIMER;
import static dev.jvisor.vmm.apic.LocalApicRegisters.LVT_TIMER_MODE_SHIFT;
import static dev.jvisor.vmm.apic.LocalApicRegisters.MODE_EXTINT;

import java.util.Arrays;

/**
 * The local vector table of one local APIC (Intel SDM 3A, 11.5.1): what becomes of an interrupt of its timer, its two pins and its errors.
 * Written by the VP's thread; any thread reads whole entries.
 */
final class LocalVectorTable {
    /** Entries, in order of their registers. */
    static final int TIMER = 0, LINT0 = 3, LINT1 = 4, ERROR = 5;

    private static final int COUNT = 6;
    /** Writable bits of each entry. */
    private static final int[] WRITABLE = {0x700FF, 0x107FF, 0x107FF, 0x1A7FF, 0x1A7FF, 0x100FF};
    /** Read-only bits of the entries, which take any value: delivery status, and remote IRR of LINT0 and LINT1. */
    private static final int READ_ONLY = 1 << 12 | 1 << 14;

    /** Replaced whole by each change. */
    private volatile int[] entries = new int[COUNT];

    /** All entries masked. @param externalInterrupts LINT0 is as firmware leaves it with a PIC behind it: ExtINT, and not masked */
    void reset(boolean externalInterrupts) {
        int[] masked = new int[COUNT];
        Arrays.fill(masked, LVT_MASKED);
        if (externalInterrupts) {
            masked[LINT0] = MODE_EXTINT << 8;
        }
        entries = masked;
    }

    /** {@return the index of the entry that a register of the LVT holds} */
    static int index(int register) {
        return register - LVT_TIMER >> 4;
    }

    /** {@return bits of an entry that must be written as zeros in x2APIC mode} */
    static long reserved(int which) {
        return ~(WRITABLE[which] | READ_ONLY);
    }

    int entry(int which) {
        return entries[which];
    }

    /** {@return the delivery mode of an entry; 0, fixed, for timer and errors} */
    static int deliveryMode(int entry) {
        return entry >> 8 & 7;
    }

    /** {@return whether what comes on LINT0 is a PIC's to name, and not masked} */
    boolean takesExternalInterrupts() {
        return (entries[LINT0] & (LVT_MASKED | 0x700)) == MODE_EXTINT << 8;
    }

    /** {@return the mode bits of the timer's entry} */
    int timerMode() {
        return entries[TIMER] >> LVT_TIMER_MODE_SHIFT & 3;
    }

    /** Writes an entry. @param masked whatever is written, it is masked: the APIC is disabled by software */
    void write(int which, int value, boolean masked) {
        int[] next = entries.clone();
        next[which] = value & WRITABLE[which] | (masked ? LVT_MASKED : 0);
        entries = next;
    }

    void maskAll() {
        int[] next = entries.clone();
        for (int i = 0; i < next.length; i++) {
            next[i] |= LVT_MASKED;
        }
        entries = next;
    }

    int[] save() {
        return entries.clone();
    }

    void restore(int[] from) {
        entries = from.clone();
    }
}
