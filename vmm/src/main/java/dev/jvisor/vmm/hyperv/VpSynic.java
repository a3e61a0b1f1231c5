package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.time.Timers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * The synthetic interrupt controller of one VP (TLFS chapter 11) with its synthetic timers: message slots, event flags, SINTs.
 *
 * <pre>
 *   message page: 16 slots of 256 bytes, one a SINT:  u32 type @0 (0 = empty) · u8 size @4 · u8 flags @5 (bit 0 more pending) · u64 sender @8 ·
 *                 payload[240] @16
 *   event page:   16 × 2048 flags, one set a SINT
 * </pre>
 *
 * <p>Threads: any; one lock guards the registers, the queues and the timers. Interrupts are raised after it is let go.
 */
final class VpSynic {
    static final int SINTS = 16;
    static final int TIMERS = 4;
    static final int SLOT = 256;
    static final int PAYLOAD = 16;
    static final int MAX_PAYLOAD = 240;
    static final int FLAGS = 2048;

    private static final int MESSAGE_TIMER_EXPIRED = 0x80000010;
    private static final int FLAG_PENDING = 1;
    private static final long SINT_MASKED = 1 << 16, SINT_AUTO_EOI = 1 << 17, SINT_POLLING = 1 << 18;
    private static final int FIRST_VECTOR = 16;
    private static final int NO_VECTOR = -1;

    private final int vp;
    private final InterruptController interrupts;
    private final ReferenceTime time;
    private final int queueCapacity;
    private final Runnable spaceAgain;

    private final Object lock = new Object();
    private long control;
    private final OverlayPage messages;
    private final OverlayPage events;
    private final long[] sints = new long[SINTS];
    private final long[] automaticEoi = new long[4];
    private final MessageQueue[] queues = new MessageQueue[SINTS];
    private final SyntheticTimer[] timers = new SyntheticTimer[TIMERS];
    /** A queue has refused a message since all were empty last. */
    private boolean refused;

    VpSynic(int vp, InterruptController interrupts, GpaSpace gpa, ReferenceTime time, Timers clock, int queueCapacity, Runnable spaceAgain) {
        this.vp = vp;
        this.interrupts = interrupts;
        this.time = time;
        this.queueCapacity = queueCapacity;
        this.spaceAgain = spaceAgain;
        messages = new OverlayPage(gpa);
        events = new OverlayPage(gpa);
        for (int i = 0; i < TIMERS; i++) {
            timers[i] = new SyntheticTimer(this, vp, i, time, clock);
        }
        reset();
    }

    // ---- host to guest

    /** {@return false when the queue is full} */
    boolean post(int sint, int type, long sender, MemorySegment payload, int size) {
        int vector;
        synchronized (lock) {
            MessageQueue q = queues[sint];
            if (q == null) {
                q = new MessageQueue(queueCapacity);
                queues[sint] = q;
            }
            if (!q.add(type, sender, payload, size)) {
                refused = true;
                return false;
            }
            vector = deliver(sint);
        }
        raise(vector);
        return true;
    }

    void signal(int sint, int flag) {
        int vector = NO_VECTOR;
        synchronized (lock) {
            MemorySegment page = events.page();
            if ((control & 1) == 0 || page == null) {
                return;
            }
            long at = sint * (FLAGS / 8) + (flag >>> 6) * 8;
            long bit = 1L << flag;
            long before = (long) Layouts.LONG.getAndBitwiseOr(page, at, bit);
            events.written(at, 8);
            if ((before & bit) == 0) {
                vector = vector(sint);
            }
        }
        raise(vector);
    }

    /** {@return the vector to raise for a SINT, or {@link #NO_VECTOR}} */
    private int vector(int sint) {
        long s = sints[sint];
        return (s & (SINT_MASKED | SINT_POLLING)) != 0 ? NO_VECTOR : (int) s & 0xFF;
    }

    /** Raises a SINT's interrupt with nothing to tell. */
    void raiseSint(int sint) {
        int vector;
        synchronized (lock) {
            vector = vector(sint);
        }
        raise(vector);
    }

    /** SINTs have changed: tells the local APIC which vectors end by themselves. */
    private void tellAutomaticEoi() {
        java.util.Arrays.fill(automaticEoi, 0);
        for (long s : sints) {
            if ((s & (SINT_MASKED | SINT_AUTO_EOI)) == SINT_AUTO_EOI) {
                automaticEoi[(int) s >> 6 & 3] |= 1L << s;
            }
        }
        interrupts.setAutomaticEoi(vp, automaticEoi);
    }

    private void raise(int vector) {
        if (vector >= FIRST_VECTOR) {
            interrupts.signalMsi(0xFEE0_0000L | (long) vp << 12, vector);
        }
    }

    /** Puts the next message into a SINT's slot if that is empty. {@return the vector to raise then, else {@link #NO_VECTOR}} */
    private int deliver(int sint) {
        MemorySegment page = messages.page();
        if (!waiting(sint) || page == null || (control & 1) == 0 || (sints[sint] & SINT_MASKED) != 0) {
            return NO_VECTOR;
        }
        long slot = (long) sint * SLOT;
        if ((int) Layouts.INT.getAcquire(page, slot) != 0) {
            // The guest tells by EOM when it has emptied a slot with this flag. If it did so just now, it has not seen the flag.
            byte flags = page.get(ValueLayout.JAVA_BYTE, slot + 5);
            page.set(ValueLayout.JAVA_BYTE, slot + 5, (byte) (flags | FLAG_PENDING));
            VarHandle.fullFence();
            messages.written(slot, 8);
            if ((int) Layouts.INT.getAcquire(page, slot) != 0) {
                return NO_VECTOR;
            }
        }
        SyntheticTimer timer = pendingTimer(sint);
        MessageQueue q = queues[sint];
        int type;
        if (timer != null) {
            type = MESSAGE_TIMER_EXPIRED;
            page.set(ValueLayout.JAVA_BYTE, slot + 4, (byte) 24);
            page.set(Layouts.LE64, slot + 8, 0);
            page.set(Layouts.LE32, slot + PAYLOAD, timer.index());
            page.set(Layouts.LE32, slot + PAYLOAD + 4, 0);
            page.set(Layouts.LE64, slot + PAYLOAD + 8, timer.fired());
            page.set(Layouts.LE64, slot + PAYLOAD + 16, time.estimate());
            timer.delivered();
        } else {
            type = q.type();
            q.moveFirst(page, slot);
        }
        page.set(ValueLayout.JAVA_BYTE, slot + 5, (byte) (waiting(sint) ? FLAG_PENDING : 0));
        page.set(Layouts.LE16, slot + 6, (short) 0);
        Layouts.INT.setRelease(page, slot, type);
        messages.written(slot, SLOT);
        return vector(sint);
    }

    private boolean waiting(int sint) {
        MessageQueue q = queues[sint];
        return q != null && !q.isEmpty() || pendingTimer(sint) != null;
    }

    private SyntheticTimer pendingTimer(int sint) {
        for (SyntheticTimer t : timers) {
            if (t.pending() && t.sint() == sint) {
                return t;
            }
        }
        return null;
    }

    /** Tries every slot again: the guest has emptied one, or enabled something. On the VP's thread. */
    private void rescan() {
        boolean tell = false;
        for (int sint = 0; sint < SINTS; sint++) {
            int vector;
            synchronized (lock) {
                vector = deliver(sint);
            }
            raise(vector);
        }
        synchronized (lock) {
            if (refused && empty()) {
                refused = false;
                tell = true;
            }
        }
        if (tell) {
            spaceAgain.run();
        }
    }

    private boolean empty() {
        for (MessageQueue q : queues) {
            if (q != null && !q.isEmpty()) {
                return false;
            }
        }
        return true;
    }

    void timerFired(SyntheticTimer timer) {
        int vector;
        synchronized (lock) {
            if (!timer.expire()) {
                return;
            }
            if (timer.direct()) {
                vector = timer.vector();
            } else {
                timer.setPending();
                vector = deliver(timer.sint());
            }
            timer.next();
        }
        raise(vector);
    }

    // ---- registers, on the VP's thread

    /** HV_X64_MSR_EOM. */
    void endOfMessage() {
        rescan();
    }

    long control() {
        synchronized (lock) {
            return control;
        }
    }

    void control(long value) {
        synchronized (lock) {
            control = value;
        }
        rescan();
    }

    long messagePage() {
        synchronized (lock) {
            return messages.msr();
        }
    }

    void messagePage(long value) {
        synchronized (lock) {
            messages.write(value);
        }
        rescan();
    }

    long eventPage() {
        synchronized (lock) {
            return events.msr();
        }
    }

    void eventPage(long value) {
        synchronized (lock) {
            events.write(value);
        }
    }

    long sint(int n) {
        synchronized (lock) {
            return sints[n];
        }
    }

    /** {@return false for a vector that no SINT can have} */
    boolean sint(int n, long value) {
        if ((value & SINT_MASKED) == 0 && (value & 0xFF) < FIRST_VECTOR) {
            return false;
        }
        synchronized (lock) {
            sints[n] = value;
            tellAutomaticEoi();
        }
        rescan();
        return true;
    }

    long timerConfig(int n) {
        synchronized (lock) {
            return timers[n].config();
        }
    }

    void timerConfig(int n, long value) {
        synchronized (lock) {
            timers[n].config(value, vp);
        }
    }

    long timerCount(int n) {
        synchronized (lock) {
            return timers[n].count();
        }
    }

    void timerCount(int n, long value) {
        synchronized (lock) {
            timers[n].count(value, vp);
        }
    }

    // ---- reset and state

    /** INIT or reset: SINTs masked, pages and timers off, queues empty. The SynIC itself is on, as hosts of the kind have it. */
    void reset() {
        synchronized (lock) {
            control = 1;
            messages.reset();
            events.reset();
            java.util.Arrays.fill(sints, SINT_MASKED);
            tellAutomaticEoi();
            for (MessageQueue q : queues) {
                if (q != null) {
                    q.clear();
                }
            }
            for (SyntheticTimer t : timers) {
                t.reset();
            }
            refused = false;
        }
    }

    HypervisorState.Vp save(long assistPage) {
        synchronized (lock) {
            List<Long> s = new ArrayList<>();
            List<HypervisorState.Timer> t = new ArrayList<>();
            List<HypervisorState.Message> m = new ArrayList<>();
            for (long sint : sints) {
                s.add(sint);
            }
            for (SyntheticTimer timer : timers) {
                t.add(timer.save());
            }
            for (int i = 0; i < SINTS; i++) {
                if (queues[i] != null) {
                    m.addAll(queues[i].save(i));
                }
            }
            return new HypervisorState.Vp(assistPage, control, events.msr(), messages.msr(), events.carried(), messages.carried(), s, t, m);
        }
    }

    void restore(HypervisorState.Vp s) {
        synchronized (lock) {
            reset();
            control = s.control();
            events.restore(s.eventPage(), s.eventContents());
            messages.restore(s.messagePage(), s.messageContents());
            for (int i = 0; i < SINTS; i++) {
                sints[i] = s.sints().get(i);
            }
            tellAutomaticEoi();
            for (HypervisorState.Message m : s.messages()) {
                if (queues[m.sint()] == null) {
                    queues[m.sint()] = new MessageQueue(queueCapacity);
                }
                queues[m.sint()].add(m.type(), m.sender(), MemorySegment.ofArray(m.payload()), m.payload().length);
            }
            for (int i = 0; i < TIMERS; i++) {
                timers[i].restore(s.timers().get(i));
            }
        }
    }
}
