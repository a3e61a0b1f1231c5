package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.state.VpState;
import java.util.List;

/** A virtual processor inside a backend. One thread runs it; methods marked so may be called from any thread. */
public interface BackendVp extends AutoCloseable {
    /** {@return index from 0; also its APIC id} */
    int index();

    /** Runs until something ends the run. Intercepts go to {@code handler}. Allocates nothing. */
    VpExit run(InterceptHandler handler);

    /** Makes a run in progress, or else the next one, return {@link VpExit#KICKED} soon. Any thread. */
    void kick();

    /** The VP's {@link VpInterrupts} may have something new: look at the next instruction boundary. Any thread. */
    void interruptsChanged();

    /** {@return after HALT or WAIT_FOR_SIPI: whether something has come that makes running again worthwhile. Any thread} */
    boolean wakeable();

    /** Reads the architectural state; the VP is not running. */
    void getState(VpState into);

    /** Replaces the architectural state; the VP is not running. See {@link VpState#msrs} for those not named. */
    void setState(VpState from);

    /**
     * Chooses where the VP stops with {@link VpExit#DEBUG}; it is not running.
     *
     * @param breakpoints linear addresses of instructions to stop before; empty for none
     * @param singleStep stop after one instruction
     */
    void debug(long[] breakpoints, boolean singleStep);

    /**
     * Chooses the data whose use stops the VP with {@link VpExit#DEBUG}, in place of what was chosen before; it is not running.
     *
     * @param watchpoints any number; empty for none
     * @return false, with nothing watched, when this engine cannot
     */
    default boolean watch(List<Watchpoint> watchpoints) {
        return watchpoints.isEmpty();
    }

    /** {@return the watchpoint that the last DEBUG was for, or null} */
    default Watchpoint watchpointHit() {
        return null;
    }

    /**
     * Reads a general register. On the VP's thread, inside an intercept: the registers are those the instruction has at that moment.
     *
     * @param gpr by x86 encoding: RAX 0, RCX 1, RDX 2, RBX 3, RSP 4 to R15 15
     */
    default long register(int gpr) {
        throw new UnsupportedOperationException("registers cannot be read inside an intercept: gpr=" + gpr);
    }

    /**
     * Sets a general register that the instruction under way does not write itself. On the VP's thread, inside an intercept.
     *
     * @param gpr by x86 encoding, as {@link #register}
     */
    default void setRegister(int gpr, long value) {
        throw new UnsupportedOperationException("registers cannot be set inside an intercept: gpr=" + gpr);
    }

    /** {@return what RDTSC would read now}. On the VP's thread inside an intercept, or while the VP is not running. */
    default long tsc() {
        throw new UnsupportedOperationException("the time-stamp counter cannot be read");
    }

    /** {@return the guest virtual address translated by the VP's paging, as a GPA; -1 when not mapped}. The VP is not running. */
    long translate(long gva);

    /** {@return instructions executed so far, or -1 when the backend does not count} */
    long instructions();

    /**
     * Has runs end with KICKED when {@link #instructions} has reached a number, at the next place where the VP can be stopped, which depends
     * on nothing but the guest. The VP is not running.
     *
     * @throws UnsupportedOperationException when the backend cannot count
     */
    default void runUntil(long instructions) {
        throw new UnsupportedOperationException("this engine does not count instructions");
    }

    /**
     * {@return after INTERNAL_ERROR: whether the instruction at RIP is one that the backend cannot carry out, though nothing is wrong with it or
     * with the state}
     */
    default boolean lacksInstruction() {
        return false;
    }

    /** {@return several lines for people: state, last code executed, reason of the last error} */
    String explain();

    @Override
    void close();
}
