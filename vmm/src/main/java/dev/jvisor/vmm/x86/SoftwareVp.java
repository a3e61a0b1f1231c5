package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.backend.SupervisorVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.BlockAbort;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Msrs;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.system.DebugRegisters;
import dev.jvisor.vmm.x86.system.EventDelivery;
import dev.jvisor.vmm.x86.system.Reset;
import dev.jvisor.vmm.x86.system.StateTransfer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/**
 * One VP of the software CPU: the run loop. Blocks are executed one after another as long as each knows the next and nothing is pending;
 * all else (finding blocks, events, single steps, debugging) happens between.
 */
final class SoftwareVp implements SupervisorVp {
    private static final int RING = 16;
    /** Turns of waiting for another VP for which the thread keeps its host CPU; a power of two. */
    static final int SPINS_A_YIELD = 64;

    private final SoftwarePartition partition;
    private final Cpu cpu;
    private final VpInterrupts interrupts;
    private final VpCode code;
    /** RIPs of the blocks entered last. */
    private final long[] ring = new long[RING];
    private int ringAt;
    private Block lastBlock;

    private volatile Thread runner;
    private volatile boolean flagsSetWhileRunning;
    /** The thread is in {@link #run} and does not stand still for another VP. */
    private volatile boolean inGuest;

    /** An event whose delivery another engine had begun, to be delivered before anything else; -1 for none. Kinds as {@link VpState} has them. */
    private int injectedVector = -1;
    private int injectedKind;
    private boolean injectedHasError;
    private int injectedErrorCode;

    /** Where to stop when instructions are counted. */
    private long until = Long.MAX_VALUE;
    private boolean shutdown;
    private boolean debugStep;
    private boolean breakpointHit;
    /** What the last stop was for, or null. */
    private Watchpoint watchpointHit;
    private boolean resuming;
    /** RIP behind the instruction that was executed alone last: where it went if it was no branch that is taken. */
    private long sequential;
    /** Of code that is for another engine, one instruction is executed here. */
    private boolean oneUser;
    private String error;

    SoftwareVp(SoftwarePartition partition, Cpu cpu) {
        this.partition = partition;
        this.cpu = cpu;
        this.interrupts = cpu.interrupts;
        this.code = new VpCode(partition, this, cpu);
        Reset.powerOn(cpu);
    }

    // ---- the run loop

    @Override
    public VpExit runSupervisor(InterceptHandler handler, boolean one) {
        oneUser = one;
        cpu.userElsewhere = !debugStep && !code.hasBreakpoints() && !cpu.checks.watchedFromOutside();
        cpu.raise(Cpu.PEND_USER);
        try {
            return run(handler);
        } finally {
            cpu.userElsewhere = false;
        }
    }

    @Override
    public void getUser(VpState into) {
        StateTransfer.getUser(cpu, into);
    }

    @Override
    public void setUser(VpState from) {
        StateTransfer.setUser(from, cpu);
    }

    @Override
    public void moveTsc(long ticks) {
        cpu.moveTsc(ticks);
    }

    @Override
    public long translationStamp() {
        return cpu.translationStamp();
    }

    @Override
    public VpExit run(InterceptHandler handler) {
        cpu.handler = handler;
        cpu.x87Errors.changed();
        runner = Thread.currentThread();
        inGuest = true;
        resuming = true;
        watchpointHit = null;
        try {
            return loop();
        } catch (Throwable t) {
            StringWriter text = new StringWriter();
            t.printStackTrace(new PrintWriter(text));
            error = text.toString();
            return VpExit.INTERNAL_ERROR;
        } finally {
            inGuest = false;
            runner = null;
        }
    }

    private VpExit loop() {
        Cpu c = cpu;
        if (shutdown) {
            return VpExit.SHUTDOWN;
        }
        while (true) {
            try {
                if (c.pending == Cpu.PEND_COUNT && !c.halted && !breakpointHit && !shutdown) {
                    if (c.instructions >= until) {
                        return VpExit.KICKED;
                    }
                } else if (c.pending != 0 || c.halted || breakpointHit || shutdown) {
                    VpExit exit = service(c);
                    if (exit != null) {
                        return exit;
                    }
                }
                if (c.pendingDebug != 0 && !(c.shadow && c.stackShadow)) {
                    // A task switch has left it, or the delivery of an event: before the next instruction, not after it.
                    if (!EventDelivery.trapAfter(c, false)) {
                        shutdown = true;
                    }
                    continue;
                }
                // Now a debug exception is pending in the shadow of a load of SS only.
                if (c.userElsewhere && c.userCode() && !c.shadow && (c.mode & Cpu.MODE_SINGLE) == 0) {
                    if (!oneUser) {
                        return VpExit.USER_MODE;
                    }
                    oneUser = false;
                    alone(c);
                } else if (c.shadow || (c.mode & Cpu.MODE_SINGLE) != 0 || debugStep || resuming) {
                    VpExit exit = oneStep(c);
                    if (exit != null) {
                        return exit;
                    }
                } else {
                    if ((c.sysFlags & Flags.RF) != 0) {
                        // Nothing looks at it while no breakpoint register is armed.
                        c.sysFlags &= ~Flags.RF;
                    }
                    Block b = code.find(c.mode);
                    if (b != null) {
                        lastBlock = b;
                        chain(c, b);
                    }
                }
            } catch (GuestFault f) {
                deliverFault(c);
            }
        }
    }

    /** Runs blocks until one does not know the next, or something is pending. */
    private void chain(Cpu c, Block first) {
        Block b = first;
        long[] recent = ring;
        try {
            do {
                c.blockPage = b.hostPage();
                recent[ringAt++ & RING - 1] = b.rip;
                b.count++;
                Uop[] ops = b.ops;
                int last = ops.length - 1;
                for (int k = 0; k < last; k++) {
                    ops[k].exec(c);
                    Cpu.keepOrder();
                }
                Block next = ops[last].leave(c);
                Cpu.keepOrder();
                c.instructions += b.insns;
                b = next;
            } while (b != null && c.pending == 0);
        } catch (GuestFault f) {
            countUpTo(c, b);
            deliverFault(c);
        } catch (BlockAbort a) {
            countUpTo(c, b);
            c.rip = c.faultIp;
            c.next = null;
            c.link = null;
            alone(c);
        }
    }

    private void deliverFault(Cpu c) {
        c.rip = c.faultIp;
        if (c.faultVector == Cpu.FREEZE) {
            c.halted = true;
            return;
        }
        if (!EventDelivery.deliverFault(c)) {
            shutdown = true;
        }
    }

    /** Counts the instructions of a block that were complete when one of them faulted. */
    private void countUpTo(Cpu c, Block b) {
        lastBlock = b;
        long seen = b.rip;
        for (Uop u : b.ops) {
            if (u.ip == c.faultIp) {
                break;
            }
            if (u.ip != seen) {
                seen = u.ip;
                c.instructions++;
            }
        }
        if (seen != b.rip || c.faultIp != b.rip) {
            c.instructions++;
        }
    }

    /**
     * What a VP does between two instructions while it waits for another one: keep nobody else waiting.
     *
     * @param turn counts from 0
     * @return false when the VP is kicked, and must leave
     */
    boolean stillWaiting(int turn) {
        Cpu c = cpu;
        if ((c.pending & Cpu.PEND_STAND) != 0) {
            c.take(Cpu.PEND_STAND);
            stand();
        }
        if ((c.pending & Cpu.PEND_CODE) != 0) {
            c.take(Cpu.PEND_CODE);
            code.settle();
        }
        if ((turn & SPINS_A_YIELD - 1) == SPINS_A_YIELD - 1) {
            Thread.yield();
        } else {
            Thread.onSpinWait();
        }
        return (c.pending & Cpu.PEND_KICK) == 0;
    }

    VpCode code() {
        return code;
    }

    /** {@return whether the VP may be executing guest code} Any thread. */
    boolean inGuest() {
        return inGuest;
    }

    void requestStand() {
        cpu.raise(Cpu.PEND_STAND);
    }

    /** Stands still while another VP wants it. */
    private void stand() {
        Standstill s = partition.standstill();
        do {
            inGuest = false;
            s.awaitEnd(this);
            inGuest = true;
        } while (s.wanted(this));
    }

    // ---- one instruction at a time

    /** Executes one instruction with what that takes: shadow, traps, debugging. {@return why to leave the run, or null} */
    private VpExit oneStep(Cpu c) {
        boolean wasResuming = resuming;
        resuming = false;
        long linear = c.long64() ? c.rip : c.segBase[Cpu.CS] + c.rip & 0xFFFFFFFFL;
        if (code.isBreakpoint(linear) && !wasResuming) {
            return VpExit.DEBUG;
        }
        if (wasResuming && !debugStep && !code.isBreakpoint(linear) && !c.shadow && (c.mode & Cpu.MODE_SINGLE) == 0) {
            return null;
        }
        boolean tf = (c.sysFlags & Flags.TF) != 0;
        boolean held = c.shadow && c.stackShadow;
        c.stackShadow = false;
        if ((c.mode & Cpu.MODE_SINGLE) != 0 && !held && DebugRegisters.breakpointBefore(c)) {
            if (!EventDelivery.deliver(c, Cpu.DB, EventDelivery.Kind.EXCEPTION, false, 0, c.rip)) {
                shutdown = true;
            }
            return null;
        }
        c.sysFlags &= ~Flags.RF;
        boolean shadow = c.shadow;
        c.shadow = false;
        c.noTrap = false;
        boolean faulted = false;
        try {
            alone(c);
        } catch (GuestFault f) {
            faulted = true;
            deliverFault(c);
        }
        // With BTF a single step ends at the next branch that is taken (SDM 3B, 18.4.3).
        boolean stepped = tf && ((c.msrs.debugCtl & Msrs.DEBUGCTL_BTF) == 0 || c.rip != sequential && !c.repeating);
        if (!faulted && !EventDelivery.trapAfter(c, stepped)) {
            shutdown = true;
        }
        if (shadow) {
            c.raise(Cpu.PEND_INTERRUPT);
        }
        return debugStep && !shutdown ? VpExit.DEBUG : null;
    }

    /** Executes the instruction at {@code rip} on its own; it may overwrite itself. When the VP is kicked, it may have to come again. */
    private void alone(Cpu c) {
        try {
            single(c);
        } catch (BlockAbort a) {
            // It must be the only one that anybody executes.
            Standstill s = partition.standstill();
            if (s.begin(this)) {
                c.undisturbed = true;
                try {
                    single(c);
                } finally {
                    c.undisturbed = false;
                    s.end();
                }
            }
        }
    }

    private void single(Cpu c) {
        try {
            c.mode |= Cpu.MODE_SINGLE;
            Block b = code.find(c.mode);
            if (b == null) {
                return;
            }
            lastBlock = b;
            c.blockPage = b.hostPage();
            ring[ringAt++ & RING - 1] = b.rip;
            Uop[] ops = b.ops;
            int last = ops.length - 1;
            for (int k = 0; k < last; k++) {
                ops[k].exec(c);
            }
            ops[last].leave(c);
            sequential = c.truncateIp(ops[last].nextIp());
            c.instructions += b.insns;
            if (c.checks.watchpointHit != null) {
                breakpointHit = true;
                watchpointHit = c.checks.watchpointHit;
            }
        } finally {
            c.checks.watchpointHit = null;
            // A link out of a block of one must not lead chains there.
            c.link = null;
            c.next = null;
            c.modeChanged();
        }
    }

    // ---- events

    /** Looks after what is pending. {@return why to leave the run, or null to go on} */
    private VpExit service(Cpu c) {
        if (c.take(Cpu.PEND_STAND) != 0) {
            stand();
        }
        int p = c.take(Cpu.PEND_FLUSH | Cpu.PEND_CODE | Cpu.PEND_SLOW | Cpu.PEND_USER);
        if ((p & Cpu.PEND_CODE) != 0) {
            code.settle();
        }
        if ((p & Cpu.PEND_FLUSH) != 0) {
            c.regionsChanged();
            if (flagsSetWhileRunning) {
                flagsSetWhileRunning = false;
                c.grants.revokeAll();
            }
        }
        if (shutdown) {
            return VpExit.SHUTDOWN;
        }
        if (injectedVector >= 0) {
            deliverInjected(c);
            if (shutdown) {
                return VpExit.SHUTDOWN;
            }
        }
        if (breakpointHit) {
            breakpointHit = false;
            return VpExit.DEBUG;
        }
        if (c.take(Cpu.PEND_KICK) != 0) {
            return VpExit.KICKED;
        }
        if (!c.shadow && (c.take(Cpu.PEND_INTERRUPT) != 0 || c.halted)) {
            events(c);
            if (shutdown) {
                return VpExit.SHUTDOWN;
            }
        }
        return c.halted ? VpExit.HALT : null;
    }

    private void deliverInjected(Cpu c) {
        int vector = injectedVector;
        injectedVector = -1;
        EventDelivery.Kind kind = switch (injectedKind) {
            case VpState.KIND_EXTERNAL -> EventDelivery.Kind.EXTERNAL;
            case VpState.KIND_NMI -> EventDelivery.Kind.NMI;
            default -> EventDelivery.Kind.EXCEPTION;
        };
        c.faultAddress = c.cr2;
        c.halted = false;
        if (!EventDelivery.deliver(c, vector, kind, injectedHasError, injectedErrorCode, c.rip)) {
            shutdown = true;
        }
    }

    private void events(Cpu c) {
        VpInterrupts in = interrupts;
        if (!c.nmiBlocked && in.nmiPending() && in.takeNmi()) {
            deliver(c, Cpu.NMI, EventDelivery.Kind.NMI);
            // An interrupt may still wait behind it.
            c.raise(Cpu.PEND_INTERRUPT);
            return;
        }
        if ((c.sysFlags & Flags.IF) != 0 && in.pendingVector() >= 0) {
            int vector = in.acknowledge();
            if (vector >= 0) {
                deliver(c, vector, EventDelivery.Kind.EXTERNAL);
                c.raise(Cpu.PEND_INTERRUPT);
            }
        }
    }

    private void deliver(Cpu c, int vector, EventDelivery.Kind kind) {
        c.halted = false;
        if (!EventDelivery.deliver(c, vector, kind, false, 0, c.rip)) {
            shutdown = true;
        }
    }

    // ---- memory that changes

    /** Somebody wrote to a page that blocks were decoded from. Any thread. */
    void codeWritten(int hostPage) {
        code.written(hostPage, Thread.currentThread() == runner);
    }

    /** Regions changed. Any thread. */
    void memoryChanged() {
        if (Thread.currentThread() == runner) {
            // One of its own instructions did it, flash that was given a command for one: the next in the same block must see it.
            cpu.regionsChanged();
        } else {
            cpu.raise(Cpu.PEND_FLUSH);
        }
    }

    /**
     * The dirty log was collected: from now on writes must be noticed. Any thread. A VP that is running meanwhile may write, until its
     * block ends, to pages just called clean; it reports them itself then, and with them others that it only might have written.
     */
    void dirtyLogReset() {
        cpu.raise(Cpu.PEND_FLUSH);
        if (runner != null) {
            flagsSetWhileRunning = true;
            cpu.raise(Cpu.PEND_FLUSH);
        }
    }

    // ---- BackendVp

    @Override
    public int index() {
        return cpu.index;
    }

    @Override
    public void kick() {
        cpu.raise(Cpu.PEND_KICK);
    }

    @Override
    public void interruptsChanged() {
        cpu.raise(Cpu.PEND_INTERRUPT);
    }

    @Override
    public void runUntil(long instructions) {
        until = instructions;
        cpu.raise(Cpu.PEND_COUNT);
    }

    @Override
    public boolean wakeable() {
        Cpu c = cpu;
        if ((c.pending & Cpu.PEND_KICK) != 0 || shutdown || interrupts.initPending()) {
            return true;
        }
        return !c.halted || !c.nmiBlocked && interrupts.nmiPending()
                || (c.sysFlags & Flags.IF) != 0 && interrupts.pendingVector() >= 0;
    }

    @Override
    public void getState(VpState into) {
        StateTransfer.get(cpu, into);
        into.injectedVector = injectedVector;
        into.injectedKind = injectedKind;
        into.injectedHasError = injectedHasError;
        into.injectedErrorCode = injectedErrorCode;
    }

    @Override
    public void setState(VpState from) {
        shutdown = false;
        breakpointHit = false;
        StateTransfer.set(from, cpu);
        // What an instruction asks for comes again with the instruction, at which RIP still is.
        boolean asked = from.injectedKind == VpState.KIND_SOFTWARE || from.injectedKind == VpState.KIND_SOFTWARE_EXCEPTION;
        injectedVector = asked ? -1 : from.injectedVector;
        injectedKind = from.injectedKind;
        injectedHasError = from.injectedHasError;
        injectedErrorCode = from.injectedErrorCode;
        cpu.next = null;
        cpu.link = null;
        cpu.regionsChanged();
        cpu.raise(Cpu.PEND_INTERRUPT);
    }

    @Override
    public void debug(long[] breakpoints, boolean singleStep) {
        debugStep = singleStep;
        code.breakpoints(breakpoints, () -> {
            breakpointHit = true;
            cpu.raise(Cpu.PEND_SLOW);
        });
        breakpointHit = false;
    }

    @Override
    public boolean watch(List<Watchpoint> watchpoints) {
        cpu.checks.watchpoints(watchpoints);
        return true;
    }

    @Override
    public Watchpoint watchpointHit() {
        return watchpointHit;
    }

    void setCpuid(CpuidTable table) {
        cpu.cpuid = table;
    }

    @Override
    public long register(int gpr) {
        return cpu.r[gpr];
    }

    @Override
    public void setRegister(int gpr, long value) {
        cpu.r[gpr] = value;
    }

    @Override
    public long tsc() {
        return cpu.tsc();
    }

    @Override
    public long translate(long gva) {
        return cpu.mmu.probe(gva);
    }

    @Override
    public long instructions() {
        return cpu.instructions;
    }

    @Override
    public String explain() {
        StringBuilder s = new StringBuilder();
        VpState state = new VpState();
        getState(state);
        s.append(state.dump());
        if (shutdown) {
            s.append("shut down: cannot deliver");
            for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
                if (cpu.shutdownVectors >>> shift != 0 || shift == 0) {
                    s.append(" exception ").append(cpu.shutdownVectors >>> shift & 0xFF).append(shift == 0 ? "" : ", nor");
                }
            }
            s.append(String.format("; last error code 0x%x, CR2 0x%x%n", cpu.faultError, cpu.cr2));
        }
        BlockListing.append(s, cpu, lastBlock);
        s.append("last blocks:");
        for (int k = 0; k < RING; k++) {
            s.append(' ').append(Long.toHexString(ring[ringAt + k & RING - 1]));
        }
        s.append(String.format("%n%d instructions, %s%n", cpu.instructions, code.summary()));
        if (error != null) {
            s.append(error);
        }
        return s.toString();
    }

    @Override
    public void close() {
        partition.closed(this);
    }
}
