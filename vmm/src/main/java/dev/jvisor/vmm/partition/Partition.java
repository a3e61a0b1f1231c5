package dev.jvisor.vmm.partition;

import dev.jvisor.nativebindings.MappedMemory;
import dev.jvisor.vmm.apic.LocalApic;
import dev.jvisor.vmm.apic.SoftwareInterruptController;
import dev.jvisor.vmm.apic.SplitInterruptController;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.backend.BackendConfig;
import dev.jvisor.vmm.backend.BackendPartition;
import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.time.SystemClock;
import dev.jvisor.vmm.time.TimerThread;
import dev.jvisor.vmm.time.Timers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One guest. Made by {@link #create}, furnished with devices through {@link #ports()}, {@link #gpa()}, {@link #msrs()} and
 * {@link #interrupts()}, loaded by a loader and {@link #setBootState}, then started. Methods may be called by any thread unless they say
 * otherwise.
 */
public final class Partition implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Partition.class);

    private final PartitionConfig config;
    private final Timers timers;
    private final TimerThread ownTimers;
    private final MappedMemory memory;
    private final GpaSpace gpa;
    private final PortSpace ports = new PortSpace();
    private final MsrSpace msrs = new MsrSpace();
    private volatile BackendPartition backend;
    private final SoftwareInterruptController software;
    private final SplitInterruptController split;
    private final InterruptController interrupts;
    private final List<VirtualProcessor> processors = new ArrayList<>();
    private final List<Runnable> resetHooks = new CopyOnWriteArrayList<>();
    private final List<Runnable> restartHooks = new CopyOnWriteArrayList<>();
    private final List<IntConsumer> initHooks = new CopyOnWriteArrayList<>();
    private final CountDownLatch stopped = new CountDownLatch(1);

    /** Read by {@link VpIntercepts} at every intercept. */
    volatile InterceptTrace trace;
    /** Read by {@link VpIntercepts} when CR0.NE is clear and an x87 error is reported or over. */
    volatile CoprocessorPins coprocessorPins;
    private volatile DebugListener debugListener;
    private volatile PartitionState state = PartitionState.OFF;
    private volatile StopReason stopReason;
    private final AtomicBoolean restarting = new AtomicBoolean();
    private volatile boolean waking;
    private boolean asleep;
    /** Held while the engine changes, and before the last one is closed. */
    private final Object engineLock = new Object();
    /** Runs all VPs in turn; null when each has a thread of its own. */
    private final TurnThread turns;
    private final LongSupplier random;
    private VpState bootState;
    private int liveVps;
    private boolean closed;

    private Partition(Backend engine, PartitionConfig config, Timers timers, TimerThread ownTimers, InstructionClock turns) {
        this.turns = turns == null ? null : new TurnThread(this, turns);
        this.random = turns == null ? null : new SplittableRandom(0)::nextLong;
        this.config = config;
        this.timers = timers;
        this.ownTimers = ownTimers;
        this.memory = MappedMemory.anonymous("ram of " + config.name(), MemoryLayout.hostBytes(config.memoryBytes()));
        memory.adviseHugePages();
        this.gpa = new GpaSpace(memory.segment());
        MemoryLayout.mapRam(gpa, config.memoryBytes());
        this.backend = engine.createPartition(gpa, new BackendConfig(config.processors(), config.irqchip(), config.cpuid(), config.cpu(),
                timers, random, 0));
        switch (backend.irqchip()) {
            case USER -> {
                software = new SoftwareInterruptController(config.processors(), timers, backend.tscHz());
                split = null;
                interrupts = software;
                gpa.mapMmio(MemoryLayout.IO_APIC, GpaSpace.PAGE_SIZE, software.ioApic());
                LocalApicPages.install(software, config.processors(), gpa, msrs);
            }
            case SPLIT -> {
                software = null;
                split = new SplitInterruptController(backend.interruptController());
                interrupts = split;
                gpa.mapMmio(MemoryLayout.IO_APIC, GpaSpace.PAGE_SIZE, split.ioApic());
            }
            default -> {
                software = null;
                split = null;
                interrupts = backend.interruptController();
            }
        }
        for (int i = 0; i < config.processors(); i++) {
            LocalApic apic = software == null ? null : software.localApic(i);
            BackendVp bvp = backend.createVp(i, apic);
            VirtualProcessor vp = new VirtualProcessor(this, i, bvp, apic);
            if (apic != null) {
                apic.connect(vp::interruptsChanged, vp::startupChanged);
            }
            processors.add(vp);
        }
    }

    /** Makes a partition in real time, with a timer thread of its own. */
    public static Partition create(Backend backend, PartitionConfig config) {
        TimerThread t = new TimerThread(new SystemClock());
        try {
            return new Partition(backend, config, t, t, null);
        } catch (RuntimeException | Error e) {
            t.close();
            throw e;
        }
    }

    /** Makes a partition whose time is the caller's, for example a virtual clock. */
    public static Partition create(Backend backend, PartitionConfig config, Timers timers) {
        return new Partition(backend, config, timers, null, null);
    }

    /**
     * Makes a partition of which two runs are alike: one host thread runs its VPs in turn, time passes with the instructions that they
     * execute (and to the next timer when all wait), and RDRAND gives the same numbers each time. What devices get from elsewhere, on other
     * threads, is for the caller to keep away. The engine cannot change.
     *
     * @throws UnsupportedOperationException when the backend does not count instructions
     */
    public static Partition createDeterministic(Backend backend, PartitionConfig config) {
        InstructionClock time = new InstructionClock();
        Partition p = new Partition(backend, config, time, null, time);
        try {
            p.processors.forEach(vp -> vp.backend().runUntil(0));
            return p;
        } catch (UnsupportedOperationException e) {
            p.close();
            throw e;
        }
    }

    /**
     * Has another engine run it from now on; every VP goes over with its whole state. It is running or paused. Not on a VP thread.
     *
     * <p>A guest that has measured its time-stamp counter needs an engine whose counter ticks at the same rate ({@link #tscHz}), and one that
     * has looked at CPUID, one that can do what it saw.
     *
     * @param to the engine; must outlive the partition
     * @throws IllegalStateException when interrupt controllers are the present engine's own, or it has stopped
     * @throws UnsupportedOperationException when the new engine wants interrupt controllers of its own
     */
    public void changeEngine(Backend to) {
        synchronized (engineLock) {
            boolean running = state == PartitionState.RUNNING;
            // Not under the partition's own lock, which VPs may need before they stand still.
            pause();
            if (turns != null || software == null || state == PartitionState.OFF || stopping()) {
                throw new IllegalStateException("the engine of partition " + config.name() + " cannot change: state=" + state
                        + ", irqchip=" + irqchip());
            }
            BackendPartition last = backend;
            BackendPartition next = to.createPartition(gpa, new BackendConfig(config.processors(), BackendConfig.Irqchip.USER, last.cpuid(),
                    config.cpu(), timers, random, last.tscHz()));
            if (next.irqchip() != BackendConfig.Irqchip.USER) {
                next.close();
                throw new UnsupportedOperationException(to.name() + " has interrupt controllers of its own");
            }
            for (VirtualProcessor vp : processors) {
                vp.changeEngine(next.createVp(vp.index(), software.localApic(vp.index())));
            }
            backend = next;
            last.close();
            if (next.tscHz() != last.tscHz()) {
                LOG.warn("partition {}: the time-stamp counter ticked at {} Hz and does at {} Hz now", config.name(), last.tscHz(), next.tscHz());
            }
            if (running) {
                resume();
            }
        }
    }

    /** {@return what it was made from} */
    public PartitionConfig config() {
        return config;
    }

    /** {@return its GPA space; RAM is mapped, see {@link MemoryLayout}} */
    public GpaSpace gpa() {
        return gpa;
    }

    /** {@return its I/O ports} */
    public PortSpace ports() {
        return ports;
    }

    /** {@return its MSRs, those the backend does not keep} */
    public MsrSpace msrs() {
        return msrs;
    }

    /** {@return where devices raise interrupts, whoever implements the chips} */
    public InterruptController interrupts() {
        return interrupts;
    }

    /** {@return where the interrupt controllers are in fact: with BACKEND, PIC and PIT are there too and must not be emulated} */
    public BackendConfig.Irqchip irqchip() {
        return backend.irqchip();
    }

    /** {@return our own interrupt controllers, to connect a PIC to; null unless {@link #irqchip()} is USER} */
    public SoftwareInterruptController softwareInterrupts() {
        return software;
    }

    /** {@return its clock and timers} */
    public Timers timers() {
        return timers;
    }

    /** {@return the CPUID table in force} */
    public CpuidTable cpuid() {
        return backend.cpuid();
    }

    /** Replaces the CPUID table; not started yet. */
    public void setCpuid(CpuidTable table) {
        backend.setCpuid(table);
    }

    /** {@return ticks a second of the guest's time-stamp counter} */
    public long tscHz() {
        return backend.tscHz();
    }

    /** {@return its virtual processors, by index} */
    public List<VirtualProcessor> processors() {
        return Collections.unmodifiableList(processors);
    }

    /** {@return a virtual processor} */
    public VirtualProcessor processor(int index) {
        return processors.get(index);
    }

    /** {@return the sum of all VPs' counters} */
    public VpCounters counters() {
        VpCounters sum = new VpCounters();
        processors.forEach(vp -> sum.add(vp.counters()));
        return sum;
    }

    /** Sets who sees the intercepts; null for nobody. */
    public void trace(InterceptTrace newTrace) {
        this.trace = newTrace;
    }

    /** Sets who is told of breakpoints and single steps; null for nobody. */
    public void debugListener(DebugListener listener) {
        this.debugListener = listener;
    }

    /** Sets what the VPs' FERR# and IGNNE# pins are connected to; null for nothing, which ignores x87 errors while CR0.NE is clear. */
    public void coprocessorPins(CoprocessorPins pins) {
        this.coprocessorPins = pins;
    }

    /**
     * Adds something to do when the guest resets, or wakes from {@link #sleep} ({@link #waking} tells): a device's reset. Called in the order
     * of adding, with every VP standing still.
     */
    public void onReset(Runnable hook) {
        resetHooks.add(hook);
    }

    /** Adds something to do when the guest is to start again after a reset, and not when it wakes: the loader's work. After all resets. */
    public void onRestart(Runnable hook) {
        restartHooks.add(hook);
    }

    /** {@return whether the reset under way is a waking from {@link #sleep}: what has a battery, and memory, keep what they hold} */
    public boolean waking() {
        return waking;
    }

    /**
     * Adds something to do when a VP has taken an INIT: called with its index, on its thread. Not called when local APICs are the backend's,
     * which keeps INIT to itself.
     */
    public void onInit(IntConsumer hook) {
        initHooks.add(hook);
    }

    void initialized(int vp) {
        for (IntConsumer hook : initHooks) {
            hook.accept(vp);
        }
    }

    /** Sets what VP 0 starts with; kept for restarts. Without it, VP 0 starts at the reset vector. */
    public synchronized void setBootState(VpState vp0) {
        this.bootState = vp0;
    }

    /** {@return where it is in its life} */
    public PartitionState state() {
        return state;
    }

    /** {@return why it stopped or is stopping; null before} */
    public StopReason stopReason() {
        return stopReason;
    }

    /** Starts it. @throws IllegalStateException when it was started or stopped before */
    public synchronized void start() {
        if (state != PartitionState.OFF) {
            throw new IllegalStateException("partition " + config.name() + " cannot start: state=" + state);
        }
        state = PartitionState.STARTING;
        setInitialStates();
        liveVps = processors.size();
        if (turns == null) {
            processors.forEach(VirtualProcessor::start);
        } else {
            turns.start();
        }
        state = PartitionState.RUNNING;
    }

    private void setInitialStates() {
        for (VirtualProcessor vp : processors) {
            if (vp.index() == 0) {
                if (bootState != null) {
                    vp.setState(bootState);
                }
            } else {
                VpState s = new VpState();
                vp.getState(s);
                s.apicBase &= ~0x100L;
                s.activity = VpState.Activity.WAIT_FOR_SIPI;
                s.msrs.remove(VpState.IA32_TSC); // all VPs' counters go on together
                vp.setState(s);
            }
        }
    }

    /** Asks every VP to stand still; returns at once. Nothing happens unless it is running. */
    public synchronized void requestPause() {
        if (state == PartitionState.RUNNING) {
            state = PartitionState.PAUSED;
            processors.forEach(VirtualProcessor::requestPause);
        }
    }

    /** Waits until every VP stands still. Not on a VP thread. */
    public void awaitPaused() {
        processors.forEach(VirtualProcessor::awaitPaused);
    }

    /** Makes every VP stand still and waits for it. Not on a VP thread. */
    public void pause() {
        requestPause();
        awaitPaused();
    }

    /** Lets every VP run on. */
    public synchronized void resume() {
        if (state == PartitionState.PAUSED && !asleep) {
            state = PartitionState.RUNNING;
            processors.forEach(VirtualProcessor::resume);
        }
    }

    /** Sends it to sleep as ACPI's S3 does: VPs stand still until {@link #wake}, a reset or a stop. Any thread; returns at once. */
    public synchronized void sleep() {
        if (state == PartitionState.RUNNING) {
            asleep = true;
            requestPause();
        }
    }

    /**
     * Ends {@link #sleep}, if that is what it does: chips and devices are reset, memory is as it was, and VP 0 starts in real mode at the
     * guest's waking vector, where firmware would send it (ACPI 6.5, 5.2.10). Any thread; returns at once.
     *
     * @param vector address below 1 MiB
     */
    public void wake(long vector) {
        synchronized (this) {
            if (!asleep) {
                return;
            }
        }
        VpState s = new VpState();
        s.seg[VpState.CS] = new SegmentState((int) (vector >>> 4) & 0xFFFF, vector & 0xFFFF0, 0xFFFF, 0x9B);
        s.rip = vector & 0xF;
        if (restarting.compareAndSet(false, true)) {
            Thread.ofPlatform().name("partition-wake").daemon().start(() -> restart(s));
        }
    }

    /**
     * Ends the partition, or restarts it when the reason is a reset and its configuration says so. Any thread, VP threads and devices in the
     * middle of an intercept included; returns at once. The first reason wins.
     */
    public void requestStop(StopReason reason) {
        if (reason.kind() == StopReason.Kind.RESET && config.restartOnReset()) {
            // A guest that is sure of itself resets by several ways at once: one of them is enough.
            if (restarting.compareAndSet(false, true)) {
                requestPause();
                Thread.ofPlatform().name("partition-reset").daemon().start(() -> restart(null));
            }
            return;
        }
        synchronized (this) {
            if (state == PartitionState.STOPPING || state == PartitionState.STOPPED) {
                return;
            }
            stopReason = reason;
            if (liveVps == 0) {
                state = PartitionState.STOPPED;
                stopped.countDown();
                return;
            }
            state = PartitionState.STOPPING;
        }
        for (VirtualProcessor vp : processors) {
            vp.wake();
            vp.resume();
        }
    }

    /** @param wakeState what VP 0 wakes to; null for a reset */
    private void restart(VpState wakeState) {
        awaitPaused();
        synchronized (this) {
            if (state != PartitionState.PAUSED) {
                restarting.set(false);
                return;
            }
            try {
                waking = wakeState != null;
                interrupts.reset();
                processors.forEach(vp -> vp.setState(new VpState()));
                resetHooks.forEach(Runnable::run);
                if (!waking) {
                    restartHooks.forEach(Runnable::run);
                }
                setInitialStates();
                if (waking) {
                    processors.getFirst().setState(wakeState);
                }
                waking = false;
                asleep = false;
            } catch (RuntimeException e) {
                LOG.error("reset of partition {} failed", config.name(), e);
                requestStop(StopReason.internalError("reset failed: " + e));
                return;
            }
            restarting.set(false);
            resume();
        }
    }

    /**
     * Waits for the end.
     *
     * @param timeout how long at most; null for ever
     * @return why it stopped; null when it has not within the time
     * @throws InterruptedException when the calling thread is interrupted
     */
    public StopReason awaitStop(Duration timeout) throws InterruptedException {
        if (timeout == null) {
            stopped.await();
        } else if (!stopped.await(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
            return null;
        }
        return stopReason;
    }

    boolean stopping() {
        PartitionState s = state;
        return s == PartitionState.STOPPING || s == PartitionState.STOPPED;
    }

    void vpEnded() {
        synchronized (this) {
            if (--liveVps > 0) {
                return;
            }
            state = PartitionState.STOPPED;
        }
        stopped.countDown();
    }

    void endOfInterrupt(int vector) {
        if (split != null) {
            split.ioApic().endOfInterrupt(vector);
        }
    }

    /** A VP met a breakpoint: everybody pauses, the listener is told. On the VP's thread. */
    void debugStop(VirtualProcessor vp) {
        requestPause();
        vp.requestPause();
        DebugListener l = debugListener;
        if (l == null) {
            requestStop(StopReason.internalError("vp-" + vp.index() + " stopped for a debugger, but there is none"));
        } else {
            l.stopped(vp);
        }
    }

    /** Stops when every VP is halted for good. On a VP's thread. */
    void checkHaltedForever() {
        for (VirtualProcessor vp : processors) {
            if (!vp.canNeverRun()) {
                return;
            }
        }
        requestStop(StopReason.HALTED_FOREVER);
    }

    /** Stops it if need be, waits for its threads, and frees everything. Not on a VP thread. */
    @Override
    public void close() {
        requestStop(StopReason.KILLED);
        processors.forEach(VirtualProcessor::join);
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        if (ownTimers != null) {
            ownTimers.close();
        }
        synchronized (engineLock) {
            processors.forEach(vp -> vp.backend().close());
            backend.close();
        }
        memory.close();
    }
}
