package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One virtual processor and the thread ({@code vp-N}) that runs it. The thread loops over {@link BackendVp#run}, waits while the VP is
 * halted, applies INIT and start-up IPIs, and stands still while somebody wants it paused.
 *
 * <p>State may be read and changed by another thread while the VP is paused or not started ({@link #awaitPaused()}).
 */
public final class VirtualProcessor {
    private static final Logger LOG = LoggerFactory.getLogger(VirtualProcessor.class);
    /** How long a VP may be halted before it is asked whether it can ever wake. Host time; the guest does not see it. */
    private static final long DEAD_HALT_CHECK_NS = 50_000_000L;
    private static final int RFLAGS_IF = 1 << 9;

    private final Partition partition;
    private final int index;
    private volatile BackendVp backend;
    /** Null unless interrupt controllers are ours. */
    private final LocalApic interrupts;
    private final VpIntercepts intercepts;
    private final VpState scratch = new VpState();

    private volatile Thread thread;
    /** Set while the thread may be parked for want of an interrupt. */
    private volatile boolean waiting;
    /** Halted with interrupts off: nothing but an NMI, INIT or reset could wake it. */
    private volatile boolean deadHalt;
    private volatile boolean waitsForStartup;
    private volatile boolean pauseWanted;
    private final Object pauseLock = new Object();
    /** Guarded by pauseLock: the thread stands still, or is not there. */
    private boolean paused = true;

    VirtualProcessor(Partition partition, int index, BackendVp backend, LocalApic interrupts) {
        this.partition = partition;
        this.index = index;
        this.backend = backend;
        this.interrupts = interrupts;
        this.intercepts = new VpIntercepts(partition);
    }

    /** {@return index from 0; also the APIC id} */
    public int index() {
        return index;
    }

    /** {@return what the VP has done so far} */
    public VpCounters counters() {
        return intercepts.counters;
    }

    /** {@return instructions executed so far, -1 when the backend does not count} */
    public long instructions() {
        return backend.instructions();
    }

    /** {@return whether the VP waits for an interrupt or for its start-up IPI} */
    public boolean waiting() {
        return waiting;
    }

    /** Reads the architectural state; the VP is paused or not started. */
    public void getState(VpState into) {
        backend.getState(into);
        if (interrupts != null) {
            into.apicBase = interrupts.apicBase();
        }
        if (waitsForStartup) {
            into.activity = VpState.Activity.WAIT_FOR_SIPI;
        }
    }

    /** Replaces the architectural state; the VP is paused or not started. */
    public void setState(VpState from) {
        waitsForStartup = interrupts != null
                && (from.activity == VpState.Activity.WAIT_FOR_INIT || from.activity == VpState.Activity.WAIT_FOR_SIPI);
        deadHalt = false;
        backend.setState(from);
    }

    /** Goes over to a VP of another engine, with all state; it stands still. */
    void changeEngine(BackendVp to) {
        BackendVp from = backend;
        from.getState(scratch);
        to.setState(scratch);
        backend = to;
        from.close();
    }

    /** Chooses where the VP stops and tells the {@link DebugListener}; it is paused or not started. See {@link BackendVp#debug}. */
    public void debug(long[] breakpoints, boolean singleStep) {
        backend.debug(breakpoints, singleStep);
    }

    /**
     * Chooses the data whose use stops the VP, which is paused or not started. See {@link BackendVp#watch}.
     *
     * @return false when its engine cannot
     */
    public boolean watch(List<Watchpoint> watchpoints) {
        return backend.watch(watchpoints);
    }

    /** {@return the watchpoint that the VP's last stop for a debugger was for, or null} */
    public Watchpoint watchpointHit() {
        return backend.watchpointHit();
    }

    /** {@return a guest virtual address as a GPA, -1 when not mapped}. The VP is paused. */
    public long translate(long gva) {
        return backend.translate(gva);
    }

    /** {@return several lines for people about the state and what led there}. The VP is paused. */
    public String explain() {
        return backend.explain();
    }

    /** {@return a general register, 0 (RAX) to 15 (R15)}. On the VP's own thread, inside an intercept; see {@link BackendVp#register}. */
    public long register(int gpr) {
        return backend.register(gpr);
    }

    /** Sets a general register. On the VP's own thread, inside an intercept; see {@link BackendVp#setRegister}. */
    public void setRegister(int gpr, long value) {
        backend.setRegister(gpr, value);
    }

    /** {@return the guest's time-stamp counter now}. On the VP's own thread inside an intercept, or while it is paused. */
    public long tsc() {
        return backend.tsc();
    }

    /**
     * Waits, inside an intercept on the VP's own thread, until an interrupt is pending, whether RFLAGS.IF lets it in or not; may return
     * without one, and does at once when interrupt controllers are not ours.
     */
    public void idle() {
        if (interrupts == null) {
            return;
        }
        intercepts.counters.halts++;
        waiting = true;
        while (!partition.stopping() && !pauseWanted && !startupPending() && !interrupts.nmiPending() && interrupts.pendingVector() < 0) {
            LockSupport.park(this);
        }
        waiting = false;
    }

    /** Asks the VP to stand still at its next instruction boundary. Any thread; does not wait. */
    public void requestPause() {
        pauseWanted = true;
        wake();
    }

    /** Waits until the VP stands still (or has ended); not to be called on VP threads. */
    public void awaitPaused() {
        boolean interrupted = false;
        synchronized (pauseLock) {
            while (!paused) {
                try {
                    pauseLock.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets a paused VP run on. Any thread. */
    public void resume() {
        synchronized (pauseLock) {
            pauseWanted = false;
            pauseLock.notifyAll();
        }
        Thread t = thread;
        if (t != null) {
            LockSupport.unpark(t);
        }
    }

    BackendVp backend() {
        return backend;
    }

    boolean canNeverRun() {
        return deadHalt || waitsForStartup && waiting;
    }

    /** Something new in the VP's local APIC. Any thread. */
    void interruptsChanged() {
        backend.interruptsChanged();
        if (waiting) {
            LockSupport.unpark(thread);
        }
    }

    /** An INIT or start-up IPI has come for the VP. Any thread. */
    void startupChanged() {
        wake();
    }

    /** Gets the thread out of guest code or out of waiting. Any thread. */
    void wake() {
        backend.kick();
        Thread t = thread;
        if (t != null) {
            LockSupport.unpark(t);
        }
    }

    boolean isCurrentThread() {
        return Thread.currentThread() == thread;
    }

    void start() {
        synchronized (pauseLock) {
            paused = false;
        }
        Thread t = Thread.ofPlatform().name("vp-" + index).daemon().unstarted(this::loop);
        thread = t;
        t.start();
    }

    /** Has a thread that runs several VPs, by {@link #turn}, be this one's. */
    void startOn(Thread turns) {
        synchronized (pauseLock) {
            paused = false;
        }
        thread = turns;
    }

    /**
     * Runs for a while, if there is anything to run. On the thread of {@link #startOn}.
     *
     * @return whether it may have executed anything
     */
    boolean turn(InstructionClock time) {
        synchronized (pauseLock) {
            paused = pauseWanted;
            pauseLock.notifyAll();
            if (pauseWanted) {
                return false;
            }
        }
        if (interrupts != null && !applyStartup()) {
            waiting = true;
            return false;
        }
        if (waiting && !backend.wakeable()) {
            return false;
        }
        waiting = false;
        deadHalt = false;
        backend.runUntil(backend.instructions() + time.begin(backend));
        VpExit exit = backend.run(intercepts);
        time.end();
        if (exit == VpExit.HALT || exit == VpExit.WAIT_FOR_SIPI) {
            intercepts.counters.halts++;
            waiting = true;
            if (!backend.wakeable()) {
                noteDeadHalt();
            }
        } else {
            handle(exit);
        }
        return true;
    }

    boolean pauseWanted() {
        return pauseWanted;
    }

    /** The thread of {@link #startOn} runs it no more. */
    void ended() {
        synchronized (pauseLock) {
            paused = true;
            pauseLock.notifyAll();
        }
        partition.vpEnded();
    }

    void join() {
        Thread t = thread;
        boolean interrupted = false;
        while (t != null && t != Thread.currentThread() && t.isAlive()) {
            try {
                t.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void loop() {
        try {
            while (!partition.stopping()) {
                if (pauseWanted) {
                    standStill();
                    continue;
                }
                if (interrupts != null && !applyStartup()) {
                    await(true);
                    continue;
                }
                handle(backend.run(intercepts));
            }
        } catch (Throwable e) {
            LOG.error("vp-{} failed", index, e);
            partition.requestStop(StopReason.internalError("vp-" + index + ": " + e));
        } finally {
            ended();
        }
    }

    private void handle(VpExit exit) {
        switch (exit) {
            case HALT, WAIT_FOR_SIPI -> {
                intercepts.counters.halts++;
                await(false);
            }
            case KICKED -> intercepts.counters.kicks++;
            case SHUTDOWN -> partition.requestStop(StopReason.tripleFault("vp-" + index + "\n" + backend.explain()));
            case INTERNAL_ERROR -> partition.requestStop(StopReason.internalError("vp-" + index + ": " + backend.explain()));
            case DEBUG -> partition.debugStop(this);
            case USER_MODE -> throw new IllegalStateException("an engine left its user code to nobody");
        }
    }

    /** Parks until there is something to do: an interrupt (or, before start-up, INIT or SIPI), a pause, a stop. */
    private void await(boolean forStartup) {
        waiting = true;
        boolean checked = forStartup;
        if (forStartup) {
            partition.checkHaltedForever();
        }
        while (!partition.stopping() && !pauseWanted && !startupPending() && (forStartup || !backend.wakeable())) {
            if (checked) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, DEAD_HALT_CHECK_NS);
                if (!backend.wakeable()) {
                    checked = true;
                    noteDeadHalt();
                }
            }
        }
        waiting = false;
        deadHalt = false;
    }

    private void noteDeadHalt() {
        backend.getState(scratch);
        if ((scratch.rflags & RFLAGS_IF) == 0 && scratch.activity != VpState.Activity.RUNNING && !scratch.nmiPending) {
            deadHalt = true;
            partition.checkHaltedForever();
        }
    }

    private boolean startupPending() {
        return interrupts != null && (interrupts.initPending() || waitsForStartup && interrupts.sipiPending());
    }

    /**
     * Applies INIT and start-up IPIs that wait (Intel SDM 3A, 10.4.3 and table 10-1).
     *
     * @return whether the VP may execute instructions
     */
    private boolean applyStartup() {
        if (interrupts.takeInit()) {
            backend.getState(scratch);
            boolean bootstrap = index == 0;
            applyInit(scratch);
            scratch.msrs.remove(VpState.IA32_TSC); // it counts on
            scratch.activity = bootstrap ? VpState.Activity.RUNNING : VpState.Activity.WAIT_FOR_SIPI;
            backend.setState(scratch);
            waitsForStartup = !bootstrap;
            partition.initialized(index);
        }
        if (waitsForStartup) {
            int vector = interrupts.takeSipi();
            if (vector < 0) {
                return false;
            }
            backend.getState(scratch);
            scratch.seg[VpState.CS] = new SegmentState(vector << 8, (long) vector << 12, 0xFFFF, 0x9B);
            scratch.rip = 0;
            scratch.activity = VpState.Activity.RUNNING;
            scratch.msrs.remove(VpState.IA32_TSC);
            backend.setState(scratch);
            waitsForStartup = false;
        } else if (interrupts.sipiPending()) {
            interrupts.takeSipi();
        }
        return true;
    }

    /** Puts a state to what INIT makes of it: like reset, but x87, SSE, XCR0 and most MSRs stay. */
    private static void applyInit(VpState s) {
        VpState reset = new VpState();
        System.arraycopy(reset.gpr, 0, s.gpr, 0, s.gpr.length);
        System.arraycopy(reset.seg, 0, s.seg, 0, s.seg.length);
        System.arraycopy(reset.dr, 0, s.dr, 0, s.dr.length);
        s.rip = reset.rip;
        s.rflags = reset.rflags;
        s.ldtr = reset.ldtr;
        s.tr = reset.tr;
        s.gdtBase = 0;
        s.gdtLimit = reset.gdtLimit;
        s.idtBase = 0;
        s.idtLimit = reset.idtLimit;
        // CD and NW keep their values.
        s.cr0 = s.cr0 & 0x60000000L | 0x10;
        s.cr2 = 0;
        s.cr3 = 0;
        s.cr4 = 0;
        s.cr8 = 0;
        s.efer = 0;
        s.dr6 = reset.dr6;
        s.dr7 = reset.dr7;
        s.interruptShadow = false;
        s.nmiBlocked = false;
        s.nmiPending = false;
        s.injectedVector = -1;
    }

    private void standStill() {
        synchronized (pauseLock) {
            paused = true;
            pauseLock.notifyAll();
            boolean interrupted = false;
            while (pauseWanted && !partition.stopping()) {
                try {
                    pauseLock.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            paused = false;
        }
    }
}
