package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.RingLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What both halves of a ring have: its memory, and the fields of its header. */
abstract sealed class RingHalf permits RingReader, RingWriter {
    private static final VarHandle INTS = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    // Both halves of a channel are made at once and lie side by side in the heap, and each may have a thread of its own: this keeps the
    // fields of one away from the cache lines of the other. A superclass has its fields first.
    @SuppressWarnings("unused")
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    final GuestPages data;
    /** What {@link GuestPages#hostOffset} is an offset in. */
    final MemorySegment memory;
    final int size;
    boolean broken;
    private final GuestPages header;
    private final long headerAt;

    RingHalf(GuestPages ring) {
        header = ring.slice(0, 1);
        headerAt = header.hostOffset(0);
        data = ring.slice(1, ring.count() - 1);
        memory = data.memory();
        size = Math.toIntExact(data.byteSize());
    }

    /** {@return bytes of the data area} */
    public final int size() {
        return size;
    }

    /** {@return whether the ring has been found broken: no packet goes through it any more} */
    public final boolean broken() {
        return broken;
    }

    final boolean isIndex(int index) {
        return (index & RingLayout.ALIGNMENT - 1) == 0 && index >= 0 && index < size;
    }

    final int wrap(int index) {
        return index >= size ? index - size : index;
    }

    /** {@return a field of the header; what the peer wrote before it, is seen} */
    final int acquire(int field) {
        return (int) INTS.getAcquire(memory, headerAt + field);
    }

    /** Writes a field of the header, after all that was written before. */
    final void release(int field, int value) {
        INTS.setRelease(memory, headerAt + field, value);
    }

    /**
     * Notes that the header was written. After a full fence: whoever clears the flags of a page and then reads it, and we who write the
     * page and then read its flags, must not miss each other.
     */
    final void headerWritten() {
        header.written(0, RingLayout.HEADER_SIZE);
    }
}
