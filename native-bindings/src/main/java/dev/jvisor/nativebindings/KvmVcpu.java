package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jvisor.nativebindings.gen.Uapi;
import dev.jvisor.nativebindings.gen.kvm_cpuid2;
import dev.jvisor.nativebindings.gen.kvm_debugregs;
import dev.jvisor.nativebindings.gen.kvm_enable_cap;
import dev.jvisor.nativebindings.gen.kvm_fpu;
import dev.jvisor.nativebindings.gen.kvm_guest_debug;
import dev.jvisor.nativebindings.gen.kvm_guest_debug_arch;
import dev.jvisor.nativebindings.gen.kvm_interrupt;
import dev.jvisor.nativebindings.gen.kvm_lapic_state;
import dev.jvisor.nativebindings.gen.kvm_mp_state;
import dev.jvisor.nativebindings.gen.kvm_regs;
import dev.jvisor.nativebindings.gen.kvm_signal_mask;
import dev.jvisor.nativebindings.gen.kvm_sregs;
import dev.jvisor.nativebindings.gen.kvm_translation;
import dev.jvisor.nativebindings.gen.kvm_vcpu_events;
import dev.jvisor.nativebindings.gen.kvm_xcr;
import dev.jvisor.nativebindings.gen.kvm_xcrs;
import dev.jvisor.nativebindings.gen.kvm_xsave;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A virtual CPU. State is read in two steps, so that nothing is allocated: {@code getRegs()} fills the reusable view {@link #regs},
 * {@code setRegs()} hands the view to the kernel; the same for sregs, events, xsave. All calls belong to the thread that runs the
 * vCPU (or to any, while none does), save {@link #kick}.
 */
public final class KvmVcpu implements AutoCloseable {
    /** Bytes of the in-kernel local APIC's register page. */
    public static final int LAPIC_SIZE = (int) kvm_lapic_state.layout().byteSize();
    /** Bytes of {@link #fpu}: {@code struct kvm_fpu}. */
    public static final int FPU_SIZE = (int) kvm_fpu.layout().byteSize();
    /** {@link #mpState}: running. */
    public static final int MP_RUNNABLE = 0;
    /** {@link #mpState}: waiting for INIT. */
    public static final int MP_UNINITIALIZED = 1;
    /** {@link #mpState}: INIT came, waiting for SIPI. */
    public static final int MP_INIT_RECEIVED = 2;
    /** {@link #mpState}: in HLT. */
    public static final int MP_HALTED = 3;
    /** {@link #mpState}: SIPI came. */
    public static final int MP_SIPI_RECEIVED = 4;
    /** {@link #setGuestDebug}: on. */
    public static final int DEBUG_ENABLE = 1;
    /** {@link #setGuestDebug}: exit after each instruction. */
    public static final int DEBUG_SINGLE_STEP = 2;
    /** {@link #setGuestDebug}: exit at INT3. */
    public static final int DEBUG_SOFTWARE_BREAKPOINTS = 0x10000;
    /** {@link #setGuestDebug}: DR0-DR3 and DR7 given are the debugger's. */
    public static final int DEBUG_HARDWARE_BREAKPOINTS = 0x20000;

    private static final int LEGACY_XSAVE_SIZE = (int) kvm_xsave.layout().byteSize();

    private final int id;
    private final KvmFd vcpu;
    private final MappedMemory runMemory;
    private final KvmRun run;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment captureState = LibC.newCaptureState(arena);
    private final KvmRegs regs = new KvmRegs(kvm_regs.allocate(arena));
    private final KvmSregs sregs = new KvmSregs(kvm_sregs.allocate(arena));
    private final KvmVcpuEvents events = new KvmVcpuEvents(kvm_vcpu_events.allocate(arena));
    private final MemorySegment scratch = arena.allocate(4096, 16);
    private final MemorySegment fpu = arena.allocate(FPU_SIZE, 16);
    private final MemorySegment xsave;
    private final boolean xsave2;
    private volatile int runningTid;

    KvmVcpu(int fd, int id, int mmapSize, int xsave2Size) {
        this.id = id;
        vcpu = new KvmFd(fd, "vcpu " + id);
        runMemory = MappedMemory.ofFd("vcpu " + id, fd, mmapSize);
        run = new KvmRun(runMemory.segment());
        xsave2 = xsave2Size > 0;
        xsave = arena.allocate(Math.max(xsave2Size, LEGACY_XSAVE_SIZE), 64);
    }

    /** {@return the vCPU's id} */
    public int id() {
        return id;
    }

    // ---- running ----

    /** {@return the page shared with the kernel} */
    public KvmRun runPage() {
        return run;
    }

    /**
     * Runs the guest until it exits. Allocates nothing.
     *
     * @return the reason, see {@link KvmExit}; {@link KvmExit#INTERRUPTED} after a {@link #kick} or another signal, and when the vCPU
     *     waits for INIT or SIPI
     */
    public int run() {
        // Known before the kernel is entered, so that a kick in between either finds the id or has set immediate_exit.
        runningTid = KickSignal.tid();
        int result = LibC.ioctl(captureState, vcpu.fd, KickSignal.KVM_RUN, 0L);
        runningTid = 0;
        if (result >= 0) {
            return run.exitReason();
        }
        if (result == -KickSignal.EINTR || result == -KickSignal.EAGAIN) {
            run.immediateExit(false);
            return KvmExit.INTERRUPTED;
        }
        // EFAULT with this reason in the page is an exit like any other (KVM_CAP_MEMORY_FAULT_INFO).
        if (result == -KickSignal.EFAULT && run.exitReason() == KvmExit.MEMORY_FAULT) {
            return KvmExit.MEMORY_FAULT;
        }
        throw new ErrnoException("KVM_RUN", vcpu.name, -result);
    }

    /**
     * Makes the run under way, or else the next one, return {@link KvmExit#INTERRUPTED} soon. Any thread. Kicks that come before the
     * run has returned are one kick: whoever kicks must have left word elsewhere first.
     */
    public void kick() {
        run.immediateExit(true);
        int tid = runningTid;
        if (tid != 0) {
            LibC.tgkill(tid, KickSignal.NUMBER);
        }
    }

    /** Sets the signals blocked while the guest runs; bit n-1 stands for signal n. */
    public void setSignalMask(long mask) {
        kvm_signal_mask.len(scratch, Long.BYTES);
        scratch.set(JAVA_LONG.withByteAlignment(4), kvm_signal_mask.layout().byteSize(), mask);
        vcpu.call("KVM_SET_SIGNAL_MASK", Uapi.KVM_SET_SIGNAL_MASK(), scratch);
    }

    /** Injects an external interrupt; without in-kernel local APIC, when {@link KvmRun#readyForInterruptInjection}. */
    public void interrupt(int vector) {
        kvm_interrupt.irq(scratch, vector);
        vcpu.call("KVM_INTERRUPT", Uapi.KVM_INTERRUPT(), scratch);
    }

    /** Queues a non-maskable interrupt. */
    public void nmi() {
        vcpu.call("KVM_NMI", Uapi.KVM_NMI(), 0);
    }

    /**
     * Turns guest debugging on or off.
     *
     * @param control {@code DEBUG_*}, 0 for off
     * @param debugRegisters DR0 to DR3, two unused, DR6, DR7 for {@link #DEBUG_HARDWARE_BREAKPOINTS}; else empty
     */
    public void setGuestDebug(int control, long... debugRegisters) {
        scratch.fill((byte) 0);
        kvm_guest_debug.control(scratch, control);
        MemorySegment arch = kvm_guest_debug.arch(scratch);
        for (int i = 0; i < debugRegisters.length; i++) {
            kvm_guest_debug_arch.debugreg(arch, i, debugRegisters[i]);
        }
        vcpu.call("KVM_SET_GUEST_DEBUG", Uapi.KVM_SET_GUEST_DEBUG(), scratch);
    }

    // ---- registers ----

    /** {@return general registers as last fetched or to be set} */
    public KvmRegs regs() {
        return regs;
    }

    /** Fetches {@link #regs}. */
    public KvmRegs getRegs() {
        vcpu.call("KVM_GET_REGS", Uapi.KVM_GET_REGS(), regs.segment);
        return regs;
    }

    /** Hands {@link #regs} to the kernel. */
    public void setRegs() {
        vcpu.call("KVM_SET_REGS", Uapi.KVM_SET_REGS(), regs.segment);
    }

    /** {@return special registers as last fetched or to be set} */
    public KvmSregs sregs() {
        return sregs;
    }

    /** Fetches {@link #sregs}. */
    public KvmSregs getSregs() {
        vcpu.call("KVM_GET_SREGS", Uapi.KVM_GET_SREGS(), sregs.segment);
        return sregs;
    }

    /** Hands {@link #sregs} to the kernel. */
    public void setSregs() {
        vcpu.call("KVM_SET_SREGS", Uapi.KVM_SET_SREGS(), sregs.segment);
    }

    /** {@return events as last fetched or to be set} */
    public KvmVcpuEvents events() {
        return events;
    }

    /** Fetches {@link #events}. */
    public KvmVcpuEvents getEvents() {
        vcpu.call("KVM_GET_VCPU_EVENTS", Uapi.KVM_GET_VCPU_EVENTS(), events.segment);
        return events;
    }

    /** Hands {@link #events} to the kernel. */
    public void setEvents() {
        vcpu.call("KVM_SET_VCPU_EVENTS", Uapi.KVM_SET_VCPU_EVENTS(), events.segment);
    }

    /** {@return {@code struct kvm_fpu}, {@link #FPU_SIZE} bytes, as last fetched or to be set} */
    public MemorySegment fpu() {
        return fpu;
    }

    /** Fetches {@link #fpu}. */
    public MemorySegment getFpu() {
        vcpu.call("KVM_GET_FPU", Uapi.KVM_GET_FPU(), fpu);
        return fpu;
    }

    /** Hands {@link #fpu} to the kernel. */
    public void setFpu() {
        vcpu.call("KVM_SET_FPU", Uapi.KVM_SET_FPU(), fpu);
    }

    /** {@return the XSAVE area in standard format (SDM vol. 1, 13.4), at least 4096 bytes, as last fetched or to be set} */
    public MemorySegment xsave() {
        return xsave;
    }

    /** Fetches {@link #xsave}. */
    public MemorySegment getXsave() {
        if (xsave2) {
            vcpu.call("KVM_GET_XSAVE2", Uapi.KVM_GET_XSAVE2(), xsave);
        } else {
            vcpu.call("KVM_GET_XSAVE", Uapi.KVM_GET_XSAVE(), xsave);
        }
        return xsave;
    }

    /** Hands {@link #xsave} to the kernel. */
    public void setXsave() {
        vcpu.call("KVM_SET_XSAVE", Uapi.KVM_SET_XSAVE(), xsave);
    }

    /** {@return XCR0} */
    public long getXcr0() {
        vcpu.call("KVM_GET_XCRS", Uapi.KVM_GET_XCRS(), scratch);
        int n = kvm_xcrs.nr_xcrs(scratch);
        for (int i = 0; i < n; i++) {
            MemorySegment xcr = kvm_xcrs.xcrs(scratch, i);
            if (kvm_xcr.xcr(xcr) == 0) {
                return kvm_xcr.value(xcr);
            }
        }
        return 1; // x87 only: the value at reset
    }

    /** Sets XCR0. */
    public void setXcr0(long value) {
        scratch.fill((byte) 0);
        kvm_xcrs.nr_xcrs(scratch, 1);
        kvm_xcr.value(kvm_xcrs.xcrs(scratch, 0), value);
        vcpu.call("KVM_SET_XCRS", Uapi.KVM_SET_XCRS(), scratch);
    }

    /** Fetches DR0 to DR3, DR6 and DR7 into the first six elements. */
    public void getDebugRegs(long[] out) {
        vcpu.call("KVM_GET_DEBUGREGS", Uapi.KVM_GET_DEBUGREGS(), scratch);
        for (int i = 0; i < 4; i++) {
            out[i] = kvm_debugregs.db(scratch, i);
        }
        out[4] = kvm_debugregs.dr6(scratch);
        out[5] = kvm_debugregs.dr7(scratch);
    }

    /** Sets DR0 to DR3, DR6 and DR7. */
    public void setDebugRegs(long[] values) {
        scratch.fill((byte) 0);
        for (int i = 0; i < 4; i++) {
            kvm_debugregs.db(scratch, i, values[i]);
        }
        kvm_debugregs.dr6(scratch, values[4]);
        kvm_debugregs.dr7(scratch, values[5]);
        vcpu.call("KVM_SET_DEBUGREGS", Uapi.KVM_SET_DEBUGREGS(), scratch);
    }

    /** {@return the multiprocessing state, {@code MP_*}; needs in-kernel local APICs for other values than runnable} */
    public int mpState() {
        vcpu.call("KVM_GET_MP_STATE", Uapi.KVM_GET_MP_STATE(), scratch);
        return kvm_mp_state.mp_state(scratch);
    }

    /** Sets the multiprocessing state. */
    public void mpState(int state) {
        kvm_mp_state.mp_state(scratch, state);
        vcpu.call("KVM_SET_MP_STATE", Uapi.KVM_SET_MP_STATE(), scratch);
    }

    /** Fetches MSRs. {@return how many were; fewer than the list when KVM refused the one at that place} */
    public int getMsrs(KvmMsrs msrs) {
        return vcpu.call("KVM_GET_MSRS", Uapi.KVM_GET_MSRS(), msrs.segment);
    }

    /** Sets MSRs. {@return how many were; fewer than the list when KVM refused the one at that place} */
    public int setMsrs(KvmMsrs msrs) {
        return vcpu.call("KVM_SET_MSRS", Uapi.KVM_SET_MSRS(), msrs.segment);
    }

    /** Fetches the in-kernel local APIC's registers into {@link #LAPIC_SIZE} off-heap bytes. */
    public void getLapic(MemorySegment state) {
        vcpu.call("KVM_GET_LAPIC", Uapi.KVM_GET_LAPIC(), state);
    }

    /** Sets the in-kernel local APIC's registers. */
    public void setLapic(MemorySegment state) {
        vcpu.call("KVM_SET_LAPIC", Uapi.KVM_SET_LAPIC(), state);
    }

    // ---- processor model ----

    /** Sets what CPUID answers. Before the first run. */
    public void setCpuid(List<KvmCpuidEntry> entries) {
        try (Arena confined = Arena.ofConfined()) {
            vcpu.call("KVM_SET_CPUID2", Uapi.KVM_SET_CPUID2(), KvmTables.writeCpuid(confined, entries));
        }
    }

    /** {@return what CPUID answers; some kernels add to what was set} */
    public List<KvmCpuidEntry> getCpuid() {
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment table = KvmTables.allocateCpuid(confined, 256);
            vcpu.call("KVM_GET_CPUID2", Uapi.KVM_GET_CPUID2(), table);
            return KvmTables.readCpuid(table, kvm_cpuid2.nent(table));
        }
    }

    /** Turns a capability of this vCPU on. */
    public void enableCap(KvmCap cap, long... arguments) {
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment enable = kvm_enable_cap.allocate(confined);
            kvm_enable_cap.cap(enable, cap.number());
            MemorySegment args = kvm_enable_cap.args(enable);
            for (int i = 0; i < arguments.length; i++) {
                args.setAtIndex(JAVA_LONG, i, arguments[i]);
            }
            vcpu.call("KVM_ENABLE_CAP " + cap, Uapi.KVM_ENABLE_CAP(), enable);
        }
    }

    /** {@return the guest's TSC frequency in kHz} */
    public int tscKhz() {
        return vcpu.call("KVM_GET_TSC_KHZ", Uapi.KVM_GET_TSC_KHZ(), 0);
    }

    /** Sets the guest's TSC frequency in kHz. */
    public void tscKhz(int khz) {
        vcpu.call("KVM_SET_TSC_KHZ", Uapi.KVM_SET_TSC_KHZ(), khz);
    }

    /** {@return the guest physical address of a guest virtual one under the current paging mode, -1 when it is not mapped} */
    public long translate(long gva) {
        kvm_translation.linear_address(scratch, gva);
        vcpu.call("KVM_TRANSLATE", Uapi.KVM_TRANSLATE(), scratch);
        return kvm_translation.valid(scratch) != 0 ? kvm_translation.physical_address(scratch) : -1;
    }

    /** Closes the vCPU; not while it runs. */
    @Override
    public void close() {
        vcpu.close();
        if (arena.scope().isAlive()) {
            runMemory.close();
            arena.close();
        }
    }

    /** The signal that takes a thread out of {@code KVM_RUN}, installed once per process. */
    private static final class KickSignal {
        /** A real-time signal far from those of the C library, the JVM and common libraries. */
        static final int NUMBER = LibC.sigrtmin() + 6;
        static final long KVM_RUN = Uapi.KVM_RUN();
        static final int EINTR = Uapi.EINTR();
        static final int EAGAIN = Uapi.EAGAIN();
        static final int EFAULT = Uapi.EFAULT();
        private static final ThreadLocal<MemorySegment> TID = ThreadLocal.withInitial(() -> {
            MemorySegment tid = Arena.ofAuto().allocate(JAVA_INT);
            tid.set(JAVA_INT, 0, LibC.gettid());
            return tid;
        });

        static {
            LibC.sigactionInterrupting(NUMBER);
        }

        // A segment and not an Integer: nothing to unbox, and no boxing cache to think about.
        static int tid() {
            return TID.get().get(JAVA_INT, 0);
        }
    }
}
