package dev.jvisor.vmm.time;

import java.util.PriorityQueue;

/** The heap of armed timers behind both the real and the virtual time. Thread-safe. */
final class TimerQueue {
    /** One timer; {@code deadlineNs} is guarded by the queue's monitor. */
    private final class Entry implements Timer, Comparable<Entry> {
        private final String name;
        private final Runnable callback;
        private long deadlineNs;
        private boolean armed;

        Entry(String name, Runnable callback) {
            this.name = name;
            this.callback = callback;
        }

        @Override
        public void arm(long newDeadlineNs) {
            boolean first;
            synchronized (TimerQueue.this) {
                if (armed) {
                    heap.remove(this);
                }
                deadlineNs = newDeadlineNs;
                armed = true;
                heap.add(this);
                first = heap.peek() == this;
            }
            if (first) {
                earliestChanged.run();
            }
        }

        @Override
        public void disarm() {
            synchronized (TimerQueue.this) {
                if (armed) {
                    armed = false;
                    heap.remove(this);
                }
            }
        }

        @Override
        public int compareTo(Entry other) {
            return Long.compare(deadlineNs, other.deadlineNs);
        }

        @Override
        public String toString() {
            return name + "@" + deadlineNs;
        }
    }

    private final PriorityQueue<Entry> heap = new PriorityQueue<>();
    private final Runnable earliestChanged;

    /** @param earliestChanged called, without the queue's lock, when a new earliest deadline was set */
    TimerQueue(Runnable earliestChanged) {
        this.earliestChanged = earliestChanged;
    }

    Timer create(String name, Runnable callback) {
        return new Entry(name, callback);
    }

    /** {@return the earliest deadline, or {@link Long#MAX_VALUE} when nothing is armed} */
    synchronized long earliestNs() {
        Entry first = heap.peek();
        return first == null ? Long.MAX_VALUE : first.deadlineNs;
    }

    /** Fires, in order of deadline, every timer due at {@code nowNs}. Call-backs run on the calling thread without the queue's lock. */
    void runDue(long nowNs) {
        while (true) {
            Entry due;
            synchronized (this) {
                due = heap.peek();
                if (due == null || due.deadlineNs > nowNs) {
                    return;
                }
                heap.poll();
                due.armed = false;
            }
            due.callback.run();
        }
    }
}
