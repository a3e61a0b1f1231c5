package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.nativebindings.KvmExit;
import dev.jvisor.nativebindings.KvmMsrs;
import dev.jvisor.nativebindings.KvmRegs;
import dev.jvisor.nativebindings.KvmRun;
import dev.jvisor.nativebindings.KvmSregs;
import dev.jvisor.nativebindings.KvmVcpu;
import dev.jvisor.nativebindings.KvmVcpuEvents;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.UserVp;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.Arrays;
import java.util.concurrent.locks.Lock;

/**
 * A vCPU that only ever executes 64-bit code at CPL 3. It has the guest's page tables, but an interrupt descriptor table of no entries: any
 * exception becomes a triple fault, upon which KVM leaves with the registers as the instruction found them, and the other engine executes
 * that instruction. SYSCALL goes to an address where nothing can be, and is known by it. Interrupts are not injected: a kick brings the VP
 * back, and the other engine delivers them.
 *
 * <p>Source: measured, KVM-PVM on Linux 6.18; that KVM keeps registers on a triple fault, and SYSCALL's registers when its target faults.
 */
final class KvmUserVp implements UserVp {
    private static final int MSR_STAR = 0xC0000081;
    private static final int MSR_LSTAR = 0xC0000082;
    private static final int MSR_CSTAR = 0xC0000083;
    private static final int MSR_FMASK = 0xC0000084;
    /** The hole between user and kernel addresses that KVM-PVM keeps for itself, and that guests leave alone. */
    private static final long NOWHERE = 0xFFFF_8000_0000_0000L;
    /** Selectors as in Linux' GDT; user code can see them, and the other engine keeps the true ones. */
    private static final SegmentState CODE = new SegmentState(0x33, 0, -1, 0xA0FB);
    private static final SegmentState DATA = new SegmentState(0x2B, 0, -1, 0xC0F3);
    /** Too short for a bitmap of ports: IN and OUT fault. */
    private static final SegmentState TASK = new SegmentState(0x40, 0, 0x65, 0x8B);
    private static final long STAR = 0x0023_0010_0000_0000L;
    private static final long CR4_FSGSBASE = 1 << 16;
    /** TSD, PAE, PGE, OSFXSR, OSXMMEXCPT, UMIP, FSGSBASE, OSXSAVE: what user code feels. A kernel may refuse the others. */
    private static final long CR4_USER = 0x4 | 0x20 | 0x80 | 0x200 | 0x400 | 0x800 | CR4_FSGSBASE | 0x40000;
    private static final int SYSCALL_BYTES = 2;
    private static final int RCX = 1, R11 = 11;
    private static final long RFLAGS_RF = 1 << 16;
    private static final long SYNC = KvmRun.SYNC_REGS | KvmRun.SYNC_SREGS | KvmRun.SYNC_EVENTS;

    private final KvmVcpu vcpu;
    private final KvmRun run;
    private final int index;
    private final Lock guard;
    private final Runnable forget;
    private final KvmMsrs tsc = new KvmMsrs(VpState.IA32_TSC);
    /** x87, SSE and AVX registers as the vCPU has them. */
    private final VpState fpu = new VpState();
    private boolean fpuKnown;
    private boolean prepared;
    /** What the kernel has not taken from the run page yet: a kick may come before the vCPU runs. */
    private long dirty;
    private long cr4Mask = CR4_USER;
    private long xcr0 = -1;
    private volatile boolean kickWanted;
    private int lastException = -1;

    /**
     * Makes the VP.
     *
     * @param guard held while the vCPU runs, so that memory slots do not go away under it
     * @param forget has the kernel forget what it made of the guest's page tables; not with the guard held
     */
    KvmUserVp(KvmVcpu vcpu, int index, Lock guard, Runnable forget) {
        this.vcpu = vcpu;
        this.run = vcpu.runPage();
        this.index = index;
        this.guard = guard;
        this.forget = forget;
    }

    @Override
    public Leave runUser(VpState s, InterceptHandler handler) {
        enter(s);
        Leave leave = loop(handler);
        leave(s);
        return leave == Leave.INSTRUCTION ? whatWas(s) : leave;
    }

    private Leave loop(InterceptHandler handler) {
        while (true) {
            if (kickWanted) {
                kickWanted = false;
                return Leave.KICKED;
            }
            int reason;
            guard.lock();
            try {
                reason = vcpu.run();
                dirty = 0;
            } finally {
                guard.unlock();
            }
            switch (reason) {
                case KvmExit.MMIO -> KvmVp.mmio(run, index, handler);
                case KvmExit.INTERRUPTED, KvmExit.INTR, KvmExit.IRQ_WINDOW_OPEN -> { }
                default -> {
                    return Leave.INSTRUCTION;
                }
            }
        }
    }

    private void enter(VpState s) {
        dirty |= KvmRun.SYNC_REGS | KvmRun.SYNC_EVENTS;
        if (!prepared) {
            prepare(s);
        }
        KvmRegs regs = run.syncRegs();
        for (int i = 0; i < 16; i++) {
            regs.gpr(i, s.gpr[i]);
        }
        regs.rip(s.rip);
        regs.rflags(s.rflags | 2);
        KvmSregs sregs = run.syncSregs();
        if (sregs.cr3() != s.cr3 || sregs.cr0() != s.cr0 || sregs.cr4() != (s.cr4 & cr4Mask) || sregs.efer() != s.efer
                || sregs.base(VpState.FS) != s.seg[VpState.FS].base() || sregs.base(VpState.GS) != s.seg[VpState.GS].base()) {
            control(sregs, s);
            dirty |= KvmRun.SYNC_SREGS;
        }
        if (xcr0 != s.xcr0) {
            xcr0 = s.xcr0;
            vcpu.setXcr0(xcr0);
        }
        if (!fpuKnown || !sameFpu(s, fpu)) {
            VpStateCodec.writeFpu(s, vcpu.xsave());
            vcpu.setXsave();
            copyFpu(s, fpu);
            fpuKnown = true;
        }
        run.syncEvents().clear();
        run.syncDirty(dirty);
        run.syncValid(SYNC);
    }

    private void control(KvmSregs sregs, VpState s) {
        sregs.cr0(s.cr0);
        sregs.cr3(s.cr3);
        sregs.cr4(s.cr4 & cr4Mask);
        sregs.efer(s.efer);
        base(sregs, VpState.FS, s.seg[VpState.FS].base());
        base(sregs, VpState.GS, s.seg[VpState.GS].base());
    }

    private static void base(KvmSregs sregs, int segment, long base) {
        sregs.segment(segment, DATA.selector(), base, DATA.limit(), DATA.attributes());
    }

    /** What stays as it is for the life of the vCPU. */
    private void prepare(VpState s) {
        prepared = true;
        KvmSregs sregs = vcpu.getSregs();
        for (int i = 0; i < 6; i++) {
            SegmentState x = i == VpState.CS ? CODE : DATA;
            sregs.segment(i, x.selector(), x.base(), x.limit(), x.attributes());
        }
        sregs.segment(KvmSregs.TR, TASK.selector(), TASK.base(), TASK.limit(), TASK.attributes());
        sregs.gdt(0, 0);
        sregs.idt(0, 0);
        sregs.pendingInterrupt(-1);
        control(sregs, s);
        try {
            vcpu.setSregs();
        } catch (ErrnoException e) {
            // RDFSBASE and its like then go to the other engine.
            cr4Mask &= ~CR4_FSGSBASE;
            control(sregs, s);
            vcpu.setSregs();
        }
        run.syncSregs().copy(sregs);
        KvmMsrs msrs = new KvmMsrs(MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK);
        msrs.value(0, STAR);
        msrs.value(1, NOWHERE);
        msrs.value(2, NOWHERE);
        msrs.value(3, 0);
        vcpu.setMsrs(msrs);
        // Components that are no part of a VpState have their first values.
        vcpu.getXsave();
    }

    private void leave(VpState s) {
        KvmRegs regs = run.syncRegs();
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = regs.gpr(i);
        }
        s.rip = regs.rip();
        s.rflags = regs.rflags() & ~RFLAGS_RF;
        KvmSregs sregs = run.syncSregs();
        base(s, VpState.FS, sregs.base(VpState.FS));
        base(s, VpState.GS, sregs.base(VpState.GS));
        VpStateCodec.readFpu(vcpu.getXsave(), s);
        copyFpu(s, fpu);
    }

    private static void base(VpState s, int segment, long base) {
        SegmentState x = s.seg[segment];
        if (x.base() != base) {
            s.seg[segment] = new SegmentState(x.selector(), base, x.limit(), x.attributes());
        }
    }

    /** Finds out how the instruction is to be seen: SYSCALL has moved RIP on. */
    private Leave whatWas(VpState s) {
        if (s.rip == NOWHERE) {
            s.rip = s.gpr[RCX] - SYSCALL_BYTES;
            s.rflags = s.gpr[R11];
            return Leave.SYSCALL;
        }
        KvmVcpuEvents e = run.syncEvents();
        lastException = e.exceptionVector();
        return Leave.INSTRUCTION;
    }

    private static boolean sameFpu(VpState a, VpState b) {
        return a.fcw == b.fcw && a.fsw == b.fsw && a.ftw == b.ftw && a.mxcsr == b.mxcsr && a.fop == b.fop && a.fip == b.fip && a.fdp == b.fdp
                && Arrays.equals(a.ymm, b.ymm) && Arrays.equals(a.x87Mantissa, b.x87Mantissa) && Arrays.equals(a.x87Exponent, b.x87Exponent);
    }

    private static void copyFpu(VpState from, VpState to) {
        to.fcw = from.fcw;
        to.fsw = from.fsw;
        to.ftw = from.ftw;
        to.fop = from.fop;
        to.fip = from.fip;
        to.fdp = from.fdp;
        to.mxcsr = from.mxcsr;
        System.arraycopy(from.x87Mantissa, 0, to.x87Mantissa, 0, 8);
        System.arraycopy(from.x87Exponent, 0, to.x87Exponent, 0, 8);
        System.arraycopy(from.ymm, 0, to.ymm, 0, to.ymm.length);
    }

    @Override
    public int lastException() {
        return lastException;
    }

    @Override
    public void kick() {
        kickWanted = true;
        vcpu.kick();
    }

    /** Makes the run under way, or the next one, end and begin again. Any thread. */
    void nudge() {
        vcpu.kick();
    }

    @Override
    public void forgetTranslations() {
        forget.run();
    }

    @Override
    public long tsc() {
        vcpu.getMsrs(tsc);
        return tsc.value(0);
    }

    @Override
    public void close() {
        vcpu.close();
    }
}
