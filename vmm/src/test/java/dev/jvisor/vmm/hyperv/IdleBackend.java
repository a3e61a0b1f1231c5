package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.Clock;
import java.util.List;

/** A backend whose VPs execute nothing: a test does what the guest would. The TSC is the clock in nanoseconds. */
final class IdleBackend implements Backend {
    /** Register files of the VPs. */
    final long[][] registers = new long[64][16];
    /** Ticks that the guest's TSC is ahead of the clock. */
    volatile long tscOffset;

    @Override
    public String name() {
        return "idle";
    }

    @Override
    public String describe() {
        return "idle";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new IdlePartition(config.clock());
    }

    @Override
    public void close() { }

    private final class IdlePartition implements BackendPartition {
        private final Clock clock;
        private CpuidTable cpuid = new CpuidTable(List.of(new CpuidTable.Entry(1, CpuidTable.ANY, 0, 0, 0, 0),
                new CpuidTable.Entry(0x40000000, CpuidTable.ANY, 0x40000001, 1, 2, 3),
                new CpuidTable.Entry(0x40000100, CpuidTable.ANY, 0x40000101, 1, 2, 3),
                new CpuidTable.Entry(0x80000007, CpuidTable.ANY, 0, 0, 0, 1 << 8)));

        IdlePartition(Clock clock) {
            this.clock = clock;
        }

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
            return cpuid;
        }

        @Override
        public void setCpuid(CpuidTable table) {
            cpuid = table;
        }

        @Override
        public BackendVp createVp(int index, VpInterrupts interrupts) {
            return new IdleVp(index, clock);
        }

        @Override
        public void close() { }
    }

    private final class IdleVp implements BackendVp {
        private final int index;
        private final Clock clock;

        IdleVp(int index, Clock clock) {
            this.index = index;
            this.clock = clock;
        }

        @Override
        public int index() {
            return index;
        }

        @Override
        public VpExit run(InterceptHandler handler) {
            return VpExit.HALT;
        }

        @Override
        public void kick() { }

        @Override
        public void interruptsChanged() { }

        @Override
        public boolean wakeable() {
            return false;
        }

        @Override
        public void getState(VpState into) { }

        @Override
        public void setState(VpState from) { }

        @Override
        public void debug(long[] breakpoints, boolean singleStep) { }

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
            return clock.nowNs() + tscOffset;
        }

        @Override
        public long translate(long gva) {
            return gva;
        }

        @Override
        public long instructions() {
            return -1;
        }

        @Override
        public String explain() {
            return "";
        }

        @Override
        public void close() { }
    }
}
