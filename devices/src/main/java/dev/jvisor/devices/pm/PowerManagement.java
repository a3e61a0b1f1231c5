package dev.jvisor.devices.pm;

import static dev.jvisor.devices.pm.PmRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;

/**
 * PM1 event and control registers, PM timer, power button. Always in ACPI mode: there is no SMI to switch it on. From S3 the power button
 * wakes, and the alarm of the real-time clock if its event is enabled.
 *
 * <p>Thread-safe. Calls the interrupt controller with its own lock held, other call-backs without.
 */
public final class PowerManagement implements PortDevice {
    private static final long NS_PER_SECOND = 1_000_000_000L;

    private final Timers timers;
    private final InterruptController interrupts;
    private final int timerBits;
    private final Runnable powerOff;
    private final Timer overflow;
    private Runnable sleep = () -> { };
    private Runnable wake = () -> { };

    private int status;
    private int enable;
    private int control = SCI_EN;
    /** Added to the clock's ticks, so that a restored timer goes on where it was. */
    private long tickOffset;
    private long lastHalf;
    private boolean asleep;

    /**
     * Makes the hardware.
     *
     * @param timers the partition's time
     * @param interrupts where the SCI goes
     * @param timerBits width of the PM timer, 24 or 32; the FADT says which
     * @param powerOff what entering S5 does
     */
    public PowerManagement(Timers timers, InterruptController interrupts, int timerBits, Runnable powerOff) {
        if (timerBits != 24 && timerBits != 32) {
            throw new IllegalArgumentException("PM timers have 24 or 32 bits: timerBits=" + timerBits);
        }
        this.timers = timers;
        this.interrupts = interrupts;
        this.timerBits = timerBits;
        this.powerOff = powerOff;
        this.overflow = timers.create("pm-timer", this::overflowed);
    }

    /** Says what entering S3 does, and what a wake event does then; before the partition starts. */
    public void onSleep(Runnable whenAsleep, Runnable whenWoken) {
        sleep = whenAsleep;
        wake = whenWoken;
    }

    /** Power-on reset; the timer runs on. */
    public synchronized void reset() {
        asleep = false;
        status = 0;
        enable = 0;
        control = SCI_EN;
        lastHalf = half();
        update();
    }

    /** Presses the power button: a guest with ACPI shuts down. {@return whether the guest listens for it} */
    public boolean pressPowerButton() {
        event(PWRBTN_STS, true);
        synchronized (this) {
            return (enable & PWRBTN_STS) != 0;
        }
    }

    /** The alarm of the real-time clock has gone off. */
    public void alarm() {
        event(RTC_STS, false);
    }

    private void event(int bit, boolean wakesAlways) {
        boolean woken;
        synchronized (this) {
            status |= bit;
            woken = asleep && (wakesAlways || (enable & bit) != 0);
            if (woken) {
                asleep = false;
                status |= WAK_STS;
            }
            update();
        }
        if (woken) {
            wake.run();
        }
    }

    private long ticks() {
        long ns = timers.nowNs();
        return ns / NS_PER_SECOND * PM_TIMER_HZ + ns % NS_PER_SECOND * PM_TIMER_HZ / NS_PER_SECOND + tickOffset;
    }

    /** {@return half-periods of the timer completed: its highest bit changes with each} */
    private long half() {
        return ticks() >> timerBits - 1;
    }

    private void catchUp() {
        long now = half();
        if (now != lastHalf) {
            lastHalf = now;
            status |= TMR_STS;
        }
    }

    private synchronized void overflowed() {
        catchUp();
        update();
    }

    private void update() {
        interrupts.setLine(SCI, (status & enable) != 0);
        if ((enable & ~status & TMR_STS) != 0) {
            long left = (lastHalf + 1 << timerBits - 1) - ticks();
            overflow.arm(timers.nowNs() + (Math.max(left, 0) + 1) * NS_PER_SECOND / PM_TIMER_HZ + 1);
        } else {
            overflow.disarm();
        }
    }

    @Override
    public synchronized int portRead(int vp, int anyPort, int size) {
        int port = BASE + (anyPort & SIZE - 1);
        if (port >= PM_TIMER && port < PM_TIMER + 4) {
            return (int) (ticks() & (1L << timerBits) - 1) >>> 8 * (port - PM_TIMER);
        }
        int value = switch (port & ~1) {
            case PM1_EVENT -> {
                catchUp();
                update();
                yield status;
            }
            case PM1_ENABLE -> enable;
            case PM1_CONTROL -> control;
            default -> 0xFFFF;
        };
        return value >>> 8 * (port & 1);
    }

    @Override
    public void portWrite(int vp, int anyPort, int size, int value) {
        int port = BASE + (anyPort & SIZE - 1);
        boolean off = false;
        boolean slept = false;
        synchronized (this) {
            int shift = 8 * (port & 1);
            int mask = (size == 1 ? 0xFF : 0xFFFF) << shift & 0xFFFF;
            int v = value << shift & mask;
            switch (port & ~1) {
                case PM1_EVENT -> {
                    catchUp();
                    status &= ~v;
                }
                case PM1_ENABLE -> {
                    catchUp();
                    enable = (enable & ~mask | v) & ENABLE_BITS;
                }
                case PM1_CONTROL -> {
                    control = (control & ~mask | v) & CONTROL_BITS | SCI_EN;
                    int type = control >>> 10 & 7;
                    off = (v & SLP_EN) != 0 && (type == S5 || type == S5_OF_FIRMWARE);
                    slept = (v & SLP_EN) != 0 && type == S3;
                    asleep |= slept;
                }
                default -> { } // the timer is read-only
            }
            update();
        }
        if (off) {
            powerOff.run();
        }
        if (slept) {
            sleep.run();
            fallAsleep();
        }
    }

    /** An event that has come already keeps it awake. */
    private void fallAsleep() {
        boolean pending;
        synchronized (this) {
            pending = (status & enable & RTC_STS) != 0;
        }
        if (pending) {
            event(RTC_STS, false);
        }
    }

    /** {@return what the hardware remembers} */
    public synchronized PmState save() {
        return new PmState(status, enable, control, ticks(), lastHalf);
    }

    /** Replaces what the hardware remembers; the timer goes on where it was saved. */
    public synchronized void restore(PmState s) {
        status = s.status() & STATUS_BITS;
        enable = s.enable() & ENABLE_BITS;
        control = s.control() & CONTROL_BITS | SCI_EN;
        tickOffset += s.timer() - ticks();
        lastHalf = s.lastHalf();
        update();
    }
}
