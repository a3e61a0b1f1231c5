package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.KvmCpuidEntry;
import dev.jvisor.nativebindings.KvmExit;
import dev.jvisor.nativebindings.KvmMsrs;
import dev.jvisor.nativebindings.KvmRegs;
import dev.jvisor.nativebindings.KvmRun;
import dev.jvisor.nativebindings.KvmVcpu;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A virtual processor as a vCPU: runs it and turns its exits into calls of the intercept handler.
 *
 * <p>Kicks: whoever wants the VP's attention first says so ({@code kickWanted}, or something in its {@link VpInterrupts}), then makes
 * {@code KVM_RUN} return. The VP's thread looks at both after each such return, so a kick that falls together with another, or that
 * comes between two runs, is not lost; one that comes late costs a round in the loop.
 */
final class KvmVp implements BackendVp {
    private static final long RFLAGS_IF = 1L << 9;
    private static final long RFLAGS_RF = 1L << 16;
    private static final int HARDWARE_BREAKPOINTS = 4;
    /** DR7: global enable of breakpoint 0; the others two bits apart each. */
    private static final long DR7_GLOBAL = 2;
    private static final long DR7_FIXED = 0x400;

    private final int index;
    private final KvmVcpu vcpu;
    private final KvmRun run;
    private final VpStateCodec codec;
    private final KvmPartition partition;
    private final AtomicInteger running;
    /** Null when local APICs are in the kernel. */
    private final VpInterrupts interrupts;
    private final MsrValue msrValue = new MsrValue();

    private final KvmMsrs tscMsr = new KvmMsrs(VpState.IA32_TSC);
    private final boolean canSync;
    /** Somebody reads registers inside intercepts: from the next run on the kernel leaves them in the run page. */
    private boolean syncWanted;
    /** The run page has the registers of the current exit. */
    private boolean synced;
    /** The registers of the current exit have been asked for one by one. */
    private boolean fetched;

    private volatile boolean kickWanted;
    private volatile VpState.Activity activity = VpState.Activity.RUNNING;
    /** RFLAGS.IF as HLT found it. */
    private volatile boolean haltedWithInterruptsOn;
    /** What the run page says of interrupt readiness is older than the vCPU's state. */
    private boolean readinessStale = true;
    private int lastCr8;
    private String failure = "";

    private long[] breakpoints = {};
    private boolean singleStep;
    /** Where the guest was last stopped for the debugger: it must get past a breakpoint there. */
    private long stoppedAt = -1;

    KvmVp(int index, KvmVcpu vcpu, VpStateCodec codec, KvmPartition partition, VpInterrupts interrupts, boolean canSync) {
        this.index = index;
        this.vcpu = vcpu;
        this.run = vcpu.runPage();
        this.codec = codec;
        this.partition = partition;
        this.running = partition.running();
        this.interrupts = interrupts;
        this.canSync = canSync;
    }

    @Override
    public int index() {
        return index;
    }

    // ---- running ----

    @Override
    public VpExit run(InterceptHandler handler) {
        running.incrementAndGet();
        try {
            return loop(handler);
        } finally {
            running.decrementAndGet();
        }
    }

    private VpExit loop(InterceptHandler handler) {
        if (interrupts != null && activity != VpState.Activity.RUNNING) {
            if (kickWanted) {
                kickWanted = false;
                return VpExit.KICKED;
            }
            if (activity != VpState.Activity.HALTED) {
                return VpExit.WAIT_FOR_SIPI;
            }
            if (!wakeable()) {
                return VpExit.HALT;
            }
            activity = VpState.Activity.RUNNING;
        }
        if (stoppedAt != -1) {
            passBreakpoint();
        }
        while (true) {
            if (interrupts != null) {
                offerInterrupts();
            }
            if (syncWanted && !synced) {
                run.syncValid(KvmRun.SYNC_REGS);
                synced = true;
            }
            fetched = false;
            int reason = vcpu.run();
            if (interrupts != null) {
                takeCr8();
            }
            switch (reason) {
                case KvmExit.IO -> portIo(handler);
                case KvmExit.MMIO -> mmio(run, index, handler);
                case KvmExit.INTERRUPTED, KvmExit.INTR -> {
                    if (kickWanted) {
                        kickWanted = false;
                        return VpExit.KICKED;
                    }
                }
                case KvmExit.IRQ_WINDOW_OPEN, KvmExit.SET_TPR -> { /* the next round sees to it */ }
                case KvmExit.HLT -> {
                    haltedWithInterruptsOn = run.ifFlag();
                    activity = VpState.Activity.HALTED;
                    if (!wakeable()) {
                        return VpExit.HALT;
                    }
                    activity = VpState.Activity.RUNNING;
                }
                case KvmExit.X86_RDMSR -> {
                    msrValue.value = 0;
                    run.msrError(!handler.msrRead(index, run.msrIndex(), msrValue));
                    run.msrData(msrValue.value);
                }
                case KvmExit.X86_WRMSR -> run.msrError(!handler.msrWrite(index, run.msrIndex(), run.msrData()));
                case KvmExit.IOAPIC_EOI -> handler.endOfInterrupt(run.eoiVector());
                case KvmExit.DEBUG -> {
                    if (singleStep || Arrays.stream(breakpoints).anyMatch(b -> b == run.debugPc())) {
                        stoppedAt = run.debugPc();
                        return VpExit.DEBUG;
                    }
                }
                case KvmExit.SHUTDOWN -> {
                    failure = KvmFailure.describe(reason, run);
                    return VpExit.SHUTDOWN;
                }
                default -> {
                    failure = KvmFailure.describe(reason, run);
                    return VpExit.INTERNAL_ERROR;
                }
            }
        }
    }

    private void portIo(InterceptHandler handler) {
        int port = run.ioPort();
        int size = run.ioSize();
        int count = run.ioCount();
        if (run.ioIsWrite()) {
            for (int i = 0; i < count; i++) {
                handler.portWrite(index, port, size, run.ioData(i));
            }
        } else {
            for (int i = 0; i < count; i++) {
                run.ioData(i, handler.portRead(index, port, size));
            }
        }
    }

    // KVM hands over what is left of an access at a page's end, up to 7 bytes: devices see powers of two.
    static void mmio(KvmRun run, int index, InterceptHandler handler) {
        long gpa = run.mmioAddress();
        int length = run.mmioLength();
        boolean write = run.mmioIsWrite();
        long data = write ? run.mmioData() : 0;
        for (int at = 0; at < length;) {
            int size = Integer.highestOneBit(length - at);
            if (write) {
                long part = data >>> 8 * at;
                handler.mmioWrite(index, gpa + at, size, size == 8 ? part : part & (1L << 8 * size) - 1);
            } else {
                data |= handler.mmioRead(index, gpa + at, size) << 8 * at;
            }
            at += size;
        }
        if (!write) {
            run.mmioData(data);
        }
    }

    /** Before a run, with local APICs of ours: hands over what the guest can take, or asks to be told when it can. */
    private void offerInterrupts() {
        if (interrupts.nmiPending() && interrupts.takeNmi()) {
            vcpu.nmi();
        }
        boolean ready = run.readyForInterruptInjection() && !readinessStale;
        readinessStale = false;
        if (ready && interrupts.pendingVector() >= 0) {
            int vector = interrupts.acknowledge();
            if (vector >= 0) {
                vcpu.interrupt(vector);
            }
        }
        run.requestInterruptWindow(interrupts.pendingVector() >= 0);
        lastCr8 = interrupts.cr8();
        run.cr8(lastCr8);
    }

    private void takeCr8() {
        int cr8 = (int) run.cr8();
        if (cr8 != lastCr8) {
            lastCr8 = cr8;
            interrupts.setCr8(cr8);
        }
    }

    @Override
    public void kick() {
        kickWanted = true;
        vcpu.kick();
    }

    @Override
    public void interruptsChanged() {
        vcpu.kick();
    }

    @Override
    public boolean wakeable() {
        if (interrupts == null) {
            return true; // the kernel waits itself
        }
        return switch (activity) {
            case RUNNING -> true;
            case HALTED -> interrupts.nmiPending() || interrupts.initPending()
                    || haltedWithInterruptsOn && interrupts.pendingVector() >= 0;
            case WAIT_FOR_INIT, WAIT_FOR_SIPI -> interrupts.initPending() || interrupts.sipiPending();
        };
    }

    // ---- state ----

    @Override
    public void getState(VpState into) {
        codec.get(into);
        if (interrupts != null) {
            into.activity = activity;
        }
    }

    @Override
    public void setState(VpState from) {
        if (index == 0) {
            partition.restarted();
        }
        codec.set(from);
        activity = from.activity;
        haltedWithInterruptsOn = (from.rflags & RFLAGS_IF) != 0;
        readinessStale = true;
        stoppedAt = -1;
        failure = "";
    }

    // ---- inside an intercept ----

    @Override
    public long register(int gpr) {
        return registers().gpr(gpr);
    }

    @Override
    public void setRegister(int gpr, long value) {
        registers().gpr(gpr, value);
        // RIP goes back as it came: the kernel itself completes the instruction under way.
        if (synced) {
            run.syncDirty(KvmRun.SYNC_REGS);
        } else {
            vcpu.setRegs();
        }
    }

    private KvmRegs registers() {
        if (synced) {
            return run.syncRegs();
        }
        syncWanted = canSync;
        if (!fetched) {
            fetched = true;
            return vcpu.getRegs();
        }
        return vcpu.regs();
    }

    @Override
    public long tsc() {
        vcpu.getMsrs(tscMsr);
        return tscMsr.value(0);
    }

    void setCpuid(List<KvmCpuidEntry> entries) {
        vcpu.setCpuid(entries);
    }

    /** Puts the in-kernel local APIC back to what it was when made. */
    void resetLapic() {
        codec.resetLapic();
    }

    @Override
    public long translate(long gva) {
        return vcpu.translate(gva);
    }

    @Override
    public long instructions() {
        return -1;
    }

    @Override
    public boolean lacksInstruction() {
        return run.exitReason() == KvmExit.INTERNAL_ERROR && run.internalSuberror() == KvmRun.INTERNAL_ERROR_EMULATION;
    }

    // ---- debugging ----

    @Override
    public void debug(long[] at, boolean step) {
        breakpoints = at.clone();
        singleStep = step;
        applyDebug();
    }

    private void applyDebug() {
        // More breakpoints than the processor has: step through everything and compare. Slow, but no memory is patched.
        boolean stepping = singleStep || breakpoints.length > HARDWARE_BREAKPOINTS;
        if (!stepping && breakpoints.length == 0) {
            vcpu.setGuestDebug(0);
            return;
        }
        int control = KvmVcpu.DEBUG_ENABLE | (stepping ? KvmVcpu.DEBUG_SINGLE_STEP : 0);
        long[] dr = new long[8];
        if (!stepping) {
            control |= KvmVcpu.DEBUG_HARDWARE_BREAKPOINTS;
            dr[7] = DR7_FIXED;
            for (int i = 0; i < breakpoints.length; i++) {
                dr[i] = breakpoints[i];
                dr[7] |= DR7_GLOBAL << 2 * i;
            }
        }
        vcpu.setGuestDebug(control, dr);
    }

    // RF keeps an instruction breakpoint from firing once more at the same place (SDM vol. 3, 17.3.1.1).
    private void passBreakpoint() {
        KvmRegs regs = vcpu.getRegs();
        long base = (vcpu.getSregs().accessRights(VpState.CS) & 1 << 13) != 0 ? 0 : vcpu.sregs().base(VpState.CS);
        if (regs.rip() + base == stoppedAt && breakpoints.length > 0) {
            regs.rflags(regs.rflags() | RFLAGS_RF);
            vcpu.setRegs();
        }
        stoppedAt = -1;
    }

    @Override
    public String explain() {
        StringBuilder s = new StringBuilder();
        if (!failure.isEmpty()) {
            s.append(failure).append(System.lineSeparator());
        }
        VpState state = new VpState();
        try {
            getState(state);
            s.append(state.dump());
            s.append(codeAt(state));
        } catch (ErrnoException e) {
            s.append("state cannot be read: ").append(e.getMessage());
        }
        return s.toString();
    }

    private String codeAt(VpState state) {
        boolean longMode = (state.seg[VpState.CS].attributes() & 1 << 13) != 0;
        long linear = longMode ? state.rip : state.rip + state.seg[VpState.CS].base();
        StringBuilder s = new StringBuilder("code at RIP:");
        GpaSpace gpa = partition.gpa();
        for (int i = 0; i < 16; i++) {
            long physical = vcpu.translate(linear + i);
            if (physical == -1 || gpa.hostOffset(physical) < 0) {
                return s.append(" not in memory").append(System.lineSeparator()).toString();
            }
            s.append(String.format(" %02x", gpa.read8(physical)));
        }
        return s.append(System.lineSeparator()).toString();
    }

    @Override
    public void close() {
        vcpu.close();
    }
}
