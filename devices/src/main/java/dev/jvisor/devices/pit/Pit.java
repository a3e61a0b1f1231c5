package dev.jvisor.devices.pit;

import static dev.jvisor.devices.pit.PitRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;
import java.util.List;

/**
 * The 8254 interval timer at 40h to 43h, with system control port 61h. Counter 0 drives interrupt line 0; counter 2 is read through port
 * 61h, which is how kernels calibrate their time-stamp counter; counter 1 (memory refresh) only counts.
 *
 * <p>Ticks of counter 0 that came due while the host was late are made up for, up to {@link #MAX_BACKLOG}, at twice the rate: a guest that
 * counts ticks keeps its time over short stalls and is not flooded after long ones.
 *
 * <p>Thread-safe. Calls the interrupt controller with its own lock held.
 */
public final class Pit implements PortDevice {
    /** Most ticks that are owed to the guest. */
    public static final int MAX_BACKLOG = 100;
    /** Shortest time between two interrupts: a guest cannot make the host do nothing else. */
    static final long MIN_INTERVAL_NS = 100_000;

    private static final int IRQ = 0;

    private final Timers timers;
    private final InterruptController interrupts;
    private final Timer timer;

    private final PitChannel[] channels = {new PitChannel(true), new PitChannel(true), new PitChannel(false)};
    private int systemControl;
    private long lastRise;
    private int backlog;

    /**
     * Makes a timer with nothing programmed.
     *
     * @param timers the partition's time
     * @param interrupts where line 0 goes
     */
    public Pit(Timers timers, InterruptController interrupts) {
        this.timers = timers;
        this.interrupts = interrupts;
        this.timer = timers.create("pit-0", this::fire);
    }

    /** Power-on reset. */
    public synchronized void reset() {
        for (int c = 0; c < 3; c++) {
            channels[c] = new PitChannel(c != 2);
        }
        systemControl = 0;
        backlog = 0;
        timer.disarm();
        interrupts.setLine(IRQ, false);
    }

    private long now() {
        return ticks(timers.nowNs());
    }

    private synchronized void fire() {
        PitChannel c = channels[0];
        long now = now();
        long next = c.nextRise(lastRise);
        if (next <= now) {
            int missed = 0;
            if (c.periodic()) {
                long n = (now - next) / c.reload();
                next += n * c.reload();
                // Rates the host does not serve anyway are not owed.
                missed = ns(c.reload()) < MIN_INTERVAL_NS ? 0 : (int) Math.min(n, MAX_BACKLOG);
            }
            lastRise = next;
            backlog = Math.min(backlog + missed, MAX_BACKLOG);
            pulse();
        } else if (backlog > 0) {
            backlog--;
            pulse();
        }
        schedule();
    }

    /** Line 0 stays up between two ticks: OUT is high but for one clock (mode 2), and only the rise counts. */
    private void pulse() {
        interrupts.setLine(IRQ, false);
        interrupts.setLine(IRQ, true);
    }

    private void schedule() {
        PitChannel c = channels[0];
        long next = c.nextRise(lastRise);
        if (next == PitChannel.NEVER) {
            timer.disarm();
            return;
        }
        long nowNs = timers.nowNs();
        long deadlineNs = ns(next);
        if (backlog > 0) {
            deadlineNs = Math.min(deadlineNs, nowNs + ns(c.reload()) / 2);
        }
        timer.arm(Math.max(deadlineNs, nowNs + MIN_INTERVAL_NS));
    }

    private void restartChannel0(long now) {
        lastRise = now;
        backlog = 0;
        schedule();
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        if (port == SYSTEM_CONTROL) {
            return readSystemControl(timers.nowNs());
        }
        return port >= CHANNEL_0 && port <= CHANNEL_2 ? channels[port - CHANNEL_0].read(now()) : 0xFF;
    }

    private int readSystemControl(long nowNs) {
        return systemControl | ((nowNs / REFRESH_NS & 1) != 0 ? SC_REFRESH : 0) | (channels[2].out(ticks(nowNs)) ? SC_OUT2 : 0);
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        int v = value & 0xFF;
        long now = now();
        if (port == SYSTEM_CONTROL) {
            systemControl = v & SC_WRITABLE;
            channels[2].setGate((v & SC_GATE2) != 0, now);
        } else if (port == CONTROL) {
            writeControl(v, now);
        } else if (port >= CHANNEL_0 && port <= CHANNEL_2) {
            int c = port - CHANNEL_0;
            boolean loaded = channels[c].write(v, now);
            if (c == 0 && loaded) {
                if (channels[0].mode() == 0) {
                    interrupts.setLine(IRQ, false);
                }
                restartChannel0(now);
            } else if (c == 0 && !channels[0].periodic()) {
                timer.disarm(); // the first of two bytes stops a one-shot count
            }
        }
    }

    private void writeControl(int value, long now) {
        int select = value >>> 6;
        if (select == 3) {
            for (int c = 0; c < 3; c++) {
                if ((value & 2 << c) != 0) {
                    if ((value & READ_BACK_NO_COUNT) == 0) {
                        channels[c].latchCount(now);
                    }
                    if ((value & READ_BACK_NO_STATUS) == 0) {
                        channels[c].latchStatus(now);
                    }
                }
            }
        } else if ((value & 0x30) == 0) {
            channels[select].latchCount(now);
        } else {
            channels[select].writeControl(value);
            if (select == 0) {
                if (channels[0].mode() == 0) {
                    interrupts.setLine(IRQ, false);
                }
                restartChannel0(now);
            }
        }
    }

    /** {@return what the timer remembers} */
    public synchronized PitState save() {
        return new PitState(List.of(channels[0].save(), channels[1].save(), channels[2].save()), systemControl, lastRise, backlog,
                timers.nowNs());
    }

    /** Replaces what the timer remembers; counting goes on where it was saved, whatever the time is now. */
    public synchronized void restore(PitState state) {
        long shift = now() - ticks(state.savedAtNs());
        for (int c = 0; c < 3; c++) {
            channels[c].restore(state.channels().get(c), shift);
        }
        systemControl = state.systemControl() & SC_WRITABLE;
        lastRise = state.lastRise() + shift;
        backlog = Math.clamp(state.backlog(), 0, MAX_BACKLOG);
        schedule();
    }
}
