package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.nativebindings.KvmCap;
import dev.jvisor.nativebindings.KvmVcpu;
import dev.jvisor.nativebindings.KvmVm;
import dev.jvisor.nativebindings.MsrRange;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.UserPartition;
import dev.jvisor.vmm.backend.UserVp;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** A partition as a KVM virtual machine. */
final class KvmPartition implements BackendPartition, UserPartition {
    /** One page for VT-x's identity map and three for its real-mode TSS, between the local APICs and the firmware ROM. */
    private static final long IDENTITY_MAP = 0xFEFF_C000L;
    private static final long REAL_MODE_TSS = 0xFEFF_D000L;

    private static final int MSR_APIC_BASE = 0x1B;
    private static final int MSR_TSC_DEADLINE = 0x6E0;
    /** Synthetic MSRs of the TLFS (section 2.x of its appendix A): 0x40000000 to 0x400001FF. */
    private static final MsrRange SYNTHETIC_MSRS = new MsrRange(0x40000000, 0x200, true, true);

    private final Kvm kvm;
    private final KvmVm vm;
    private final GpaSpace gpa;
    private final KvmMemory memory;
    private final BackendConfig.Irqchip irqchip;
    private final KvmInterruptController controller;
    private final long tscHz;
    private final Clock clock;
    private final AtomicInteger running = new AtomicInteger();
    private final List<KvmVp> vps = new CopyOnWriteArrayList<>();
    private final List<KvmUserVp> users = new CopyOnWriteArrayList<>();
    /** Slots may be taken away for a moment by who holds it for writing. */
    private final ReentrantReadWriteLock slotGuard = new ReentrantReadWriteLock();
    private volatile CpuidTable cpuid;

    KvmPartition(Kvm kvm, long tscHz, GpaSpace gpa, BackendConfig config) {
        this.kvm = kvm;
        this.tscHz = tscHz;
        this.clock = config.clock();
        this.gpa = gpa;
        irqchip = available(kvm, config.irqchip());
        cpuid = config.cpuid() != null ? config.cpuid()
                : CpuFeature.mask(KvmCpuid.defaultTable(kvm.supportedCpuid(), config.processors(), irqchip), config.cpu());
        vm = kvm.createVm();
        try {
            vm.setIdentityMapAddress(IDENTITY_MAP);
            vm.setTssAddress(REAL_MODE_TSS);
            controller = irqchip == BackendConfig.Irqchip.USER ? null : new KvmInterruptController(vm, irqchip);
            routeMsrs();
            memory = new KvmMemory(vm, gpa);
            gpa.addListener(memory);
        } catch (RuntimeException e) {
            vm.close();
            throw e;
        }
    }

    private static BackendConfig.Irqchip available(Kvm kvm, BackendConfig.Irqchip wanted) {
        return switch (wanted) {
            case BACKEND -> kvm.checkExtension(KvmCap.IRQCHIP) > 0 && kvm.checkExtension(KvmCap.PIT2) > 0
                    ? wanted : BackendConfig.Irqchip.USER;
            case SPLIT -> kvm.checkExtension(KvmCap.SPLIT_IRQCHIP) > 0 ? wanted : BackendConfig.Irqchip.USER;
            case USER -> wanted;
        };
    }

    private void routeMsrs() {
        if (kvm.checkExtension(KvmCap.X86_USER_SPACE_MSR) == 0) {
            return;
        }
        // Refused accesses come here too: without an in-kernel APIC that is how its x2APIC registers look to KVM.
        vm.enableUserSpaceMsrs(KvmVm.MSR_REASON_INVALID | KvmVm.MSR_REASON_UNKNOWN | KvmVm.MSR_REASON_FILTER);
        if (kvm.checkExtension(KvmCap.X86_MSR_FILTER) == 0) {
            return;
        }
        List<MsrRange> ours = new ArrayList<>(List.of(SYNTHETIC_MSRS));
        if (irqchip == BackendConfig.Irqchip.USER) {
            ours.add(new MsrRange(MSR_APIC_BASE, 1, true, true));
            ours.add(new MsrRange(MSR_TSC_DEADLINE, 1, true, true));
        }
        vm.setMsrFilter(ours);
    }

    @Override
    public BackendConfig.Irqchip irqchip() {
        return irqchip;
    }

    @Override
    public InterruptController interruptController() {
        return controller;
    }

    @Override
    public CpuidTable cpuid() {
        return cpuid;
    }

    @Override
    public void setCpuid(CpuidTable table) {
        cpuid = table;
        for (KvmVp vp : vps) {
            vp.setCpuid(KvmCpuid.forVp(table, vp.index()));
        }
    }

    @Override
    public long tscHz() {
        return tscHz;
    }

    @Override
    public BackendVp createVp(int index, VpInterrupts interrupts) {
        if (interrupts == null && irqchip == BackendConfig.Irqchip.USER) {
            throw new IllegalArgumentException("a VP without in-kernel local APIC needs interrupts: index=" + index);
        }
        KvmVcpu vcpu = vm.createVcpu(index);
        try {
            vcpu.setCpuid(KvmCpuid.forVp(cpuid, index));
            if (index == 0) {
                // Some kernels add what they cannot hide.
                cpuid = KvmCpuid.fromKernel(vcpu.getCpuid());
            }
            VpStateCodec codec = new VpStateCodec(vcpu, irqchip != BackendConfig.Irqchip.USER, kvm.msrIndexList(), clock, tscHz);
            KvmVp vp = new KvmVp(index, vcpu, codec, this, irqchip == BackendConfig.Irqchip.USER ? interrupts : null,
                    kvm.checkExtension(KvmCap.SYNC_REGS) > 0);
            if (controller != null) {
                controller.connect(vp);
            }
            vps.add(vp);
            return vp;
        } catch (RuntimeException e) {
            vcpu.close();
            throw e;
        }
    }

    @Override
    public UserVp createUserVp(int index) {
        KvmVcpu vcpu = vm.createVcpu(index);
        try {
            vcpu.setCpuid(KvmCpuid.forVp(cpuid, index));
            KvmUserVp vp = new KvmUserVp(vcpu, index, slotGuard.readLock(), this::forgetTranslations);
            users.add(vp);
            return vp;
        } catch (RuntimeException e) {
            vcpu.close();
            throw e;
        }
    }

    private void forgetTranslations() {
        users.forEach(KvmUserVp::nudge);
        slotGuard.writeLock().lock();
        try {
            memory.renew();
        } finally {
            slotGuard.writeLock().unlock();
        }
    }

    GpaSpace gpa() {
        return gpa;
    }

    /** Counts VPs inside {@link KvmVp#run}. */
    AtomicInteger running() {
        return running;
    }

    /** The first VP was given a new state: a reset or a restore, in which the host has rewritten memory too. */
    void restarted() {
        if (running.get() == 0) {
            memory.renew();
        }
    }

    @Override
    public void close() {
        gpa.removeListener(memory);
        vm.close();
    }
}
