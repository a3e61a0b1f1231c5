package dev.jvisor.devices.testing;

import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;
import java.util.ArrayList;
import java.util.List;

/** Time that jumps, as it does for a host that was busy elsewhere: timers fire late, when the jump is over. */
public final class LateTimers implements Timers {
    private final class Entry implements Timer {
        final Runnable callback;
        long deadlineNs = Long.MAX_VALUE;

        Entry(Runnable callback) {
            this.callback = callback;
        }

        @Override
        public void arm(long newDeadlineNs) {
            deadlineNs = newDeadlineNs;
        }

        @Override
        public void disarm() {
            deadlineNs = Long.MAX_VALUE;
        }
    }

    private final List<Entry> entries = new ArrayList<>();
    private long nowNs;

    @Override
    public long nowNs() {
        return nowNs;
    }

    @Override
    public Timer create(String name, Runnable callback) {
        Entry e = new Entry(callback);
        entries.add(e);
        return e;
    }

    /** Moves time in one step; every timer that is due by then fires once. */
    public void jump(long deltaNs) {
        nowNs += deltaNs;
        for (Entry e : List.copyOf(entries)) {
            if (e.deadlineNs <= nowNs) {
                e.deadlineNs = Long.MAX_VALUE;
                e.callback.run();
            }
        }
    }
}
