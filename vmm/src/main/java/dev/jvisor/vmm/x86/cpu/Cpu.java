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
 * One software VP: its registers, the state it runs in, and its way to memory. Fields are public to the micro-ops; outside the x86 packages
 * nobody sees them. Everything here belongs to the VP's thread, except {@link #pending}, which any thread may set bits in.
 */
public final class Cpu extends Registers {
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

    /** {@link #faultVector} of what is no exception: the VP is to stand before the instruction until an interrupt comes, see {@link X87Errors}. */
    public static final int FREEZE = -1;
    /** {@link #faultError} of an exception that pushes none. */
    public static final int NO_ERROR = -1;

    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle PENDING;
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
    /** Ticks that the TSC is ahead of the scaled clock: 0, and so the same on all VPs, until the guest writes to it. */
    private long tscOffset;
    /** Where random numbers come from; null for the host's generator. */
    public LongSupplier random;
    /** Page walks and TLB fills. */
    public final Mmu mmu;
    /** Where it may write unnoticed. */
    public final WriteGrants grants;
    final MemorySegment ram;
    private final byte[] pageFlags;
    private final GuestFault fault = new GuestFault();
    private final BlockAbort abort = new BlockAbort();
    /** Receives intercepts while running. */
    public InterceptHandler handler;
    /** For MSR reads. */
    public final MsrValue msrValue = new MsrValue();
    /** MSRs that are plain values. */
    public final Msrs msrs = new Msrs();

    /** The x87 arithmetic unit: scratch of one instruction. */
    public final F80 f80 = new F80();
    /** How unmasked x87 exceptions are reported. */
    public final X87Errors x87Errors = new X87Errors(this);

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
        this.mmu = new Mmu(this);
        tlbs[0] = new Tlb(null);
        // Alignment check is no matter for fetches: supervisor code with and without it shares translations.
        tlbs[1] = new Tlb(tlbs[0]);
        tlbs[2] = new Tlb(null);
        tlbs[ALIGNING_TLB] = new Tlb(tlbs[2]);
        grants = new WriteGrants(gpa, tlbs);
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
        return tscAt(clock.nowNs());
    }

    /** {@return what the time-stamp counter shows when the clock shows {@code ns}, with the present offset} */
    public long tscAt(long ns) {
        // Ticks a nanosecond with 32 bits behind the point: exact for whole gigahertz, and good for 64-bit times.
        return (Math.multiplyHigh(ns, tscScale) << 32 | ns * tscScale >>> 32) + tscOffset;
    }

    /** Moves the time-stamp counter by so many ticks, and the deadline that the local APIC reckons by it. */
    public void moveTsc(long ticks) {
        tscOffset += ticks;
        interrupts.setTscOffset(tscOffset);
    }

    // ---- code fetch

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
