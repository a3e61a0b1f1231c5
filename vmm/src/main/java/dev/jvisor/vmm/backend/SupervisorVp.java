package dev.jvisor.vmm.backend;

import dev.jvisor.vmm.state.VpState;

/**
 * A VP whose 64-bit code at CPL 3 can be left to another engine, a {@link UserVp}. The state between the two is that part of a
 * {@link VpState} which such code sees or changes: general registers, RIP, RFLAGS, the bases of FS and GS, x87, SSE and AVX registers, and,
 * from here to there only, CR0, CR3, CR4, EFER and XCR0.
 */
public interface SupervisorVp extends BackendVp {
    /**
     * As {@link #run}, but returns {@link VpExit#USER_MODE} when the next instruction is 64-bit code at CPL 3 and nothing else is due.
     *
     * @param one first execute one such instruction here
     */
    VpExit runSupervisor(InterceptHandler handler, boolean one);

    /** Reads what user code sees; after USER_MODE, on the VP's thread. */
    void getUser(VpState into);

    /** Takes over what user code has changed; on the VP's thread. */
    void setUser(VpState from);

    /** Adds to what RDTSC reads; not running, or on the VP's thread. */
    void moveTsc(long ticks);

    /** {@return a number that changes whenever the guest says that translations it has made are not good any more (CR3, INVLPG ...)} */
    long translationStamp();
}
