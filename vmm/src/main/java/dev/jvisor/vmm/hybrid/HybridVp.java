package dev.jvisor.vmm.hybrid;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.SupervisorVp;
import dev.jvisor.vmm.backend.UserVp;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.util.List;

/**
 * A VP that lives in the software CPU and goes to KVM for stretches of user code. While it is away KVM has the registers; nobody sees the
 * VP in that state, since it always comes back before {@link #run} returns.
 *
 * <pre>
 *            64-bit code at CPL 3, nothing pending
 *  software ---------------------------------------> KVM
 *           <---------------------------------------
 *            exception, SYSCALL: the instruction is executed in software, which delivers what is due
 *            kick: an interrupt, a pause, another VP's flush
 * </pre>
 *
 * <p>KVM keeps shadows of the guest's page tables and does not see the software CPU write to those. So before user code runs after the guest
 * has flushed translations, KVM is told to forget them all; and when it faults where the software CPU does not, as after rights were widened,
 * which needs no flush.
 */
final class HybridVp implements BackendVp {
    private static final int BREAKPOINT = 3;
    private static final int OVERFLOW = 4;
    private static final int PAGE_FAULT = 14;
    private static final int INT3 = 0xCC;
    /** Stretches of user code between looks at how far the two time-stamp counters have drifted apart. */
    private static final int TSC_INTERVAL = 1 << 12;
    /** How often both counters are read at such a look: the time that the host gave to others in between is not to count. */
    private static final int TSC_READS = 5;

    private final SupervisorVp supervisor;
    private final UserVp user;
    private final GpaSpace gpa;
    private final VpState state = new VpState();
    /** Translations that KVM may have were made since this stamp. */
    private long stamp = -1;
    private int stretches;
    /** KVM has left an instruction to the software CPU. */
    private boolean left;
    /** It has met a page fault in it. */
    private boolean leftByPageFault;

    HybridVp(SupervisorVp supervisor, UserVp user, GpaSpace gpa) {
        this.supervisor = supervisor;
        this.user = user;
        this.gpa = gpa;
        alignTsc();
    }

    /** User code reads KVM's counter and cannot be given another, so supervisor code reads the same. */
    private void alignTsc() {
        long least = Long.MAX_VALUE;
        long move = 0;
        for (int i = 0; i < TSC_READS; i++) {
            long before = supervisor.tsc();
            long theirs = user.tsc();
            long took = supervisor.tsc() - before;
            if (took < least) {
                least = took;
                move = theirs - (before + took / 2);
            }
        }
        supervisor.moveTsc(move);
    }

    @Override
    public VpExit run(InterceptHandler handler) {
        while (true) {
            boolean pageFault = leftByPageFault;
            long before = supervisor.instructions();
            VpExit exit = supervisor.runSupervisor(handler, left);
            left = false;
            leftByPageFault = false;
            if (exit != VpExit.USER_MODE) {
                return exit;
            }
            boolean noFault = pageFault && supervisor.instructions() - before <= 1;
            runUser(handler, noFault);
        }
    }

    private void runUser(InterceptHandler handler, boolean forget) {
        if (++stretches % TSC_INTERVAL == 0) {
            alignTsc();
        }
        supervisor.getUser(state);
        long now = supervisor.translationStamp();
        if (now != stamp || forget) {
            stamp = now;
            user.forgetTranslations();
        }
        switch (user.runUser(state, handler)) {
            case INSTRUCTION -> {
                left = true;
                leftByPageFault = user.lastException() == PAGE_FAULT;
                backOverBreakpoint();
            }
            case SYSCALL -> left = true;
            case KICKED -> { }
        }
        supervisor.setUser(state);
    }

    /** INT3 and INT n with a vector of 3 or 4 are traps: RIP is behind them. */
    private void backOverBreakpoint() {
        int vector = user.lastException();
        if (vector == BREAKPOINT || vector == OVERFLOW) {
            long at = supervisor.translate(state.rip - 1);
            boolean shortForm = vector == BREAKPOINT && at >= 0 && gpa.hostOffset(at) >= 0 && (gpa.read8(at) & 0xFF) == INT3;
            state.rip -= shortForm ? 1 : 2;
        }
    }

    @Override
    public int index() {
        return supervisor.index();
    }

    @Override
    public void kick() {
        supervisor.kick();
        user.kick();
    }

    @Override
    public void interruptsChanged() {
        supervisor.interruptsChanged();
        user.kick();
    }

    @Override
    public boolean wakeable() {
        return supervisor.wakeable();
    }

    @Override
    public void getState(VpState into) {
        supervisor.getState(into);
    }

    @Override
    public void setState(VpState from) {
        left = false;
        stamp = -1;
        supervisor.setState(from);
    }

    @Override
    public void debug(long[] breakpoints, boolean singleStep) {
        supervisor.debug(breakpoints, singleStep);
    }

    @Override
    public boolean watch(List<Watchpoint> watchpoints) {
        return supervisor.watch(watchpoints);
    }

    @Override
    public Watchpoint watchpointHit() {
        return supervisor.watchpointHit();
    }

    @Override
    public long register(int gpr) {
        return supervisor.register(gpr);
    }

    @Override
    public void setRegister(int gpr, long value) {
        supervisor.setRegister(gpr, value);
    }

    @Override
    public long tsc() {
        return supervisor.tsc();
    }

    @Override
    public long translate(long gva) {
        return supervisor.translate(gva);
    }

    @Override
    public long instructions() {
        return supervisor.instructions();
    }

    @Override
    public String explain() {
        return supervisor.explain() + stretches + " stretches of user code in KVM" + System.lineSeparator();
    }

    @Override
    public void close() {
        user.close();
        supervisor.close();
    }
}
