package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.VpInterrupts;

/** A partition of one engine, and beside it the same of another that helps out. */
final class AssistedPartition implements BackendPartition {
    private final BackendPartition main;
    private final BackendPartition assistant;

    AssistedPartition(BackendPartition main, BackendPartition assistant) {
        this.main = main;
        this.assistant = assistant;
    }

    @Override
    public BackendConfig.Irqchip irqchip() {
        return main.irqchip();
    }

    @Override
    public InterruptController interruptController() {
        return main.interruptController();
    }

    @Override
    public long tscHz() {
        return main.tscHz();
    }

    @Override
    public CpuidTable cpuid() {
        return main.cpuid();
    }

    @Override
    public void setCpuid(CpuidTable table) {
        main.setCpuid(table);
        assistant.setCpuid(main.cpuid());
    }

    @Override
    public BackendVp createVp(int index, VpInterrupts interrupts) {
        // The assistant executes one instruction at a time; what is due between instructions is the main engine's.
        return new AssistedVp(main.createVp(index, interrupts), assistant.createVp(index, VpInterrupts.NONE));
    }

    @Override
    public void close() {
        assistant.close();
        main.close();
    }
}
