package dev.jvisor.vmbus.storage;

import static dev.jvisor.vmbus.protocol.StorVspProtocol.*;

import dev.jvisor.devices.scsi.ScsiRequest;
import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmbus.ring.RingReader;
import dev.jvisor.vmbus.ring.RingWriter;
import dev.jvisor.vmbus.server.Channel;
import dev.jvisor.vmbus.server.ChannelDevice;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * One channel of a storage VSP and the SRBs that came by it. The channel's thread reads the ring; answers are written by whoever has one,
 * under the queue's lock. When the guest leaves no room for answers they wait here, in slots of their own, and nothing more is read once
 * all slots are taken.
 */
final class StorQueue implements ChannelDevice {
    /** SRBs on their way at once; Linux sends up to 317 on a channel. */
    static final int SLOTS = 512;
    private static final int MAX_PACKET = 8192;
    /** Packets read before answers given at once are shown to the guest. */
    private static final int BATCH = 16;
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    // Fixed
    private final StorVsp vsp;
    private final boolean primary;

    // The channel's thread
    private final IncomingPacket incoming = new IncomingPacket(MAX_PACKET);
    private GpaSpace gpa;
    private Channel channel;

    // Under the lock
    private final Object lock = new Object();
    private StorLine line;
    private final StorSlot[] all = new StorSlot[SLOTS];
    private final StorSlot[] free = new StorSlot[SLOTS];
    private final MemorySegment control = Arena.ofAuto().allocate(PACKET_SIZE, 8);
    private int made;
    private int freeCount;
    private int underway;
    private boolean open;
    private boolean starved;
    private boolean enumerate;
    private boolean draining;
    /** The channel's thread while it reads packets: what it sends then is shown all at once. */
    private Thread batching;
    private int waiting;
    private StorSlot waitingFirst;
    private StorSlot waitingLast;

    StorQueue(StorVsp vsp, boolean primary) {
        this.vsp = vsp;
        this.primary = primary;
    }

    // ---- the channel's thread ----

    @Override
    public int opened(Channel newChannel) {
        channel = newChannel;
        open(StorLine.of(newChannel));
        return 0;
    }

    /** {@return the open channel} */
    Channel channel() {
        return channel;
    }

    void open(StorLine newLine) {
        synchronized (lock) {
            line = newLine;
            gpa = newLine.gpa();
            starved = false;
            enumerate = false;
            open = true;
        }
    }

    /** Waits for the SRBs on their way, whose answers nobody wants any more: the guest takes its pages back after this. */
    @Override
    public void closed() {
        synchronized (lock) {
            open = false;
            while (waitingFirst != null) {
                recycle(removeWaiting());
            }
            for (int i = 0; i < made; i++) {
                all[i].request.abandon();
            }
            awaitUnderway(true);
        }
        if (primary) {
            vsp.closed();
        }
    }

    /** Waits for the SRBs on their way; answers for which there is no room are part of the state. */
    @Override
    public void paused() {
        synchronized (lock) {
            awaitUnderway(false);
        }
    }

    private void awaitUnderway(boolean andWaiting) {
        boolean interrupted = false;
        draining = true;
        while (underway > (andWaiting ? 0 : waiting)) {
            try {
                lock.wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        draining = false;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean signalled() {
        sendWaiting();
        startBatch();
        try {
            return readPackets();
        } finally {
            endBatch();
        }
    }

    private void startBatch() {
        synchronized (lock) {
            batching = Thread.currentThread();
        }
    }

    private void endBatch() {
        synchronized (lock) {
            batching = null;
            line.flush();
        }
    }

    private boolean readPackets() {
        for (int taken = 1;; taken++) {
            StorSlot slot = takeSlot();
            if (slot == null) {
                return false; // whoever frees one wakes us
            }
            if (taken % BATCH == 0) {
                flush();
            }
            int result = line.read(incoming);
            switch (result) {
                case RingReader.PACKET -> handle(slot);
                case RingReader.MALFORMED -> {
                    slot.takeMalformed(incoming);
                    refuse(slot, STATUS_INVALID_PARAMETER);
                }
                default -> {
                    putBack(slot);
                    return true;
                }
            }
        }
    }

    private void flush() {
        synchronized (lock) {
            line.flush();
        }
    }

    private void handle(StorSlot slot) {
        IncomingPacket in = incoming;
        slot.take(in);
        int type = in.type();
        if (type != PacketLayout.TYPE_INBAND && type != PacketLayout.TYPE_GPA_DIRECT) {
            refuse(slot, STATUS_INVALID_PARAMETER);
        } else if (in.payloadLength() < BODY) {
            refuse(slot, STATUS_INVALID_BUFFER_SIZE);
        } else if (in.i32(OPERATION) == OP_EXECUTE_SRB) {
            if (in.payloadLength() < PACKET_SIZE) {
                refuse(slot, STATUS_INVALID_BUFFER_SIZE);
            } else if (!vsp.ready()) {
                refuse(slot, STATUS_INVALID_DEVICE_STATE);
            } else {
                execute(slot);
            }
        } else if (primary) {
            vsp.control(this, slot, in.i32(OPERATION));
        } else {
            refuse(slot, STATUS_INVALID_DEVICE_REQUEST);
        }
    }

    private void execute(StorSlot slot) {
        if (!slot.parse(incoming, StorVsp.TRANSFER_LIMIT)) {
            vsp.metrics().invalid.increment();
            slot.refuse();
            send(slot);
            return;
        }
        slot.state.set(StorSlot.BUSY);
        vsp.target(slot.path(), slot.target()).execute(slot.lun(), slot.request);
    }

    void refuse(StorSlot slot, int status) {
        vsp.metrics().invalid.increment();
        slot.answer(status);
        send(slot);
    }

    // ---- any thread ----

    private void completed(StorSlot slot) {
        ScsiRequest r = slot.request;
        boolean good = slot.finish();
        vsp.count(r, good);
        boolean awaited = slot.state.getAndSet(StorSlot.IDLE) == StorSlot.AWAITED;
        send(slot);
        if (awaited) {
            vsp.awaitedDone();
        }
    }

    /** Sends the answer in a slot, now or when there is room for it; the slot is free then. */
    void send(StorSlot slot) {
        boolean wake = false;
        synchronized (lock) {
            if (!open || !slot.answerWanted()) {
                recycle(slot);
            } else if (waitingFirst != null) {
                addWaiting(slot);
            } else if (write(slot)) {
                if (batching != Thread.currentThread()) {
                    line.flush();
                }
            } else {
                addWaiting(slot);
                vsp.metrics().ringFull.increment();
            }
            if (starved && freeCount > 0 && open) {
                starved = false;
                wake = true;
            }
        }
        if (wake) {
            line.wake();
        }
    }

    /** Writes an answer. {@return false when it has to wait; a ring that is broken takes it too, nobody will read it} */
    private boolean write(StorSlot slot) {
        int result = line.send(PacketLayout.TYPE_COMPLETION, slot.transactionId(), slot.packet(), PACKET_SIZE);
        if (result == RingWriter.FULL) {
            return false;
        }
        if (result == RingWriter.WRITTEN) {
            vsp.metrics().completions.increment();
        }
        recycle(slot);
        return true;
    }

    private void sendWaiting() {
        synchronized (lock) {
            while (waitingFirst != null) {
                StorSlot slot = removeWaiting();
                if (!write(slot)) {
                    slot.next = waitingFirst;
                    waitingFirst = slot;
                    waitingLast = waitingLast == null ? slot : waitingLast;
                    waiting++;
                    break;
                }
            }
            if (waitingFirst == null) {
                writeEnumerate();
            }
            line.flush();
        }
    }

    /** Has the guest look for units again. */
    void enumerate() {
        synchronized (lock) {
            if (open) {
                enumerate = true;
                if (waitingFirst == null) {
                    writeEnumerate();
                    line.flush();
                }
            }
        }
    }

    private void writeEnumerate() {
        if (enumerate) {
            control.fill((byte) 0);
            control.set(LE32, OPERATION, OP_ENUMERATE_BUS);
            enumerate = line.send(PacketLayout.TYPE_INBAND, 0, control, PACKET_SIZE) == RingWriter.FULL;
        }
    }

    /** {@return the answers that wait for room in the ring} */
    List<StorVspState.Answer> saveWaiting(int index) {
        List<StorVspState.Answer> answers = new ArrayList<>();
        synchronized (lock) {
            for (StorSlot s = waitingFirst; s != null; s = s.next) {
                answers.add(new StorVspState.Answer(index, s.transactionId(), s.packet().toArray(ValueLayout.JAVA_BYTE)));
            }
        }
        return answers;
    }

    /** Puts back an answer that waits for room; sent when the channel is open again. */
    void restoreWaiting(StorVspState.Answer answer, GpaSpace memory) {
        synchronized (lock) {
            gpa = memory;
            StorSlot slot = takeSlot();
            if (slot != null) {
                slot.restore(answer.transactionId(), answer.packet());
                addWaiting(slot);
            }
        }
    }

    /** {@return SRBs and control operations on their way} */
    int underway() {
        synchronized (lock) {
            return underway;
        }
    }

    /** Marks each SRB that is with the target, so that {@link StorVsp#awaitedDone} is called when it is not any more. */
    void awaitAll() {
        StorSlot[] slots;
        synchronized (lock) {
            slots = java.util.Arrays.copyOf(all, made);
        }
        for (StorSlot slot : slots) {
            vsp.awaitOne();
            if (!slot.state.compareAndSet(StorSlot.BUSY, StorSlot.AWAITED)) {
                vsp.awaitedDone();
            }
        }
    }

    // ---- slots; under the lock ----

    private StorSlot takeSlot() {
        synchronized (lock) {
            if (freeCount == 0 && made == SLOTS) {
                starved = true;
                return null;
            }
            underway++;
            if (freeCount > 0) {
                return free[--freeCount];
            }
            StorSlot slot = new StorSlot(gpa, StorVsp.MAX_PIECES, this::completed);
            all[made++] = slot;
            return slot;
        }
    }

    private void putBack(StorSlot slot) {
        synchronized (lock) {
            recycle(slot);
        }
    }

    private void recycle(StorSlot slot) {
        slot.next = null;
        free[freeCount++] = slot;
        underway--;
        if (draining) {
            lock.notifyAll();
        }
    }

    private void addWaiting(StorSlot slot) {
        slot.next = null;
        waiting++;
        if (draining) {
            lock.notifyAll();
        }
        if (waitingLast == null) {
            waitingFirst = slot;
        } else {
            waitingLast.next = slot;
        }
        waitingLast = slot;
    }

    private StorSlot removeWaiting() {
        StorSlot slot = waitingFirst;
        waitingFirst = slot.next;
        waiting--;
        if (waitingFirst == null) {
            waitingLast = null;
        }
        return slot;
    }
}
