package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.SoftwareBackend;

/** KVM for user code, the software CPU for all else. Thread-safe. */
public final class HybridBackend implements Backend {
    private final KvmBackend kvm;
    private final SoftwareBackend software = new SoftwareBackend();

    /** Makes it of a KVM, which it closes with itself. */
    public HybridBackend(KvmBackend kvm) {
        this.kvm = kvm;
    }

    @Override
    public String name() {
        return "kvm";
    }

    @Override
    public String describe() {
        return kvm.describe() + "; user code only, supervisor code on the " + software.describe();
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        BackendConfig sameTsc = new BackendConfig(config.processors(), config.irqchip(), config.cpuid(), config.cpu(), config.clock(),
                config.random(), kvm.tscHz());
        return new HybridPartition(software.createPartition(gpa, sameTsc), kvm.createUserPartition(gpa, config.processors()), gpa);
    }

    @Override
    public void close() {
        kvm.close();
    }
}
