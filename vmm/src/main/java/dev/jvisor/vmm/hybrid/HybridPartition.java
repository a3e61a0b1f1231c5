package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.SupervisorVp;
import dev.jvisor.vmm.backend.UserPartition;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;

/** A partition of the software CPU whose user code KVM executes. */
final class HybridPartition implements BackendPartition {
    private final BackendPartition supervisor;
    private final UserPartition user;
    private final GpaSpace gpa;

    HybridPartition(BackendPartition supervisor, UserPartition user, GpaSpace gpa) {
        this.gpa = gpa;
        this.supervisor = supervisor;
        this.user = user;
    }

    @Override
    public BackendConfig.Irqchip irqchip() {
        return supervisor.irqchip();
    }

    @Override
    public InterruptController interruptController() {
        return supervisor.interruptController();
    }

    @Override
    public long tscHz() {
        return supervisor.tscHz();
    }

    @Override
    public CpuidTable cpuid() {
        return supervisor.cpuid();
    }

    @Override
    public void setCpuid(CpuidTable table) {
        supervisor.setCpuid(table);
    }

    @Override
    public BackendVp createVp(int index, VpInterrupts interrupts) {
        return new HybridVp((SupervisorVp) supervisor.createVp(index, interrupts), user.createUserVp(index), gpa);
    }

    @Override
    public void close() {
        user.close();
        supervisor.close();
    }
}
