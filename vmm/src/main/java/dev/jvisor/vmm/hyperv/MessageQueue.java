package dev.jvisor.vmm.hyperv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Messages that wait for one SINT's slot: a ring of a fixed number of slot images. Not thread-safe: the SynIC's lock guards it. */
final class MessageQueue {
    private final int capacity;
    private final MemorySegment slots;
    private int head;
    private int size;

    MessageQueue(int capacity) {
        this.capacity = capacity;
        this.slots = Arena.ofAuto().allocate((long) capacity * VpSynic.SLOT, 8);
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    /** {@return false when full} */
    boolean add(int type, long sender, MemorySegment payload, int bytes) {
        if (size == capacity) {
            return false;
        }
        long at = (long) ((head + size) % capacity) * VpSynic.SLOT;
        slots.set(Layouts.LE32, at, type);
        slots.set(Layouts.LE32, at + 4, bytes);
        slots.set(Layouts.LE64, at + 8, sender);
        MemorySegment.copy(payload, 0, slots, at + VpSynic.PAYLOAD, bytes);
        size++;
        return true;
    }

    /** {@return type of the first} */
    int type() {
        return slots.get(Layouts.LE32, (long) head * VpSynic.SLOT);
    }

    /** Copies all of the first but its type and flags to {@code at}, and forgets it. */
    void moveFirst(MemorySegment to, long at) {
        long from = (long) head * VpSynic.SLOT;
        int bytes = slots.get(Layouts.LE32, from + 4);
        to.set(java.lang.foreign.ValueLayout.JAVA_BYTE, at + 4, (byte) bytes);
        MemorySegment.copy(slots, from + 8, to, at + 8, 8 + bytes);
        head = (head + 1) % capacity;
        size--;
    }

    void clear() {
        size = 0;
    }

    List<HypervisorState.Message> save(int sint) {
        List<HypervisorState.Message> out = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            long at = (long) ((head + i) % capacity) * VpSynic.SLOT;
            byte[] payload = new byte[slots.get(Layouts.LE32, at + 4)];
            MemorySegment.copy(slots, at + VpSynic.PAYLOAD, MemorySegment.ofArray(payload), 0, payload.length);
            out.add(new HypervisorState.Message(sint, slots.get(Layouts.LE32, at), slots.get(Layouts.LE64, at + 8), payload));
        }
        return out;
    }
}
