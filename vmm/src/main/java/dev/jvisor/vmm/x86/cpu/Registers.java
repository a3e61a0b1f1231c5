package dev.jvisor.vmm.x86.cpu;

/**
 * The registers of one software VP, as instructions see them, with the names and numbers that the manuals give them. Written by the VP's
 * thread alone; what follows from a change is {@link Cpu}'s.
 */
public abstract sealed class Registers permits Cpu {
    /** General registers in {@link #r}. */
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    /** Temporaries in {@link #r}; free between instructions. {@code TA} holds the linear address of a memory operand. */
    public static final int T0 = 16, T1 = 17, T2 = 18, TA = 19;
    /** A register in {@link #r} that is always 0: the absent base or index. */
    public static final int ZERO = 20;
    /** Segment registers. */
    public static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;

    /** Mode bits that a block depends on: code size 0 (16), 1 (32) or 2 (64 bits). */
    public static final int MODE_SIZE = 3;
    /** Mode bit: no segment but FS and GS has a base or a limit (always so in 64-bit mode). */
    public static final int MODE_FLAT = 4;
    /** Mode bit: stack addresses are 32 bits (64 in 64-bit mode), else 16. */
    public static final int MODE_STACK32 = 8;
    /** Mode bit: real or virtual-8086 mode. */
    public static final int MODE_REAL = 16;
    /** Mode bit: one instruction a block; after STI or MOV SS, with TF, and under a debugger. */
    public static final int MODE_SINGLE = 32;
    /** Mode bit: long mode is active (EFER.LMA), so code size below 2 means compatibility mode. */
    public static final int MODE_LONG = 64;
    /**
     * From this mode bit on: the limit of CS as a descriptor encodes it, where CS is looked at: what a block decoded under one limit holds may
     * lie beyond another. 21 bits, granularity first; 0 with {@link #MODE_FLAT}.
     */
    static final int MODE_LIMIT = 8;

    /** Exceptions (Intel SDM 3A, 6.3.1). */
    public static final int DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, STACK = 12, GP = 13,
            PF = 14, MF = 16, AC = 17, MC = 18, XM = 19;

    /** Control register bits. */
    public static final long CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_ET = 16, CR0_NE = 32, CR0_WP = 1 << 16, CR0_AM = 1 << 18,
            CR0_NW = 1 << 29, CR0_CD = 1 << 30, CR0_PG = 1L << 31;
    /** CR4 bits. */
    public static final long CR4_VME = 1, CR4_PVI = 2, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 16, CR4_PAE = 32, CR4_MCE = 64, CR4_PGE = 128,
            CR4_PCE = 256, CR4_OSFXSR = 512, CR4_OSXMMEXCPT = 1024, CR4_UMIP = 2048, CR4_LA57 = 4096, CR4_FSGSBASE = 1 << 16,
            CR4_PCIDE = 1 << 17, CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21;
    /** EFER bits. */
    public static final long EFER_SCE = 1, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11;

    /** General registers, temporaries and zero. */
    public final long[] r = new long[24];
    /** RIP; exact between blocks and in semantics that end a block, else see {@link Uop#ip}. */
    public long rip;
    /** Lazy flags, see {@link Flags}. */
    public int ccOp;
    /** Lazy flags, see {@link Flags}. */
    public long ccDst;
    /** Lazy flags, see {@link Flags}. */
    public long ccSrc;
    /** RFLAGS without the status flags: TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID. Write through {@link Cpu#setSysFlags}. */
    public int sysFlags;
    /** Segment selectors, ES to GS, LDTR, TR. */
    public final int[] segSel = new int[8];
    /** Segment bases. */
    public final long[] segBase = new long[8];
    /** Segment limits in bytes, unsigned. */
    public final int[] segLimit = new int[8];
    /** Segment attributes as {@link dev.jvisor.vmm.state.SegmentState#attributes}. */
    public final int[] segAttr = new int[8];
    /** Descriptor table registers. */
    public long gdtBase, idtBase;
    /** Descriptor table limits. */
    public int gdtLimit, idtLimit;
    /** Control registers; CR8 is in {@link Cpu#interrupts}. After a change call {@link Cpu#modeChanged}. */
    public long cr0, cr2, cr3, cr4, efer, xcr0;
    /** Debug registers 0 to 3, 6 and 7 at their indices. */
    public final long[] dr = new long[8];
    /** Current privilege level. After a change call {@link Cpu#modeChanged}. */
    public int cpl;
    /** Mode bits for blocks; kept by {@link Cpu#modeChanged}. */
    public int mode;

    // x87, MMX, SSE.
    /** XMM0 to XMM15, two longs each, low first; then four temporaries (registers 16 to 19). */
    public final long[] xmm = new long[40];
    /**
     * Upper halves of YMM0 to YMM15 and of the temporaries, at the same indices. An array of their own, so that SSE, which leaves them as
     * they are, does not touch them, and so that what is done to a 128-bit lane can be done to either array.
     */
    public final long[] ymmHigh = new long[40];
    /** SSE control and status. */
    public int mxcsr = 0x1F80;
    /** x87 significands of physical registers R0 to R7. */
    public final long[] fpMant = new long[8];
    /** x87 sign (bit 15) and exponent of R0 to R7. */
    public final int[] fpExp = new int[8];
    /** x87 control word, status word (TOP not kept here), TOP. */
    public int fcw = 0x37F, fsw, fpTop;
    /** Bit i: physical register i is not empty. */
    public int fpUsed;
    /** Last x87 opcode. */
    public int fop;
    /** Last x87 instruction and operand pointers. */
    public long fip, fdp;

    Registers() { }

    /** {@return whether the VP executes 64-bit code} */
    public boolean long64() {
        return (mode & MODE_SIZE) == 2;
    }

    /** {@return whether EFER.LMA is set} */
    public boolean longActive() {
        return (efer & EFER_LMA) != 0;
    }

    /** {@return {@code ip} truncated to the code size} */
    public long truncateIp(long ip) {
        return switch (mode & MODE_SIZE) {
            case 0 -> ip & 0xFFFF;
            case 1 -> ip & 0xFFFFFFFFL;
            default -> ip;
        };
    }

    /** {@return whether the VP executes 64-bit code at CPL 3} */
    public boolean userCode() {
        return cpl == 3 && (mode & MODE_SIZE) == 2;
    }

    /** {@return the limit of CS in a block's mode bits: the highest offset that code may be at; -1 in 64-bit mode, where there is none} */
    public static long codeLimit(int mode) {
        if ((mode & MODE_FLAT) != 0) {
            return (mode & MODE_SIZE) == 2 ? -1L : 0xFFFF_FFFFL;
        }
        long limit = mode >>> MODE_LIMIT;
        return limit >>> 20 == 0 ? limit : (limit & 0xF_FFFF) << 12 | 0xFFF;
    }
}
