package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.dummy.DummyBackend;
import dev.jvisor.vmm.dummy.DummyVp;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.List;

/** A backend whose guest is a Java lambda called once for each run. */
final class FakeBackend extends DummyBackend {
    /** What a VP "executes". */
    interface Guest {
        VpExit run(FakeVp vp, InterceptHandler handler);
    }

    final Guest guest;
    final List<FakeVp> vps = new ArrayList<>();

    FakeBackend(Guest guest) {
        this.guest = guest;
    }

    @Override
    protected BackendVp createVp(int index, VpInterrupts interrupts, BackendConfig config) {
        FakeVp vp = new FakeVp(index, interrupts);
        vps.add(vp);
        return vp;
    }

    final class FakeVp extends DummyVp {
        final VpInterrupts interrupts;
        final VpState state = new VpState();
        volatile boolean kicked;
        int runs;
        long[] breakpoints = {};

        FakeVp(int index, VpInterrupts interrupts) {
            super(index);
            this.interrupts = interrupts;
        }

        @Override
        public VpExit run(InterceptHandler handler) {
            if (kicked) {
                kicked = false;
                return VpExit.KICKED;
            }
            runs++;
            return guest.run(this, handler);
        }

        @Override
        public void kick() {
            kicked = true;
        }

        @Override
        public boolean wakeable() {
            return (state.rflags & 0x200) != 0 && interrupts.pendingVector() >= 0 || interrupts.nmiPending();
        }

        @Override
        public void getState(VpState into) {
            into.rip = state.rip;
            into.rflags = state.rflags;
            into.cr0 = state.cr0;
            into.activity = state.activity;
            into.nmiPending = state.nmiPending;
            System.arraycopy(state.seg, 0, into.seg, 0, 6);
        }

        @Override
        public void setState(VpState from) {
            state.rip = from.rip;
            state.rflags = from.rflags;
            state.cr0 = from.cr0;
            state.activity = from.activity;
            System.arraycopy(from.seg, 0, state.seg, 0, 6);
        }

        @Override
        public void debug(long[] b, boolean singleStep) {
            breakpoints = b;
        }

        @Override
        public long instructions() {
            return runs;
        }
    }
}
