package dev.jvisor.vmm.apic;

import static dev.jvisor.vmm.apic.LocalApicRegisters.*;

import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.backend.VpInterrupts;
import dev.jvisor.vmm.time.Timers;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The local APIC of one VP (Intel SDM 3A, chapter 11), in xAPIC and x2APIC mode. Its registers belong to the VP's thread; interrupts are
 * accepted from any thread without a lock: a bit in IRR, then the call-back given to {@link #connect}.
 *
 * <p>An interrupt of a PIC (ExtINT on LINT0) is offered by {@link #pendingVector} as 0, since its vector is known only when
 * {@link #acknowledge} asks the PIC. LINT0 of VP 0 starts as ExtINT, unmasked, as firmware leaves it.
 */
public final class LocalApic implements VpInterrupts {
    /** IA32_APIC_BASE. */
    public static final int MSR_APIC_BASE = 0x1B;
    /** IA32_TSC_DEADLINE. */
    public static final int MSR_TSC_DEADLINE = 0x6E0;
    /** First x2APIC register. */
    public static final int MSR_X2APIC_FIRST = 0x800;
    /** Last x2APIC register. */
    public static final int MSR_X2APIC_LAST = 0x8FF;

    /** Reserved bits, whose writes in x2APIC mode are #GP: of ICR 13, 16, 17 and 20 to 31, of SVR what this one does not offer. */
    private static final long ICR_RESERVED = 0xFFF3_2000L, SVR_RESERVED = ~0x3FFL, DIVIDE_RESERVED = ~0xBL;
    /** Base address above the 39 bits that CPUID tells of, and the reserved low bits. */
    private static final long BASE_RESERVED = 0xFFFFFF80_000002FFL;

    private final int id;
    private final ApicBus bus;
    private final ApicTimer timer;
    private Runnable changed = () -> { };
    private Runnable startup = () -> { };
    private Runnable moved = () -> { };
    private volatile ExternalInterrupt external;

    private final VectorSet irr = new VectorSet();
    private final VectorSet isr = new VectorSet();
    private final VectorSet tmr = new VectorSet();
    /** Vectors that do not stay in service; not the APIC's own state but that of whoever set it. */
    private final VectorSet automaticEoi = new VectorSet();
    private final ProcessorSignals signals = new ProcessorSignals();
    private final LocalVectorTable lvt = new LocalVectorTable();
    private final AtomicInteger pendingErrors = new AtomicInteger();

    private volatile long apicBase;
    private volatile int tpr;
    private volatile int ldr;
    private volatile int dfr;
    private volatile int svr;
    private int esr;
    private int icrLow;
    private int icrHigh;
    /** Last level seen on LINT0, for LINT0 in other modes than ExtINT. */
    private final AtomicBoolean lint0 = new AtomicBoolean();

    LocalApic(int id, Timers timers, long tscHz, ApicBus bus) {
        this.id = id;
        this.bus = bus;
        this.timer = new ApicTimer("apic-timer-" + id, timers, tscHz, () -> fireLvt(LocalVectorTable.TIMER));
        reset();
    }

    /**
     * Says whom to tell; before the VP runs.
     *
     * @param whenChanged something for {@link #pendingVector} or an NMI may have come
     * @param whenStartup an INIT or a start-up IPI has come
     */
    public void connect(Runnable whenChanged, Runnable whenStartup) {
        this.changed = whenChanged;
        this.startup = whenStartup;
    }

    /** Says whom to tell when the address of its register page, in IA32_APIC_BASE, has changed; before the VP runs. */
    public void onMove(Runnable whenMoved) {
        moved = whenMoved;
    }

    private void changeBase(long value) {
        boolean moves = (apicBase ^ value) >>> 12 != 0;
        apicBase = value;
        if (moves) {
            moved.run();
        }
    }

    /** Says which vectors end by themselves; see {@link dev.jvisor.vmm.backend.InterruptController#setAutomaticEoi}. */
    void setAutomaticEoi(long[] vectors) {
        automaticEoi.restore(vectors);
    }

    void connectExternal(ExternalInterrupt pic) {
        this.external = pic;
        changed.run();
    }

    /** {@return the APIC id} */
    public int id() {
        return id;
    }

    /** {@return IA32_APIC_BASE} */
    public long apicBase() {
        return apicBase;
    }

    /** Power-up and reset. */
    void reset() {
        changeBase(0xFEE00000L | BASE_ENABLE | (id == 0 ? BASE_BSP : 0));
        signals.reset();
        lint0.set(false);
        resetRegisters();
    }

    /** What INIT does too: everything but id and base. */
    private void resetRegisters() {
        timer.reset();
        irr.clearAll();
        isr.clearAll();
        tmr.clearAll();
        tpr = 0;
        ldr = 0;
        dfr = -1;
        svr = 0xFF;
        esr = 0;
        pendingErrors.set(0);
        icrLow = 0;
        icrHigh = 0;
        lvt.reset(id == 0);
    }

    // ---- interrupts coming in, any thread

    boolean enabled() {
        return (apicBase & BASE_ENABLE) != 0;
    }

    boolean x2apic() {
        return (apicBase & BASE_X2APIC) != 0;
    }

    boolean softwareEnabled() {
        return enabled() && (svr & SVR_ENABLE) != 0;
    }

    /** {@return what arbitration for lowest priority compares} */
    int arbitrationPriority() {
        return processorPriority();
    }

    /**
     * Whether a message is for this APIC.
     *
     * @param destination 8 bits, or 32 when {@code wide}
     */
    boolean matches(int destination, boolean logical, boolean wide) {
        if (destination == (wide ? -1 : 0xFF)) {
            return true;
        }
        if (!logical) {
            return destination == id;
        }
        if (x2apic()) {
            int own = x2apicLdr();
            return destination >>> 16 == own >>> 16 && (destination & own & 0xFFFF) != 0;
        }
        int own = ldr >>> 24;
        if (dfr >>> 28 == 0xF) {
            return (own & destination) != 0;
        }
        return (own >> 4 == (destination >> 4 & 0xF) || (destination >> 4 & 0xF) == 0xF) && (own & destination & 0xF) != 0;
    }

    private int x2apicLdr() {
        return id >> 4 << 16 | 1 << (id & 0xF);
    }

    /**
     * Takes a message.
     *
     * @param mode delivery mode
     * @return false when it was dropped because the APIC is switched off or the message is none
     */
    boolean accept(int mode, int vector, boolean level) {
        if (!enabled()) {
            return false;
        }
        switch (mode) {
            case MODE_FIXED, MODE_LOWEST -> {
                if (!softwareEnabled()) {
                    return false;
                }
                if (vector < 16) {
                    error(ESR_RECEIVED_ILLEGAL_VECTOR);
                    return false;
                }
                if (level) {
                    tmr.set(vector);
                } else {
                    tmr.clear(vector);
                }
                irr.set(vector);
                changed.run();
            }
            case MODE_NMI -> {
                signals.sendNmi();
                changed.run();
            }
            case MODE_INIT -> {
                signals.sendInit();
                startup.run();
            }
            case MODE_STARTUP -> {
                signals.sendSipi(vector);
                startup.run();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void error(int bit) {
        pendingErrors.getAndUpdate(e -> e | bit);
        int entry = lvt.entry(LocalVectorTable.ERROR);
        if ((entry & LVT_MASKED) == 0 && (entry & 0xFF) >= 16) {
            accept(MODE_FIXED, entry & 0xFF, false);
        }
    }

    private void fireLvt(int which) {
        int entry = lvt.entry(which);
        if ((entry & LVT_MASKED) == 0) {
            accept(LocalVectorTable.deliveryMode(entry), entry & 0xFF, false);
        }
    }

    /** The wire LINT0 may have changed its level: ExtINT is looked at by the processor itself, other modes deliver on the rise. */
    void lint0Changed() {
        ExternalInterrupt pic = external;
        boolean level = pic != null && pic.asserted();
        int mode = LocalVectorTable.deliveryMode(lvt.entry(LocalVectorTable.LINT0));
        boolean rise = !lint0.getAndSet(level) && level;
        if (!enabled() || mode == MODE_EXTINT) {
            if (level) {
                changed.run();
            }
        } else if (rise) {
            fireLvt(LocalVectorTable.LINT0);
        }
    }

    /** Pulses LINT1, where an NMI button would be wired. */
    public void pulseLint1() {
        fireLvt(LocalVectorTable.LINT1);
    }

    // ---- what the VP asks

    private boolean externalAsserted() {
        ExternalInterrupt pic = external;
        return pic != null && (!enabled() || lvt.takesExternalInterrupts()) && pic.asserted();
    }

    private int processorPriority() {
        int serving = isr.highest();
        int task = tpr;
        return serving < 0 || (task & 0xF0) >= (serving & 0xF0) ? task : serving & 0xF0;
    }

    private int deliverable() {
        if (!softwareEnabled()) {
            return -1;
        }
        int v = irr.highest();
        return v < 0 || (v & 0xF0) <= (processorPriority() & 0xF0) ? -1 : v;
    }

    @Override
    public int pendingVector() {
        int v = deliverable();
        return v < 0 && externalAsserted() ? 0 : v;
    }

    @Override
    public int acknowledge() {
        if (externalAsserted()) {
            return external.acknowledge() & 0xFF;
        }
        int v = deliverable();
        if (v >= 0) {
            if (!automaticEoi.contains(v)) {
                isr.set(v);
            }
            irr.clear(v);
        }
        return v;
    }

    @Override
    public boolean takeNmi() {
        return signals.takeNmi();
    }

    @Override
    public void endOfNmi() {
        signals.endOfNmi();
    }

    @Override
    public boolean nmiPending() {
        return signals.nmiPending();
    }

    @Override
    public boolean takeInit() {
        boolean taken = signals.takeInit();
        if (taken) {
            resetRegisters();
        }
        return taken;
    }

    @Override
    public boolean initPending() {
        return signals.initPending();
    }

    @Override
    public int takeSipi() {
        return signals.takeSipi();
    }

    @Override
    public boolean sipiPending() {
        return signals.sipiPending();
    }

    @Override
    public int cr8() {
        return tpr >> 4;
    }

    @Override
    public void setCr8(int value) {
        setTpr((value & 0xF) << 4);
    }

    @Override
    public boolean localApicEnabled() {
        return enabled();
    }

    @Override
    public void setTscOffset(long offset) {
        timer.setTscOffset(offset);
    }

    private void setTpr(int value) {
        int old = tpr;
        tpr = value & 0xFF;
        if ((value & 0xF0) < (old & 0xF0)) {
            lookAgain();
        }
    }

    private void lookAgain() {
        if (pendingVector() >= 0) {
            changed.run();
        }
    }

    private void endOfInterrupt() {
        int v = isr.highest();
        if (v < 0) {
            return;
        }
        isr.clear(v);
        if (tmr.contains(v)) {
            bus.endOfInterrupt(v);
        }
        lookAgain();
    }

    // ---- registers, the VP's thread

    /** Reads the register page. {@return the value, zero-extended; all-ones when the APIC is not in xAPIC mode} */
    public long mmioRead(long offset, int size) {
        if (!enabled() || x2apic()) {
            return -1;
        }
        int within = (int) offset & 0xF;
        if (within > 3) {
            return 0;
        }
        return Integer.toUnsignedLong(read((int) offset & 0xFF0)) >>> within * 8;
    }

    /** Writes the register page; only whole aligned registers take effect. */
    public void mmioWrite(long offset, int size, long value) {
        if (!enabled() || x2apic() || size < 4 || (offset & 0xF) != 0) {
            return;
        }
        int register = (int) offset & 0xFF0;
        if (register == ICR_HIGH) {
            icrHigh = (int) value & 0xFF000000;
        } else if (register == LDR) {
            ldr = (int) value & 0xFF000000;
        } else if (register == DFR) {
            dfr = (int) value | 0x0FFFFFFF;
        } else if (register == ICR_LOW) {
            sendIpi((int) value, icrHigh >>> 24);
        } else if (!write(register, (int) value)) {
            error(ESR_ILLEGAL_REGISTER);
        }
    }

    /** RDMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE and the x2APIC registers. {@return false for #GP} */
    public boolean msrRead(int index, MsrValue value) {
        if (index == MSR_APIC_BASE) {
            value.value = apicBase;
            return true;
        }
        if (index == MSR_TSC_DEADLINE) {
            value.value = timer.tscDeadline();
            return true;
        }
        if (!x2apic() || index < MSR_X2APIC_FIRST || index > MSR_X2APIC_LAST) {
            return false;
        }
        int register = index - MSR_X2APIC_FIRST << 4;
        switch (register) {
            case EOI, SELF_IPI, ICR_HIGH, DFR, APR -> {
                return false;
            }
            case ICR_LOW -> value.value = (long) icrHigh << 32 | Integer.toUnsignedLong(icrLow);
            case LDR -> value.value = x2apicLdr();
            case ID -> value.value = id;
            default -> {
                if (!exists(register)) {
                    return false;
                }
                value.value = Integer.toUnsignedLong(read(register));
            }
        }
        return true;
    }

    /** WRMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE and the x2APIC registers. {@return false for #GP} */
    public boolean msrWrite(int index, long value) {
        if (index == MSR_APIC_BASE) {
            return setBase(value);
        }
        if (index == MSR_TSC_DEADLINE) {
            timer.setTscDeadline(value);
            return true;
        }
        if (!x2apic() || index < MSR_X2APIC_FIRST || index > MSR_X2APIC_LAST) {
            return false;
        }
        int register = index - MSR_X2APIC_FIRST << 4;
        if (register == ICR_LOW) {
            if ((value & ICR_RESERVED) != 0) {
                return false;
            }
            icrHigh = (int) (value >>> 32);
            sendIpi((int) value, icrHigh);
            return true;
        }
        if (value >>> 32 != 0) {
            return false;
        }
        switch (register) {
            case SELF_IPI -> {
                if (value > 0xFF) {
                    return false;
                }
                sendIpi(SHORTHAND_SELF << ICR_SHORTHAND_SHIFT | (int) value & 0xFF, 0);
                return true;
            }
            case EOI, ESR -> {
                return value == 0 && write(register, 0);
            }
            case TPR -> {
                return value <= 0xFF && write(register, (int) value);
            }
            default -> {
                return (value & reserved(register)) == 0 && write(register, (int) value);
            }
        }
    }

    /** {@return bits of a register that must be written as zeros in x2APIC mode (SDM 3A, 11.12.1.3)} */
    private static long reserved(int register) {
        return switch (register) {
            case SVR -> SVR_RESERVED;
            case LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR -> LocalVectorTable.reserved(LocalVectorTable.index(register));
            case TIMER_DIVIDE -> DIVIDE_RESERVED;
            default -> 0;
        };
    }

    private boolean setBase(long value) {
        long changedBits = value ^ apicBase;
        boolean wasX2 = x2apic();
        boolean willBeX2 = (value & BASE_X2APIC) != 0;
        boolean willBeEnabled = (value & BASE_ENABLE) != 0;
        // Legal moves: SDM figure 11-27.
        if ((value & BASE_RESERVED) != 0 || willBeX2 && !willBeEnabled || wasX2 && willBeEnabled && !willBeX2 || !enabled() && willBeX2) {
            return false;
        }
        changeBase(value);
        if ((changedBits & BASE_ENABLE) != 0 && !willBeEnabled) {
            resetRegisters();
        }
        return true;
    }

    private static boolean exists(int register) {
        return switch (register) {
            case ID, VERSION, TPR, PPR, SVR, ESR, LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR,
                    TIMER_INITIAL, TIMER_CURRENT, TIMER_DIVIDE -> true;
            default -> register >= ISR && register < ESR;
        };
    }

    private int read(int register) {
        if (register >= ISR && register < ESR) {
            int i = register >> 4 & 7;
            return switch (register & 0xF80) {
                case ISR -> isr.register(i);
                case TMR -> tmr.register(i);
                default -> irr.register(i);
            };
        }
        return switch (register) {
            case ID -> id << 24;
            case VERSION -> VERSION_VALUE;
            case TPR -> tpr;
            case PPR -> processorPriority();
            case LDR -> ldr;
            case DFR -> dfr;
            case SVR -> svr;
            case ESR -> esr;
            case ICR_LOW -> icrLow;
            case ICR_HIGH -> icrHigh;
            case LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR -> lvt.entry(LocalVectorTable.index(register));
            case TIMER_INITIAL -> timer.initialCount();
            case TIMER_CURRENT -> timer.currentCount();
            case TIMER_DIVIDE -> timer.divide();
            default -> 0;
        };
    }

    /** {@return whether there is such a register to write} */
    private boolean write(int register, int value) {
        switch (register) {
            case TPR -> setTpr(value);
            case EOI -> endOfInterrupt();
            case SVR -> {
                svr = value & 0x1FF;
                if ((value & SVR_ENABLE) == 0) {
                    lvt.maskAll();
                } else {
                    lookAgain();
                }
            }
            case ESR -> esr = pendingErrors.getAndSet(0);
            case LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR -> writeLvt(LocalVectorTable.index(register), value);
            case TIMER_INITIAL -> timer.setInitialCount(value);
            case TIMER_DIVIDE -> timer.setDivide(value);
            case ID -> {
                // Fixed here; a write is harmless in xAPIC mode and #GP in x2APIC mode.
                return !x2apic();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void writeLvt(int which, int value) {
        boolean disabled = (svr & SVR_ENABLE) == 0;
        if (which == LocalVectorTable.TIMER) {
            // Before the entry changes: what was due under the old mode fires by the old entry.
            timer.setMode(value >> LVT_TIMER_MODE_SHIFT & 3);
        }
        lvt.write(which, value, disabled);
        if (which == LocalVectorTable.LINT0) {
            lookAgain();
        }
    }

    private void sendIpi(int low, int destination) {
        icrLow = low & ~ICR_DELIVERY_STATUS & 0xCDFFF;
        int mode = low >> 8 & 7;
        if ((mode == MODE_FIXED || mode == MODE_LOWEST) && (low & 0xFF) < 16) {
            error(ESR_SEND_ILLEGAL_VECTOR);
            return;
        }
        bus.sendIpi(this, low, destination);
    }

    // ---- state

    /** {@return everything it holds; the VP is paused} */
    public LocalApicState save() {
        ApicTimer.State t = timer.save();
        return new LocalApicState(apicBase, tpr, ldr, dfr, svr, esr, pendingErrors.get(),
                (long) icrHigh << 32 | Integer.toUnsignedLong(icrLow), lvt.save(), irr.save(), isr.save(), tmr.save(),
                signals.nmis(), signals.initPending(), signals.sipi(), t.initialCount(), t.divide(), t.tscDeadline(), t.remainingNs());
    }

    /** Takes over what {@link #save} gave; the VP is paused. */
    public void restore(LocalApicState s) {
        changeBase(s.apicBase());
        tpr = s.tpr();
        ldr = s.ldr();
        dfr = s.dfr();
        svr = s.svr();
        esr = s.esr();
        pendingErrors.set(s.pendingErrors());
        icrHigh = (int) (s.icr() >>> 32);
        icrLow = (int) s.icr();
        lvt.restore(s.lvt());
        irr.restore(s.irr());
        isr.restore(s.isr());
        tmr.restore(s.tmr());
        signals.restore(s.nmis(), s.init(), s.sipi());
        timer.restore(new ApicTimer.State(s.timerInitialCount(), s.timerDivide(), s.tscDeadline(), s.timerRemainingNs()),
                lvt.timerMode());
        changed.run();
    }
}
