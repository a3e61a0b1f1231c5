package dev.jvisor.vmm.dummy;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import java.util.List;

/** A backend without a processor: its VPs are what a test makes of them. CPUID is a table, and interrupt controllers are the partition's. */
public abstract class DummyBackend implements Backend {
    private final List<CpuidTable.Entry> cpuid;

    /** @param cpuid the table to begin with */
    protected DummyBackend(CpuidTable.Entry... cpuid) {
        this.cpuid = List.of(cpuid);
    }

    /** {@return a VP, most likely a {@link DummyVp}} */
    protected abstract BackendVp createVp(int index, VpInterrupts interrupts, BackendConfig config);

    @Override
    public String name() {
        return "dummy";
    }

    @Override
    public String describe() {
        return "dummy";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new BackendPartition() {
            private CpuidTable table = new CpuidTable(cpuid);

            @Override
            public Irqchip irqchip() {
                return Irqchip.USER;
            }

            @Override
            public InterruptController interruptController() {
                return null;
            }

            @Override
            public CpuidTable cpuid() {
                return table;
            }

            @Override
            public void setCpuid(CpuidTable newTable) {
                table = newTable;
            }

            @Override
            public BackendVp createVp(int index, VpInterrupts interrupts) {
                return DummyBackend.this.createVp(index, interrupts, config);
            }

            @Override
            public void close() { }
        };
    }

    @Override
    public void close() { }
}
