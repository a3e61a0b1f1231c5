package dev.jvisor.vmm.x86.cpu;

import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.time.Clock;
import dev.jvisor.vmm.x86.softfloat.F80;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.function.LongSupplier;

/**
 * The state of one software VP, and its way to memory. Fields are public to the micro-ops; outside the x86 packages nobody sees them.
 * Everything here belongs to the VP's thread, except {@link #pending}, which any thread may set bits in.
 */
public final class Cpu {
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
    private static final int MODE_LIMIT = 8;

    /** Pending bit: ask {@link #interrupts}. */
    public static final int PEND_INTERRUPT = 1;
    /** Pending bit: leave the engine. */
    public static final int PEND_KICK = 2;
    /** Pending bit: the GPA space or its flags changed: flush the TLB. */
    public static final int PEND_FLUSH = 4;
    /** Pending bit: code pages in the engine's queue were overwritten by somebody else. */
    public static final int PEND_CODE = 8;
    /** Pending bit: the VP's own matter (shadow, trap flag, halt): do not chain blocks. */
    public static final int PEND_SLOW = 16;

    /** Pending bit: user code that another engine is to execute may be next. */
    public static final int PEND_USER = 32;
    /** Pending bit: another VP wants all others to stand still for an instruction. */
    public static final int PEND_STAND = 64;
    /** Pending bit, never taken: instructions are counted, so the engine looks after each block. */
    public static final int PEND_COUNT = 128;

    /** Entries of {@link #jumpCache}. */
    public static final int JUMP_CACHE = 4096;

    /** Exceptions (Intel SDM 3A, 6.3.1). */
    public static final int DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, STACK = 12, GP = 13,
            PF = 14, MF = 16, AC = 17, MC = 18, XM = 19;
    /** {@link #faultVector} of what is no exception: the VP is to stand before the instruction until an interrupt comes, see {@link X87Errors}. */
    public static final int FREEZE = -1;
    /** {@link #faultError} of an exception that pushes none. */
    public static final int NO_ERROR = -1;

    /** Control register bits. */
    public static final long CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_ET = 16, CR0_NE = 32, CR0_WP = 1 << 16, CR0_AM = 1 << 18,
            CR0_NW = 1 << 29, CR0_CD = 1 << 30, CR0_PG = 1L << 31;
    /** CR4 bits. */
    public static final long CR4_VME = 1, CR4_PVI = 2, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 16, CR4_PAE = 32, CR4_MCE = 64, CR4_PGE = 128,
            CR4_PCE = 256, CR4_OSFXSR = 512, CR4_OSXMMEXCPT = 1024, CR4_UMIP = 2048, CR4_LA57 = 4096, CR4_FSGSBASE = 1 << 16,
            CR4_PCIDE = 1 << 17, CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21;
    /** EFER bits. */
    public static final long EFER_SCE = 1, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11;

    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle PENDING;
    private static final VarHandle GRANTED = MethodHandles.arrayElementVarHandle(boolean[].class);
    /** The TLB of user code under alignment check. */
    private static final int ALIGNING_TLB = 3;

    static {
        try {
            PENDING = MethodHandles.lookup().findVarHandle(Cpu.class, "pending", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    // Fixed for the life of the VP.
    /** Index of the VP; its APIC id. */
    public final int index;
    /** The partition's address space. */
    public final GpaSpace gpa;
    /** Where interrupts come from. */
    public final VpInterrupts interrupts;
    /** CPUID answers. */
    public CpuidTable cpuid;
    /** Time; the TSC counts at {@link #tscHz}. */
    public final Clock clock;
    /** TSC frequency. */
    public final long tscHz;
    private final long tscScale;
    /** Where random numbers come from; null for the host's generator. */
    public LongSupplier random;
    /** Page walks and TLB fills. */
    public final Mmu mmu;
    final MemorySegment ram;
    private final byte[] pageFlags;
    /** Host pages this VP may have written without anybody noticing since it was last asked, see {@link #revokeWrites}. */
    private final boolean[] granted;
    private final GuestFault fault = new GuestFault();
    private final BlockAbort abort = new BlockAbort();
    /** Receives intercepts while running. */
    public InterceptHandler handler;
    /** For MSR reads. */
    public final MsrValue msrValue = new MsrValue();
    /** MSRs that are plain values. */
    public final Msrs msrs = new Msrs();

    // Registers.
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
    /** RFLAGS without the status flags: TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID. Write through {@link #setSysFlags}. */
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
    /** Control registers; CR8 is in {@link #interrupts}. After a change call {@link #modeChanged}. */
    public long cr0, cr2, cr3, cr4, efer, xcr0;
    /** Debug registers 0 to 3, 6 and 7 at their indices. */
    public final long[] dr = new long[8];
    /** Current privilege level. After a change call {@link #modeChanged}. */
    public int cpl;
    /** Mode bits for blocks; kept by {@link #modeChanged}. */
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
    /** The x87 arithmetic unit: scratch of one instruction. */
    public final F80 f80 = new F80();
    /** How unmasked x87 exceptions are reported. */
    public final X87Errors x87Errors = new X87Errors(this);
    /** Last x87 opcode. */
    public int fop;
    /** Last x87 instruction and operand pointers. */
    public long fip, fdp;

    // Run state.
    /** Bits that make the engine stop chaining blocks. Any thread may set bits by {@link #raise}. */
    public volatile int pending;
    /** Set by a block's last step: the block to go on with, or null to look {@link #rip} up. */
    public Block next;
    /** Set with {@code next == null}: the link to fill in once the block at {@link #rip} is known; or null. */
    public Link link;
    /** Host offset of the operand of the read-modify-write in progress, or -1 when it is not in one page of RAM. */
    public long modifyHost;
    /** Blocks by where they begin, for returns and indirect jumps; entries may be stale. */
    public final Block[] jumpCache = new Block[JUMP_CACHE];
    /** Interrupts are held off for one instruction. */
    public boolean shadow;
    /** The shadow is that of a load of SS, which holds debug exceptions off as well. */
    public boolean stackShadow;
    /** HLT was executed, or the VP is frozen before an instruction; an interrupt ends it. */
    public boolean halted;
    /** NMIs are blocked until IRET. */
    public boolean nmiBlocked;
    /** Bits for DR6 of a debug trap to take once the present instruction is done; 0 for none. */
    public int pendingDebug;
    /** The present instruction takes no single-step trap: it delivered an event, or loaded SS. */
    public boolean noTrap;
    /** A repeated string instruction has been left between two of its elements, and RIP is still its own. */
    public boolean repeating;
    /** Host page of the block being executed, so that a store into it is noticed. */
    public int blockPage = -1;
    /** 64-bit code at CPL 3 is for another engine: blocks are not chained into it. */
    public boolean userElsewhere;
    /** No other VP executes anything: the partition has but one, or the others stand still for an instruction of this one. */
    public boolean undisturbed;
    /** Instructions executed. */
    public long instructions;
    /** PAUSEs executed. */
    public int pauses;

    // The fault being thrown.
    /** Exception vector, or {@link #FREEZE}. */
    public int faultVector;
    /** Error code, or {@link #NO_ERROR}. */
    public int faultError;
    /** Address for CR2 when the vector is PF. */
    public long faultAddress;
    /** RIP of the instruction that faulted. */
    public long faultIp;
    /** After a triple fault: the vectors whose delivery failed, a byte each, the last lowest. For the dump. */
    public long shutdownVectors;

    /** What accesses are looked at for. */
    public final AccessChecks checks = new AccessChecks(this);

    // The TLB in force: arrays of one of the Tlbs, chosen by privilege.
    private final Tlb[] tlbs = new Tlb[4];
    private int tlbIndex;
    private long supervisorStamp = 1;
    private long userStamp = 2;
    /** Changes whenever a translation for code may have gone away, or other rights apply. */
    long codeStamp = supervisorStamp;
    private long[] readTag;
    private long[] writeTag;
    private long[] addend;
    private long[] codeTag;
    private int[] codePage;

    /** Makes a VP with zero registers; the engine puts the reset state in. */
    public Cpu(int index, GpaSpace gpa, VpInterrupts interrupts, CpuidTable cpuid, Clock clock, long tscHz) {
        this.index = index;
        this.gpa = gpa;
        this.interrupts = interrupts;
        this.cpuid = cpuid;
        this.clock = clock;
        this.tscHz = tscHz;
        this.tscScale = Math.round(tscHz * (double) (1L << 32) / 1e9);
        this.ram = gpa.host();
        this.pageFlags = gpa.pageFlags();
        this.granted = new boolean[pageFlags.length];
        this.mmu = new Mmu(this);
        tlbs[0] = new Tlb(null);
        // Alignment check is no matter for fetches: supervisor code with and without it shares translations.
        tlbs[1] = new Tlb(tlbs[0]);
        tlbs[2] = new Tlb(null);
        tlbs[ALIGNING_TLB] = new Tlb(tlbs[2]);
        useTlb(0);
    }

    // ---- faults

    /**
     * Prepares an exception to throw: {@code throw c.fault(Cpu.GP, 0, u)}.
     *
     * @param vector exception vector
     * @param error error code or {@link #NO_ERROR}
     * @param u any step of the instruction
     */
    public GuestFault fault(int vector, int error, Uop u) {
        faultVector = vector;
        faultError = error;
        faultIp = u.ip;
        return fault;
    }

    /** Prepares a page fault to throw. */
    public GuestFault pageFault(long linear, int error, Uop u) {
        faultAddress = linear;
        return fault(PF, error, u);
    }

    /** Counts and reports an instruction that is not implemented, and prepares its #UD. */
    public GuestFault undefined(String name, Uop u) {
        if (handler != null) {
            handler.remark(index, name, u.ip);
        }
        return fault(UD, NO_ERROR, u);
    }

    // ---- modes

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

    /** Recomputes {@link #mode} and the TLB in force after a change of CR0, CR4, EFER, CPL, RFLAGS.VM/AC/TF or a segment. */
    public void modeChanged() {
        int m = 0;
        boolean real = (cr0 & CR0_PE) == 0 || (sysFlags & Flags.VM) != 0;
        int csAttr = segAttr[CS];
        if (longActive()) {
            m |= MODE_LONG;
        }
        if (longActive() && (csAttr & 1 << 13) != 0) {
            m |= 2 | MODE_FLAT | MODE_STACK32;
        } else {
            if ((csAttr & 1 << 14) != 0) {
                m |= 1;
            }
            if ((segAttr[SS] & 1 << 14) != 0) {
                m |= MODE_STACK32;
            }
            if ((m & MODE_SIZE) == 1 && flat(CS) && flat(SS) && flat(DS) && flat(ES)) {
                m |= MODE_FLAT;
            } else {
                int limit = segLimit[CS];
                m |= (limit >>> 20 == 0 ? limit : 1 << 20 | limit >>> 12) << MODE_LIMIT;
            }
            if (real) {
                m |= MODE_REAL;
            }
        }
        // Breakpoint registers are looked at between instructions, so there must be a between.
        if ((sysFlags & Flags.TF) != 0 || (dr[7] & 0xFF) != 0) {
            m |= MODE_SINGLE;
        }
        mode = m;
        if (userElsewhere && userCode()) {
            raise(PEND_USER);
        }
        chooseTlb();
    }

    /** {@return whether the VP executes 64-bit code at CPL 3} */
    public boolean userCode() {
        return cpl == 3 && (mode & MODE_SIZE) == 2;
    }

    private void chooseTlb() {
        boolean aligning = cpl == 3 && (sysFlags & Flags.AC) != 0 && (cr0 & CR0_AM) != 0;
        checks.checkAlignment(aligning);
        useTlb(aligning ? ALIGNING_TLB : cpl == 3 ? 2 : (cr4 & CR4_SMAP) != 0 && (sysFlags & Flags.AC) == 0 ? 1 : 0);
    }

    private boolean flat(int seg) {
        // Writable data expanding up, or readable code: so that no access type needs a check either.
        int type = segAttr[seg] & 0x1001F;
        boolean open = type == 0x13 || type == 0x12 || seg == CS && (type & 0x1001A) == 0x1A;
        return open && segBase[seg] == 0 && segLimit[seg] == -1;
    }

    private void useTlb(int i) {
        tlbIndex = i;
        Tlb t = tlbs[i];
        readTag = t.readTag;
        writeTag = t.writeTag;
        addend = t.addend;
        codeTag = t.codeTag;
        codePage = t.codePage;
        codeStamp = i >= 2 ? userStamp : supervisorStamp;
    }

    /** {@return RFLAGS as PUSHF would push it} */
    public long rflags() {
        return sysFlags | 2 | Flags.status(this);
    }

    /** Sets all of RFLAGS, unconditionally; the caller has masked what may not change. */
    public void setRflags(long value) {
        Flags.setStatus(this, (int) value);
        setSysFlags((int) value & (Flags.TF | Flags.IF | Flags.DF | Flags.IOPL | Flags.NT | Flags.RF | Flags.VM | Flags.AC | Flags.VIF
                | Flags.VIP | Flags.ID));
    }

    /** Sets the flags other than the status flags, with what follows: interrupts are looked at when IF rises, the mode when TF, VM or AC change. */
    public void setSysFlags(int value) {
        int changed = sysFlags ^ value;
        sysFlags = value;
        if ((changed & value & Flags.IF) != 0) {
            raise(PEND_INTERRUPT);
        }
        if ((changed & (Flags.TF | Flags.VM)) != 0) {
            modeChanged();
        } else if ((changed & Flags.AC) != 0) {
            chooseTlb();
        }
    }

    /** Sets bits of {@link #pending}. Any thread. */
    public void raise(int bits) {
        if ((pending & bits) != bits) {
            PENDING.getAndBitwiseOr(this, bits);
        }
    }

    /** Clears bits of {@link #pending}. {@return those that were set} */
    public int take(int bits) {
        return (int) PENDING.getAndBitwiseAnd(this, ~bits) & bits;
    }

    /** {@return the time-stamp counter} */
    public long tsc() {
        long ns = clock.nowNs();
        // Ticks a nanosecond with 32 bits behind the point: exact for whole gigahertz, and good for 64-bit times.
        return (Math.multiplyHigh(ns, tscScale) << 32 | ns * tscScale >>> 32) + mmu.tscOffset;
    }

    // ---- code fetch

    /** {@return the limit of CS in a block's mode bits: the highest offset that code may be at; -1 in 64-bit mode, where there is none} */
    public static long codeLimit(int mode) {
        if ((mode & MODE_FLAT) != 0) {
            return (mode & MODE_SIZE) == 2 ? -1L : 0xFFFF_FFFFL;
        }
        long limit = mode >>> MODE_LIMIT;
        return limit >>> 20 == 0 ? limit : (limit & 0xF_FFFF) << 12 | 0xFFF;
    }

    /**
     * {@return whether a block is valid and its linear page still mapped, for execution, to the page it was decoded from} What was true
     * stays true until the translations are flushed, which changes {@link #codeStamp}: the block remembers.
     *
     * @param samePage its page is the one being executed from
     */
    boolean enterable(Block n, boolean samePage) {
        int i = (int) (n.linear >>> 12) & Tlb.CODE_SIZE - 1;
        if (n.valid && (samePage || codeTag[i] == (n.linear & -4096L) && codePage[i] == n.hostPage())) {
            n.stamp = codeStamp;
            return true;
        }
        return false;
    }

    private void codeMappingsChanged() {
        // The two never have the same value: supervisor and user rights to execute differ.
        supervisorStamp += 2;
        userStamp += 2;
        codeStamp = tlbIndex >= 2 ? userStamp : supervisorStamp;
    }

    /** {@return the index in {@link #jumpCache} of a RIP} */
    public static int jumpSlot(long target) {
        return (int) (target ^ target >>> 12) & JUMP_CACHE - 1;
    }

    /** Leaves a block for an address known only now: sets {@link #rip}. {@return the block there, or null to look it up} */
    public Block jump(long target) {
        rip = target;
        Block n = jumpCache[jumpSlot(target)];
        if (n != null && n.rip == target && n.mode == mode && (n.stamp == codeStamp || enterable(n, false))
                && ((mode & MODE_FLAT) != 0 || n.linear == (segBase[CS] + target & 0xFFFFFFFFL))) {
            return n;
        }
        return null;
    }

    /**
     * Translates for instruction fetch.
     *
     * @param linear address of the byte wanted
     * @param u names the instruction a fault belongs to
     * @return host offset of the byte
     */
    public long fetchHost(long linear, Uop u) {
        int i = (int) (linear >>> 12) & Tlb.CODE_SIZE - 1;
        if (codeTag[i] != (linear & -4096L)) {
            mmu.fillCode(tlbs[tlbIndex], linear, u);
        }
        return ((long) codePage[i] << 12) + (linear & 4095);
    }

    /** {@return a number that changes with every flush of translations} */
    public long translationStamp() {
        return supervisorStamp;
    }

    // ---- TLB upkeep

    /** Forgets what was known of the GPA space's regions, and every translation. */
    public void regionsChanged() {
        mmu.forgetRegions();
        flushTlb();
    }

    /**
     * Sees to it that the next write to a host page looks at the page's flags. To be called between instructions, after a flag was set.
     *
     * <p>A write is in one of three places: before this call, when the page is among those granted and we say so, whether or not the
     * TLB still knows it; after, when it looks at the flags; never between.
     *
     * @return whether the page may have been written, unnoticed, since the last call
     */
    public boolean revokeWrites(int hostPage) {
        if (!granted[hostPage]) {
            return false;
        }
        for (Tlb t : tlbs) {
            t.dropWrites(hostPage);
        }
        GRANTED.setRelease(granted, hostPage, false);
        return true;
    }

    /**
     * {@return whether the VP may be writing to a host page without looking at its flags} Any thread. Whoever has set a flag of the page
     * and is told "no" knows that it will look, and has seen all that was written there before.
     */
    public boolean mayWrite(int hostPage) {
        return (boolean) GRANTED.getVolatile(granted, hostPage);
    }

    /** Lets the VP write to a host page unnoticed; the flags are to be looked at afterwards. */
    void grant(int hostPage) {
        if (!granted[hostPage]) {
            GRANTED.setVolatile(granted, hostPage, true);
        }
    }

    /** {@link #revokeWrites} of every page, and the notice due for each that was granted and has a flag set. */
    public void revokeAllWrites() {
        flushTlbWrites();
        for (int p = 0; p < granted.length; p++) {
            if (granted[p]) {
                GRANTED.setRelease(granted, p, false);
                if (pageFlags[p] != 0) {
                    gpa.touch(p);
                }
            }
        }
    }

    /**
     * What serializing instructions do to memory: every store before is seen by everybody before anything after it (SDM 3A, 9.3). Guests
     * count on it of MOV to CR3, IRET and CPUID, for which the host executes nothing of the kind.
     */
    public static void serialize() {
        VarHandle.fullFence();
    }

    /**
     * What stands between one step and the next: loads and stores keep their order, but that a load may overtake an earlier store. On an x86
     * that is no instruction; it binds the Java compiler, which otherwise is free to reorder what it has inlined into one method.
     */
    public static void keepOrder() {
        VarHandle.acquireFence();
        VarHandle.releaseFence();
    }

    /** Drops every translation. */
    public void flushTlb() {
        codeMappingsChanged();
        for (Tlb t : tlbs) {
            t.flush();
        }
        mmu.forgetLargePages();
    }

    /** Drops every translation that is not global. */
    public void flushTlbLocal() {
        codeMappingsChanged();
        for (Tlb t : tlbs) {
            t.flushLocal();
        }
    }

    /** Drops the permission to write directly, so that each page's flags are looked at again. */
    public void flushTlbWrites() {
        for (Tlb t : tlbs) {
            t.flushWrites();
        }
    }

    /** Drops the translations of one page (INVLPG). */
    public void flushTlbPage(long linear) {
        codeMappingsChanged();
        if (mmu.inLargePage(linear)) {
            flushTlb();
            return;
        }
        for (Tlb t : tlbs) {
            t.flushPage(linear);
        }
    }

    // ---- data access: the fast path is a tag compare that also fails when the operand crosses into the next page

    /** {@return the byte at a linear address, zero-extended} */
    public long ld8(long va, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (readTag[i] == (va & -4096L)) {
            return ram.get(ValueLayout.JAVA_BYTE, va + addend[i]) & 0xFFL;
        }
        return slowLoad(va, 1, u);
    }

    /** {@return the 16-bit value at a linear address, zero-extended} */
    public long ld16(long va, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (readTag[i] == (va + 1 & -4096L)) {
            return ram.get(LE16, va + addend[i]) & 0xFFFFL;
        }
        return slowLoad(va, 2, u);
    }

    /** {@return the 32-bit value at a linear address, zero-extended} */
    public long ld32(long va, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (readTag[i] == (va + 3 & -4096L)) {
            return ram.get(LE32, va + addend[i]) & 0xFFFFFFFFL;
        }
        return slowLoad(va, 4, u);
    }

    /** {@return the 64-bit value at a linear address} */
    public long ld64(long va, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (readTag[i] == (va + 7 & -4096L)) {
            return ram.get(LE64, va + addend[i]);
        }
        return slowLoad(va, 8, u);
    }

    /** Stores a byte. */
    public void st8(long va, long value, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (writeTag[i] == (va & -4096L)) {
            ram.set(ValueLayout.JAVA_BYTE, va + addend[i], (byte) value);
        } else {
            slowStore(va, 1, value, u);
        }
    }

    /** Stores 16 bits. */
    public void st16(long va, long value, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (writeTag[i] == (va + 1 & -4096L)) {
            ram.set(LE16, va + addend[i], (short) value);
        } else {
            slowStore(va, 2, value, u);
        }
    }

    /** Stores 32 bits. */
    public void st32(long va, long value, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (writeTag[i] == (va + 3 & -4096L)) {
            ram.set(LE32, va + addend[i], (int) value);
        } else {
            slowStore(va, 4, value, u);
        }
    }

    /** Stores 64 bits. */
    public void st64(long va, long value, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (writeTag[i] == (va + 7 & -4096L)) {
            ram.set(LE64, va + addend[i], value);
        } else {
            slowStore(va, 8, value, u);
        }
    }

    /** Loads for a read-modify-write: faults as a write does, so that the store that follows cannot. @param size 1, 2, 4 or 8 */
    public long ldRmw(long va, int size, Uop u) {
        long host = hostForWrite(va, size, u);
        if (host >= 0) {
            return switch (size) {
                case 1 -> ram.get(ValueLayout.JAVA_BYTE, host) & 0xFFL;
                case 2 -> ram.get(LE16, host) & 0xFFFFL;
                case 4 -> ram.get(LE32, host) & 0xFFFFFFFFL;
                default -> ram.get(LE64, host);
            };
        }
        return slowLoad(va, size, u);
    }

    /**
     * Makes sure a range can be written, throwing the fault of a write if not, before anything is changed.
     *
     * @param size bytes, at most 4096
     * @return host offset of the first byte when the whole range is RAM in one page; -1 when it is MMIO, ROM or crosses a page
     */
    public long hostForWrite(long va, int size, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (writeTag[i] == (va + size - 1 & -4096L)) {
            return va + addend[i];
        }
        if (checks.due) {
            checks.access(va, size, true, u);
        }
        long first = mmu.translateForWrite(va, u);
        if (((va ^ va + size - 1) & -4096L) != 0) {
            mmu.translateForWrite(va + size - 1 & -4096L, u);
            return -1;
        }
        return first;
    }

    /** Like {@link #hostForWrite}, for reading. */
    public long hostForRead(long va, int size, Uop u) {
        int i = (int) (va >>> 12) & Tlb.SIZE - 1;
        if (readTag[i] == (va + size - 1 & -4096L)) {
            return va + addend[i];
        }
        if (checks.due) {
            checks.access(va, size, false, u);
        }
        long first = mmu.translateForRead(va, u);
        if (((va ^ va + size - 1) & -4096L) != 0) {
            mmu.translateForRead(va + size - 1 & -4096L, u);
            return -1;
        }
        return first;
    }

    /** {@return the partition's memory, for semantics that work on host offsets in bulk} */
    public MemorySegment ram() {
        return ram;
    }

    Tlb currentTlb() {
        return tlbs[tlbIndex];
    }

    /** {@return the TLB of the processor's own accesses: supervisor, and under SMAP whatever RFLAGS.AC says} */
    Tlb systemTlb() {
        return tlbs[(cr4 & CR4_SMAP) != 0 ? 1 : 0];
    }

    /** {@return what is to be thrown by a step before which its instruction has changed nothing: the engine redoes that alone} */
    BlockAbort alone(Uop u) {
        faultIp = u.ip;
        return abort;
    }

    /** {@return whether the TLB in force is the one without translations of data} */
    boolean tlbWithoutData() {
        return tlbIndex == ALIGNING_TLB;
    }

    /** Throws when a store is about to hit the very page whose block is executing: the engine redoes the instruction alone. */
    void checkOwnCode(int hostPage, Uop u) {
        if (hostPage == blockPage && (mode & MODE_SINGLE) == 0 && (pageFlags[hostPage] & (GpaSpace.PAGE_CODE | GpaSpace.PAGE_TELLING)) != 0) {
            throw alone(u);
        }
    }

    /**
     * Sees to it that no other VP executes anything while the rest of the instruction runs: the engine redoes it so, when it is not so yet.
     *
     * @param u the step that calls, before which the instruction has changed nothing
     */
    public void needUndisturbed(Uop u) {
        if (!undisturbed) {
            throw alone(u);
        }
    }

    private long slowLoad(long va, int size, Uop u) {
        if (checks.due) {
            checks.access(va, size, false, u);
        }
        long last = va + size - 1;
        if (((va ^ last) & -4096L) != 0) {
            mmu.translateForRead(va, u);
            mmu.translateForRead(last & -4096L, u);
            long v = 0;
            for (int k = 0; k < size; k++) {
                v |= ld8(va + k, u) << 8 * k;
            }
            return v;
        }
        long host = mmu.translateForRead(va, u);
        if (host < 0) {
            return handler.mmioRead(index, mmu.lastGpa, size);
        }
        return switch (size) {
            case 1 -> ram.get(ValueLayout.JAVA_BYTE, host) & 0xFFL;
            case 2 -> ram.get(LE16, host) & 0xFFFFL;
            case 4 -> ram.get(LE32, host) & 0xFFFFFFFFL;
            default -> ram.get(LE64, host);
        };
    }

    private void slowStore(long va, int size, long value, Uop u) {
        if (checks.due) {
            checks.access(va, size, true, u);
        }
        long last = va + size - 1;
        if (((va ^ last) & -4096L) != 0) {
            mmu.translateForWrite(va, u);
            mmu.translateForWrite(last & -4096L, u);
            for (int k = 0; k < size; k++) {
                st8(va + k, value >>> 8 * k, u);
            }
            return;
        }
        long host = mmu.translateForWrite(va, u);
        if (host < 0) {
            handler.mmioWrite(index, mmu.lastGpa, size, size == 8 ? value : value & (1L << 8 * size) - 1);
            return;
        }
        switch (size) {
            case 1 -> ram.set(ValueLayout.JAVA_BYTE, host, (byte) value);
            case 2 -> ram.set(LE16, host, (short) value);
            case 4 -> ram.set(LE32, host, (int) value);
            default -> ram.set(LE64, host, value);
        }
    }
}
