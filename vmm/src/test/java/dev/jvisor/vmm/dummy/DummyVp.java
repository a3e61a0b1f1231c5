package dev.jvisor.vmm.dummy;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;

/** A VP that executes nothing: it halts. A test overrides what it wants to be otherwise. */
public class DummyVp implements BackendVp {
    private final int index;

    /** @param index from 0 */
    public DummyVp(int index) {
        this.index = index;
    }

    @Override
    public final int index() {
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
    public long translate(long gva) {
        return gva;
    }

    @Override
    public long instructions() {
        return -1;
    }

    @Override
    public String explain() {
        return "dummy vp-" + index;
    }

    @Override
    public void close() { }
}
