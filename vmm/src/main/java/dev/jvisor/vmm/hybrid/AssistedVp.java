package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;
import java.util.Map;
import java.util.TreeMap;

/**
 * A VP of one engine that goes to another for each instruction its own cannot carry out: vector instructions on device memory on any KVM, and
 * much of supervisor code where KVM interprets that.
 */
final class AssistedVp implements BackendVp {
    private static final long[] NO_BREAKPOINTS = {};

    private final BackendVp main;
    private final BackendVp assistant;
    private final VpState state = new VpState();
    /** The one that executes now. */
    private BackendVp active;
    private boolean stepping;
    private long assisted;

    AssistedVp(BackendVp main, BackendVp assistant) {
        this.main = main;
        this.assistant = assistant;
        active = main;
        assistant.debug(NO_BREAKPOINTS, true);
    }

    @Override
    public VpExit run(InterceptHandler handler) {
        while (true) {
            VpExit exit = main.run(handler);
            if (exit != VpExit.INTERNAL_ERROR || !main.lacksInstruction()) {
                return exit;
            }
            exit = assist(handler);
            if (exit != VpExit.DEBUG || stepping) {
                return exit;
            }
        }
    }

    /** Has the instruction executed. {@return DEBUG when it was, or faulted into a handler} */
    private VpExit assist(InterceptHandler handler) {
        assisted++;
        main.getState(state);
        Map<Integer, Long> msrs = new TreeMap<>(state.msrs);
        int cr8 = (int) state.cr8;
        long apicBase = state.apicBase;
        assistant.setState(state);
        active = assistant;
        VpExit exit = assistant.run(handler);
        active = main;
        assistant.getState(state);
        // The assistant does not know all of the main engine's MSRs, and has no local APIC. The counter has gone on meanwhile.
        msrs.putAll(state.msrs);
        msrs.remove(VpState.IA32_TSC);
        state.msrs.clear();
        state.msrs.putAll(msrs);
        state.cr8 = cr8;
        state.apicBase = apicBase;
        main.setState(state);
        return exit;
    }

    @Override
    public int index() {
        return main.index();
    }

    @Override
    public void kick() {
        main.kick();
    }

    @Override
    public void interruptsChanged() {
        main.interruptsChanged();
    }

    @Override
    public boolean wakeable() {
        return main.wakeable();
    }

    @Override
    public void getState(VpState into) {
        main.getState(into);
    }

    @Override
    public void setState(VpState from) {
        main.setState(from);
    }

    @Override
    public void debug(long[] breakpoints, boolean singleStep) {
        stepping = singleStep;
        main.debug(breakpoints, singleStep);
    }

    @Override
    public long register(int gpr) {
        return active.register(gpr);
    }

    @Override
    public void setRegister(int gpr, long value) {
        active.setRegister(gpr, value);
    }

    @Override
    public long tsc() {
        return active.tsc();
    }

    @Override
    public long translate(long gva) {
        return main.translate(gva);
    }

    @Override
    public long instructions() {
        return main.instructions();
    }

    @Override
    public String explain() {
        return main.explain() + (assisted == 0 ? "" : assisted + " instructions executed by the software CPU" + System.lineSeparator());
    }

    @Override
    public void close() {
        assistant.close();
        main.close();
    }
}
