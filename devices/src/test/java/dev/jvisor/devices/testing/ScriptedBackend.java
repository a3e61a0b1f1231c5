package dev.jvisor.devices.testing;

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
import java.util.List;
import java.util.function.Consumer;

/** A backend whose guest is a piece of Java: each start runs it once and then halts. */
public final class ScriptedBackend implements Backend {
    /** General registers of each VP, for tests to play a hypercall with. */
    public final long[][] registers = new long[64][16];

    private final Consumer<InterceptHandler> guest;

    /** @param guest what VP 0 does */
    public ScriptedBackend(Consumer<InterceptHandler> guest) {
        this.guest = guest;
    }

    @Override
    public String name() {
        return "scripted";
    }

    @Override
    public String describe() {
        return "scripted";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new BackendPartition() {
            private CpuidTable cpuid = new CpuidTable(List.of());

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
                return new ScriptedVp(index);
            }

            @Override
            public void close() { }
        };
    }

    @Override
    public void close() { }

    private final class ScriptedVp implements BackendVp {
        private final int index;
        private volatile boolean kicked;
        private boolean done;

        ScriptedVp(int index) {
            this.index = index;
        }

        @Override
        public int index() {
            return index;
        }

        @Override
        public VpExit run(InterceptHandler handler) {
            if (!kicked && !done) {
                done = true;
                guest.accept(handler);
            }
            boolean k = kicked;
            kicked = false;
            return k ? VpExit.KICKED : VpExit.HALT;
        }

        @Override
        public void kick() {
            kicked = true;
        }

        @Override
        public void interruptsChanged() { }

        @Override
        public boolean wakeable() {
            return false;
        }

        @Override
        public void getState(VpState into) {
            into.rflags = 0x202; // interrupts on: halted is not halted for ever
        }

        @Override
        public void setState(VpState from) {
            done = false;
        }

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
            return 0;
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
            return "scripted";
        }

        @Override
        public void close() { }
    }
}
