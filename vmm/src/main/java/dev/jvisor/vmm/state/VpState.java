package dev.jvisor.vmm.state;

import java.util.Arrays;
import java.util.TreeMap;

/**
 * The whole architectural state of one virtual processor, apart from its local APIC. A plain mutable record of fields: backends fill it in
 * and take it over at an intercept; it is complete enough to move a VP between backends. Not thread-safe.
 */
public final class VpState {
    /** Index of a segment register in {@link #seg}, in the processor's own encoding. */
    public static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5;

    /** Index in {@link #msrs} of the time-stamp counter. */
    public static final int IA32_TSC = 0x10;

    /** Values of {@link #injectedKind}. */
    public static final int KIND_EXTERNAL = 0, KIND_NMI = 2, KIND_EXCEPTION = 3, KIND_SOFTWARE = 4, KIND_SOFTWARE_EXCEPTION = 6;

    /** What the VP does when it is run. */
    public enum Activity {
        /** Executes instructions. */
        RUNNING,
        /** HLT was executed, or it is frozen before an instruction by an x87 error; an interrupt wakes it. */
        HALTED,
        /** An application processor that has not had its INIT yet. */
        WAIT_FOR_INIT,
        /** After INIT, until a start-up IPI gives it a vector. */
        WAIT_FOR_SIPI
    }

    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: the processor's own encoding. */
    public final long[] gpr = new long[16];
    /** Instruction pointer. */
    public long rip;
    /** RFLAGS, bit 1 always set. */
    public long rflags = 2;
    /** ES, CS, SS, DS, FS, GS. */
    public final SegmentState[] seg = new SegmentState[6];
    /** Local descriptor table register. */
    public SegmentState ldtr;
    /** Task register. */
    public SegmentState tr;
    /** Base of the global descriptor table. */
    public long gdtBase;
    /** Limit of the global descriptor table, 16 bits. */
    public int gdtLimit = 0xFFFF;
    /** Base of the interrupt descriptor table. */
    public long idtBase;
    /** Limit of the interrupt descriptor table, 16 bits. */
    public int idtLimit = 0xFFFF;
    /** Control registers. */
    public long cr0 = 0x60000010L, cr2, cr3, cr4, cr8;
    /** Extended control register 0. */
    public long xcr0 = 1;
    /** IA32_EFER. */
    public long efer;
    /** IA32_APIC_BASE. */
    public long apicBase = 0xFEE00900L;
    /** DR0 to DR3. */
    public final long[] dr = new long[4];
    /** Debug status and control. */
    public long dr6 = 0xFFFF0FF0L, dr7 = 0x400;
    /**
     * Every other model-specific register with a value of its own, by index (unsigned in an int). One that is not named has its value after reset;
     * but IA32_TSC goes on as it is, without what the guest has added to it if IA32_TSC_ADJUST is not named either.
     */
    public final TreeMap<Integer, Long> msrs = new TreeMap<>();
    /**
     * What the partition's clock showed, in nanoseconds, when IA32_TSC was what {@link #msrs} says: who takes the state over has the counter go
     * on from there, so that VPs whose counters agreed still agree, however long each state was on its way. -1: it is to show that value now.
     */
    public long tscAtNs = -1;

    /** x87 significands of R0 to R7 (physical registers, not ST(i)); MMX registers are these. */
    public final long[] x87Mantissa = new long[8];
    /** x87 sign (bit 15) and exponent (bits 0-14) of R0 to R7. */
    public final int[] x87Exponent = new int[8];
    /** x87 control word. */
    public int fcw = 0x40;
    /** x87 status word, TOP included. */
    public int fsw;
    /** Abridged tag: bit i set when physical register i is not empty (as FXSAVE stores it). */
    public int ftw = 0xFF;
    /** Last x87 opcode, 11 bits. */
    public int fop;
    /** Last x87 instruction and operand pointers. */
    public long fip, fdp;
    /** SSE control and status. */
    public int mxcsr = 0x1F80;
    /** YMM0 to YMM15, four longs each, lowest first. */
    public final long[] ymm = new long[64];

    /** What the VP is doing. */
    public Activity activity = Activity.RUNNING;
    /** Interrupts are held off for one instruction after STI or a load of SS. */
    public boolean interruptShadow;
    /** NMIs are blocked until IRET. */
    public boolean nmiBlocked;
    /** An NMI waits. */
    public boolean nmiPending;
    /** Vector of an exception or interrupt whose delivery was begun and not finished, or -1. */
    public int injectedVector = -1;
    /** Kind of {@link #injectedVector}, {@code KIND_*}, as VMX counts them. */
    public int injectedKind;
    /** Whether {@link #injectedVector} pushes {@link #injectedErrorCode}. */
    public boolean injectedHasError;
    /** Error code of the injected exception. */
    public int injectedErrorCode;

    /** Makes the state after power-up or reset (Intel SDM 3A, table 10-1): real mode, CS:IP F000:FFF0. */
    public VpState() {
        Arrays.fill(seg, SegmentState.realMode(0));
        seg[CS] = new SegmentState(0xF000, 0xFFFF0000L, 0xFFFF, 0x9B);
        ldtr = new SegmentState(0, 0, 0xFFFF, 0x82);
        tr = new SegmentState(0, 0, 0xFFFF, 0x8B);
        rip = 0xFFF0;
        gpr[2] = 0x600;
    }

    /** {@return several lines a person can read: registers, segments, control registers} */
    public String dump() {
        String[] names = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"};
        StringBuilder s = new StringBuilder();
        s.append(String.format("RIP=%016x RFLAGS=%08x activity=%s%n", rip, rflags, activity));
        for (int i = 0; i < 16; i++) {
            s.append(names[i]).append('=').append(String.format("%016x", gpr[i])).append(i % 4 == 3 ? System.lineSeparator() : " ");
        }
        String[] segNames = {"ES", "CS", "SS", "DS", "FS", "GS"};
        for (int i = 0; i < 6; i++) {
            s.append(segment(segNames[i], seg[i]));
        }
        s.append(segment("LDTR", ldtr)).append(segment("TR", tr));
        s.append(String.format("GDT=%016x/%04x IDT=%016x/%04x%n", gdtBase, gdtLimit, idtBase, idtLimit));
        s.append(String.format("CR0=%08x CR2=%016x CR3=%016x CR4=%08x CR8=%x EFER=%x XCR0=%x%n", cr0, cr2, cr3, cr4, cr8, efer, xcr0));
        s.append(String.format("DR6=%x DR7=%x FCW=%04x FSW=%04x FTW=%02x MXCSR=%x%n", dr6, dr7, fcw, fsw, ftw, mxcsr));
        if (injectedVector >= 0) {
            s.append(String.format("injecting vector=%d kind=%d error=%s%n", injectedVector, injectedKind,
                    injectedHasError ? Integer.toHexString(injectedErrorCode) : "none"));
        }
        return s.toString();
    }

    private static String segment(String name, SegmentState x) {
        return String.format("%-4s sel=%04x base=%016x limit=%08x attr=%05x%n", name, x.selector(), x.base(), x.limit(), x.attributes());
    }
}
