package dev.jvisor.vmm.partition;

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
import java.util.ArrayList;
import java.util.List;

/** A backend whose guest is a Java lambda called once for each run. */
final class FakeBackend implements Backend {
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
    public String name() {
        return "fake";
    }

    @Override
    public String describe() {
        return "fake";
    }

    @Override
    public BackendPartition createPartition(GpaSpace gpa, BackendConfig config) {
        return new BackendPartition() {
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
                return new CpuidTable(List.of());
            }

            @Override
            public BackendVp createVp(int index, VpInterrupts interrupts) {
                FakeVp vp = new FakeVp(index, interrupts);
                vps.add(vp);
                return vp;
            }

            @Override
            public void close() { }
        };
    }

    @Override
    public void close() { }

    final class FakeVp implements BackendVp {
        final int index;
        final VpInterrupts interrupts;
        final VpState state = new VpState();
        volatile boolean kicked;
        int runs;
        long[] breakpoints = {};

        FakeVp(int index, VpInterrupts interrupts) {
            this.index = index;
            this.interrupts = interrupts;
        }

        @Override
        public int index() {
            return index;
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
        public void interruptsChanged() { }

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
        public long translate(long gva) {
            return gva;
        }

        @Override
        public long instructions() {
            return runs;
        }

        @Override
        public String explain() {
            return "fake vp-" + index;
        }

        @Override
        public void close() { }
    }
}
