package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.SoftwareBackend;

/** KVM, with the software CPU at hand for the instructions that KVM has to emulate and cannot. Thread-safe. */
public final class AssistedBackend implements Backend {
    private final KvmBackend kvm;
    private final SoftwareBackend software = new SoftwareBackend();

    /** Makes it of a KVM, which it closes with itself. */
    public AssistedBackend(KvmBackend kvm) {
        this.kvm = kvm;
    }

    @Override
    public String name() {
        return kvm.name();
    }

    @Override
    public String describe() {
        return kvm.describe();
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        BackendPartition main = kvm.createPartition(gpa, config);
        try {
            return new AssistedPartition(main, software.createPartition(gpa,
                    new BackendConfig(config.processors(), BackendConfig.Irqchip.USER, main.cpuid(), config.cpu(), config.clock(),
                            config.random(), main.tscHz())));
        } catch (RuntimeException e) {
            main.close();
            throw e;
        }
    }

    @Override
    public void close() {
        kvm.close();
    }
}
