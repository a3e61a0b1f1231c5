package dev.jvisor.vmm.apic;

import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;

/**
 * The timer of one local APIC: one-shot, periodic and TSC-deadline (Intel SDM 3A, 11.5.4). The bus clock is 1 GHz, so one count before the
 * divider is one nanosecond. Programmed by the VP, fires on the timer thread; a lock of its own, never held while it fires.
 */
final class ApicTimer {
    /** The shortest period honoured: a guest must not keep the host's timer thread busy for ever. */
    private static final long MIN_PERIOD_NS = 20_000;
    private static final long NS_PER_SECOND = 1_000_000_000L;

    /**
     * What is saved.
     *
     * @param initialCount register 0x380
     * @param divide register 0x3E0
     * @param tscDeadline IA32_TSC_DEADLINE, 0 when not armed
     * @param remainingNs until the next expiry, -1 when nothing is armed
     */
    record State(int initialCount, int divide, long tscDeadline, long remainingNs) { }

    private final Timers timers;
    private final long tscHz;
    private final Runnable expired;
    private final Timer timer;

    private int mode;
    private int initialCount;
    private int divide;
    private long tscDeadline;
    /** What the guest's TSC is ahead of the clock, in ticks. Belongs to the VP's state and is not saved here. */
    private long tscOffset;
    private boolean armed;
    private long deadlineNs;

    /** @param expired called on the timer thread at each expiry */
    ApicTimer(String name, Timers timers, long tscHz, Runnable expired) {
        this.timers = timers;
        this.tscHz = tscHz;
        this.expired = expired;
        this.timer = timers.create(name, this::fire);
    }

    private long periodNs() {
        return Integer.toUnsignedLong(initialCount) * divisor();
    }

    private int divisor() {
        int code = divide & 3 | divide >> 1 & 4;
        return 1 << (code + 1 & 7);
    }

    private void arm(long deadline) {
        armed = true;
        deadlineNs = deadline;
        timer.arm(deadline);
    }

    private void disarm() {
        armed = false;
        timer.disarm();
    }

    /** On the timer thread, and wherever the VP could see that the time has come before that thread does. */
    private void fire() {
        synchronized (this) {
            long now = timers.nowNs();
            // The timer may have been moved while this call-back was on its way.
            if (!armed || now < deadlineNs) {
                return;
            }
            if (mode == LocalApicRegisters.TIMER_PERIODIC && initialCount != 0) {
                long period = Math.max(periodNs(), MIN_PERIOD_NS);
                // Ticks missed while the host was away are dropped, and the phase is kept.
                arm(deadlineNs + ((now - deadlineNs) / period + 1) * period);
            } else {
                disarm();
                tscDeadline = 0;
            }
        }
        expired.run();
    }

    /** The mode bits of the LVT entry were written. */
    void setMode(int newMode) {
        fire();
        changeMode(newMode);
    }

    private synchronized void changeMode(int newMode) {
        if (newMode == mode) {
            return;
        }
        boolean deadlineMode = mode == LocalApicRegisters.TIMER_TSC_DEADLINE || newMode == LocalApicRegisters.TIMER_TSC_DEADLINE;
        mode = newMode;
        if (deadlineMode) {
            disarm();
            tscDeadline = 0;
            initialCount = 0;
        }
    }

    synchronized int initialCount() {
        return initialCount;
    }

    synchronized void setInitialCount(int count) {
        if (mode == LocalApicRegisters.TIMER_TSC_DEADLINE) {
            return;
        }
        initialCount = count;
        if (count == 0) {
            disarm();
        } else {
            arm(timers.nowNs() + periodNs());
        }
    }

    int currentCount() {
        fire();
        return count();
    }

    private synchronized int count() {
        if (!armed || mode == LocalApicRegisters.TIMER_TSC_DEADLINE) {
            return 0;
        }
        long left = deadlineNs - timers.nowNs();
        if (left <= 0) {
            if (mode != LocalApicRegisters.TIMER_PERIODIC) {
                return 0;
            }
            long period = periodNs();
            left = period - -left % period;
        }
        return (int) (left / divisor());
    }

    synchronized int divide() {
        return divide;
    }

    /** Changes the divider; a count under way keeps what is left of it, in counts. */
    synchronized void setDivide(int value) {
        int count = count();
        divide = value & 0xB;
        if (armed && mode != LocalApicRegisters.TIMER_TSC_DEADLINE) {
            arm(timers.nowNs() + Integer.toUnsignedLong(count) * divisor());
        }
    }

    long tscDeadline() {
        fire();
        synchronized (this) {
            return tscDeadline;
        }
    }

    /** Arms the timer; a deadline that has passed already fires at once. */
    void setTscDeadline(long value) {
        synchronized (this) {
            if (mode != LocalApicRegisters.TIMER_TSC_DEADLINE) {
                return;
            }
            tscDeadline = value;
            if (value == 0) {
                disarm();
            } else {
                armDeadline();
            }
        }
        fire();
    }

    synchronized void setTscOffset(long offset) {
        tscOffset = offset;
        if (armed && mode == LocalApicRegisters.TIMER_TSC_DEADLINE) {
            armDeadline();
        }
    }

    private void armDeadline() {
        long ticks = tscDeadline - tscOffset;
        // A deadline before the clock's time zero is long past.
        boolean past = Long.compareUnsigned(tscDeadline, tscOffset) < 0 && tscOffset > 0;
        arm(past ? 0 : nsOfTsc(ticks));
    }

    /** Rounds up: an early interrupt would find the guest's TSC short of its deadline. */
    private long nsOfTsc(long tsc) {
        if (tscHz == NS_PER_SECOND) {
            return tsc < 0 ? Long.MAX_VALUE : tsc;
        }
        long seconds = Long.divideUnsigned(tsc, tscHz);
        if (seconds > Long.MAX_VALUE / NS_PER_SECOND - 1) {
            return Long.MAX_VALUE;
        }
        long rest = Long.remainderUnsigned(tsc, tscHz);
        return seconds * NS_PER_SECOND + Long.divideUnsigned(rest * NS_PER_SECOND + tscHz - 1, tscHz);
    }

    synchronized void reset() {
        disarm();
        mode = 0;
        initialCount = 0;
        divide = 0;
        tscDeadline = 0;
    }

    synchronized State save() {
        return new State(initialCount, divide, tscDeadline, armed ? Math.max(0, deadlineNs - timers.nowNs()) : -1);
    }

    synchronized void restore(State s, int newMode) {
        disarm();
        mode = newMode;
        initialCount = s.initialCount();
        divide = s.divide();
        tscDeadline = s.tscDeadline();
        if (s.remainingNs() >= 0) {
            arm(timers.nowNs() + s.remainingNs());
        }
    }
}
