package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;

/**
 * One synthetic timer of a VP (TLFS 12.3). Sends a message to a SINT, or in direct mode an interrupt. Periodic ones that the host cannot keep
 * up with skip periods. Its SynIC's lock guards everything.
 */
final class SyntheticTimer {
    private static final long ENABLE = 1, PERIODIC = 1 << 1, AUTO_ENABLE = 1 << 3, DIRECT = 1 << 12;
    /** Shortest period that is honoured, 100 ns: a guest cannot keep the host busy with less. */
    private static final long MIN_PERIOD = 1000;

    private final VpSynic synic;
    private final int index;
    private final ReferenceTime time;
    private final Timer alarm;
    private long config;
    private long count;
    private long expiration;
    private long fired;
    private boolean armed;
    /** Its message waits for the slot. */
    private boolean pending;

    SyntheticTimer(VpSynic synic, int vp, int index, ReferenceTime time, Timers timers) {
        this.synic = synic;
        this.index = index;
        this.time = time;
        this.alarm = timers.create("stimer-" + vp + "." + index, this::fire);
    }

    long config() {
        return config;
    }

    long count() {
        return count;
    }

    boolean direct() {
        return (config & DIRECT) != 0;
    }

    int vector() {
        return (int) (config >>> 4) & 0xFF;
    }

    int sint() {
        return (int) (config >>> 16) & 0xF;
    }

    boolean pending() {
        return pending;
    }

    /** {@return the time at which it expired last} */
    long fired() {
        return fired;
    }

    /** Its message has been put into the slot. */
    void delivered() {
        pending = false;
    }

    void config(long value, int vp) {
        stop();
        config = value;
        // A timer that would have nowhere to send to cannot be enabled.
        if (direct() ? vector() < 16 : sint() == 0) {
            config &= ~ENABLE;
        }
        start(vp);
    }

    void count(long value, int vp) {
        stop();
        count = value;
        if (value == 0) {
            config &= ~ENABLE;
        } else if ((config & AUTO_ENABLE) != 0) {
            config |= ENABLE;
        }
        start(vp);
    }

    private void start(int vp) {
        if ((config & ENABLE) == 0 || count == 0) {
            return;
        }
        long now = time.now(vp);
        if ((config & PERIODIC) == 0) {
            // Beyond 2^63 is beyond the end of the world.
            expiration = count < 0 ? Long.MAX_VALUE : count;
        } else {
            expiration = now + period();
        }
        arm();
    }

    private long period() {
        return count < 0 || count > Long.MAX_VALUE / 4 ? Long.MAX_VALUE / 4 : Math.max(count, MIN_PERIOD);
    }

    private void arm() {
        armed = true;
        alarm.arm(time.hostNs(expiration));
    }

    private void stop() {
        if (armed) {
            armed = false;
            alarm.disarm();
        }
        pending = false;
    }

    void reset() {
        stop();
        config = 0;
        count = 0;
    }

    /** On the timer thread. */
    private void fire() {
        synic.timerFired(this);
    }

    /** The alarm has gone off; with the lock held. {@return whether the timer has expired} */
    boolean expire() {
        if (!armed) {
            return false;
        }
        long now = time.estimate();
        if (now < expiration) {
            alarm.arm(time.hostNs(expiration));
            return false;
        }
        armed = false;
        fired = expiration;
        if ((config & PERIODIC) == 0) {
            config &= ~ENABLE;
        }
        return true;
    }

    /** After an expiry was passed on: a periodic timer goes on. */
    void next() {
        if ((config & (PERIODIC | ENABLE)) == (PERIODIC | ENABLE) && !armed) {
            long now = time.estimate();
            long period = period();
            long missed = Math.max(now - expiration, 0) / period;
            expiration += (missed + 1) * period;
            arm();
        }
    }

    void setPending() {
        pending = true;
    }

    int index() {
        return index;
    }

    HypervisorState.Timer save() {
        return new HypervisorState.Timer(config, count, expiration, pending);
    }

    void restore(HypervisorState.Timer s) {
        stop();
        config = s.config();
        count = s.count();
        expiration = s.expiration();
        fired = expiration;
        pending = s.pending();
        if ((config & ENABLE) != 0 && count != 0) {
            arm();
        }
    }
}
