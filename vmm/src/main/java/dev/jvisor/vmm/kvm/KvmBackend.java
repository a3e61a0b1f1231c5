package dev.jvisor.vmm.kvm;

import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.nativebindings.KvmCap;
import dev.jvisor.nativebindings.KvmVcpu;
import dev.jvisor.nativebindings.KvmVm;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.UserPartition;
import dev.jvisor.vmm.memory.GpaSpace;

/** The engine behind {@code /dev/kvm}. Thread-safe. */
public final class KvmBackend implements Backend {
    private final Kvm kvm;
    private final long tscHz;

    private KvmBackend(Kvm kvm) {
        this.kvm = kvm;
        try (KvmVm vm = kvm.createVm(); KvmVcpu vcpu = vm.createVcpu(0)) {
            // Asked of a vCPU since older kernels tell it only there.
            tscHz = vcpu.tscKhz() * 1000L;
        }
    }

    /**
     * Opens {@code /dev/kvm}.
     *
     * @throws dev.jvisor.nativebindings.ErrnoException when it is missing (ENOENT) or forbidden (EACCES)
     * @throws UnsupportedOperationException when it speaks another API version
     */
    public static KvmBackend open() {
        Kvm kvm = Kvm.open();
        try {
            int version = kvm.apiVersion();
            if (version != Kvm.API_VERSION) {
                throw new UnsupportedOperationException("KVM API version " + version + " is not " + Kvm.API_VERSION);
            }
            return new KvmBackend(kvm);
        } catch (RuntimeException e) {
            kvm.close();
            throw e;
        }
    }

    @Override
    public String name() {
        return "kvm";
    }

    @Override
    public String describe() {
        return "KVM through " + Kvm.DEVICE + ", API " + Kvm.API_VERSION + ", at most " + kvm.checkExtension(KvmCap.MAX_VCPUS)
                + " processors, TSC " + tscHz / 1_000_000 + " MHz";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new KvmPartition(kvm, tscHz, gpa, config);
    }

    /** {@return ticks a second of the time-stamp counter that guests see} */
    public long tscHz() {
        return tscHz;
    }

    /**
     * Makes what runs the user code of a partition whose VPs are another engine's.
     *
     * @param gpa its address space; listened to until the partition is closed
     */
    public UserPartition createUserPartition(GpaSpace gpa, int processors) {
        return new KvmPartition(kvm, tscHz, gpa, new BackendConfig(processors, BackendConfig.Irqchip.USER, null, null));
    }

    @Override
    public void close() {
        kvm.close();
    }
}
