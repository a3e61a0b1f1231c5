package dev.jvisor.devices.testing;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.dummy.DummyBackend;
import dev.jvisor.vmm.dummy.DummyVp;
import dev.jvisor.vmm.state.VpState;
import java.util.function.Consumer;

/** A backend whose guest is a piece of Java: each start runs it once and then halts. */
public final class ScriptedBackend extends DummyBackend {
    /** General registers of each VP, for tests to play a hypercall with. */
    public final long[][] registers = new long[64][16];

    private final Consumer<InterceptHandler> guest;

    /** @param guest what VP 0 does */
    public ScriptedBackend(Consumer<InterceptHandler> guest) {
        this.guest = guest;
    }

    @Override
    protected BackendVp createVp(int index, VpInterrupts interrupts, BackendConfig config) {
        return new ScriptedVp(index);
    }

    private final class ScriptedVp extends DummyVp {
        private volatile boolean kicked;
        private boolean done;

        ScriptedVp(int index) {
            super(index);
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
        public void getState(VpState into) {
            into.rflags = 0x202; // interrupts on: halted is not halted for ever
        }

        @Override
        public void setState(VpState from) {
            done = false;
        }

        @Override
        public long register(int gpr) {
            return registers[index()][gpr];
        }

        @Override
        public void setRegister(int gpr, long value) {
            registers[index()][gpr] = value;
        }

        @Override
        public long tsc() {
            return 0;
        }
    }
}
