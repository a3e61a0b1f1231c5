package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.dummy.DummyBackend;
import dev.jvisor.vmm.dummy.DummyVp;

/** A backend whose VPs execute nothing: a test does what the guest would. The TSC is the clock in nanoseconds. */
final class IdleBackend extends DummyBackend {
    /** Register files of the VPs. */
    final long[][] registers = new long[64][16];
    /** Ticks that the guest's TSC is ahead of the clock. */
    volatile long tscOffset;

    IdleBackend() {
        super(new CpuidTable.Entry(1, CpuidTable.ANY, 0, 0, 0, 0), new CpuidTable.Entry(0x40000000, CpuidTable.ANY, 0x40000001, 1, 2, 3),
                new CpuidTable.Entry(0x40000100, CpuidTable.ANY, 0x40000101, 1, 2, 3),
                new CpuidTable.Entry(0x80000007, CpuidTable.ANY, 0, 0, 0, 1 << 8));
    }

    @Override
    protected BackendVp createVp(int index, VpInterrupts interrupts, BackendConfig config) {
        return new DummyVp(index) {
            @Override
            public long register(int gpr) {
                return registers[index][gpr];
            }

            @Override
            public void setRegister(int gpr, long value) {
                registers[index][gpr] = value;
            }

            @Override
            public long tsc() {
                return config.clock().nowNs() + tscOffset;
            }
        };
    }
}
