package dev.jvisor.vmm.differential;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.LongUnaryOperator;

/**
 * Where user-mode code of tests runs in long mode: in the lowest 256 KiB, with page tables, a GDT and a TSS there.
 *
 * <pre>
 * 1000 page tables 8000 IDT 9000 GDT A000 TSS B000 handlers D000 supervisor stack
 * 10000 CODE 20000 DATA 30000 STACK
 * </pre>
 */
public final class UserSpace {
    /** Address, linear and physical, of two pages of code. */
    public static final long CODE = 0x10000;
    /** Address of {@link #DATA_SIZE} bytes of data. */
    public static final long DATA = 0x20000;
    /** Bytes of data. */
    public static final int DATA_SIZE = 0x4000;
    /** Address of two pages of stack. */
    public static final long STACK = 0x30000;
    /** Bytes of all that. */
    public static final long SIZE = 0x40000;

    static final long IDT = 0x8000;
    static final long HANDLERS = 0xB000;
    static final long KERNEL_STACK = 0xE000;
    /** The lowest page table, for the first 2 MiB. */
    static final long PAGE_TABLE = 0x4000;

    private static final long TOP_TABLE = 0x1000;
    private static final long GDT = 0x9000;
    private static final long TSS = 0xA000;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private UserSpace() { }

    /** Writes the page tables above the lowest. */
    static void upperTables(MemorySegment m) {
        m.set(LONG, TOP_TABLE, 0x2000 | 7);
        m.set(LONG, 0x2000, 0x3000 | 7);
        m.set(LONG, 0x3000, PAGE_TABLE | 7);
    }

    /** Writes page tables for all {@link #SIZE} bytes, by pages of 4 KiB. @param entry gives a page's entry by its address */
    public static void pageTables(MemorySegment m, LongUnaryOperator entry) {
        upperTables(m);
        for (long page = 0; page < SIZE; page += 4096) {
            m.set(LONG, PAGE_TABLE + page / 4096 * 8, entry.applyAsLong(page));
        }
    }

    /** Writes the GDT and the TSS that {@link #state} names. */
    static void descriptors(MemorySegment m) {
        m.set(LONG, GDT + 0x10, 0x00AF9B000000FFFFL);
        m.set(LONG, GDT + 0x18, 0x00CF93000000FFFFL);
        m.set(LONG, GDT + 0x28, 0x00CFF3000000FFFFL);
        m.set(LONG, GDT + 0x30, 0x00AFFB000000FFFFL);
        m.set(LONG, GDT + 0x40, 0x00008B0000000067L | (TSS & 0xFFFFFF) << 16);
        m.set(LONG, TSS + 4, KERNEL_STACK);
        m.set(ValueLayout.JAVA_SHORT_UNALIGNED, TSS + 102, (short) 0x68);
    }

    /** {@return a state ready to run at {@link #CODE} in user mode, general registers but RSP as they are in a new VpState} */
    public static VpState state() {
        VpState s = new VpState();
        Arrays.fill(s.seg, new SegmentState(0x2B, 0, -1, 0xC0F3));
        s.seg[VpState.CS] = new SegmentState(0x33, 0, -1, 0xA0FB);
        s.tr = new SegmentState(0x40, TSS, 0x67, 0x8B);
        s.ldtr = new SegmentState(0, 0, 0, 0x10082);
        s.gdtBase = GDT;
        s.gdtLimit = 0x4F;
        s.idtBase = IDT;
        s.idtLimit = 0xFFF;
        s.cr0 = 0x80050033L;
        s.cr3 = TOP_TABLE;
        s.cr4 = 0x40620;
        s.efer = 0xD01;
        s.xcr0 = 7;
        s.rflags = 0x202;
        s.rip = CODE;
        s.gpr[4] = STACK + 0x1800;
        s.fcw = 0x37F;
        s.ftw = 0xFF;
        return s;
    }
}
