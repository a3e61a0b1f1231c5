package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The writing half of a ring; the host's is the host-to-guest ring. {@link #write} puts packets, {@link #publish} shows all of them to the
 * reader at once and tells whether to signal. When the ring is full nothing is overwritten: the reader is asked to signal once there is
 * space. One thread at a time.
 */
public final class RingWriter extends RingHalf {
    /** The packet is in the ring; {@link #publish} shows it. */
    public static final int WRITTEN = 0;
    /** No space. Publish what is written and try again after the next signal, which the reader has been asked for. */
    public static final int FULL = 1;
    /** The reader's index makes no sense, or the guest made the ring too small for this packet ever to fit. */
    public static final int BROKEN = 2;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int BLOCK = 64;
    private static final int BLOCK_PACKET = PacketLayout.DESCRIPTOR_SIZE + BLOCK + PacketLayout.TRAILER_SIZE;

    /** Ours: the guest's copy is never read back. */
    private int writeIndex;
    private int publishedIndex;
    /** The reader's index as last seen, validated. */
    private int readIndex;
    private boolean waiting;
    /** Packets were shown from within a write, and the reader must be signalled. */
    private boolean owesSignal;

    /**
     * Makes the half over a ring whose header is filled; it goes on where the header says.
     *
     * @param ring the header page and at least one page of data
     */
    public RingWriter(GuestPages ring) {
        super(ring);
        writeIndex = acquire(RingLayout.WRITE_INDEX);
        readIndex = acquire(RingLayout.READ_INDEX);
        publishedIndex = writeIndex;
        broken = !isIndex(writeIndex) || !isIndex(readIndex);
    }

    /** {@return whether the last write found the ring full and no write has succeeded since} */
    public boolean waiting() {
        return waiting;
    }

    /** Writes a packet with payload only. {@return WRITTEN, FULL or BROKEN} */
    public int write(int type, int flags, long transactionId, MemorySegment payload, long offset, int length) {
        return write(type, flags, transactionId, null, 0, payload, offset, length);
    }

    /**
     * Writes a packet.
     *
     * @param type {@code PacketLayout.TYPE_*}
     * @param flags {@code PacketLayout.FLAG_*}
     * @param header what the type brings after the descriptor (ranges), or null
     * @param headerLength its bytes, a multiple of 8
     * @param payload private memory to be copied from
     * @param offset of the payload in it
     * @param length bytes of the payload; zeros are added up to a multiple of 8
     * @return WRITTEN, FULL or BROKEN
     */
    public int write(int type, int flags, long transactionId, MemorySegment header, int headerLength, MemorySegment payload, long offset,
            int length) {
        int bodyLength = headerLength + PacketLayout.align(length);
        int packetLength = PacketLayout.DESCRIPTOR_SIZE + bodyLength;
        if ((headerLength & 7) != 0 || packetLength > PacketLayout.MAX_SIZE) {
            throw new IllegalArgumentException("no such packet: headerLength=" + headerLength + ", length=" + length);
        }
        int total = packetLength + PacketLayout.TRAILER_SIZE;
        int at = writeIndex;
        if (broken) {
            return BROKEN;
        }
        if (free() <= total) {
            int result = waitFor(total);
            if (result != WRITTEN) {
                return result;
            }
        }
        long descriptor = type & 0xFFFFL | (long) (PacketLayout.DESCRIPTOR_SIZE + headerLength >>> 3) << 8 * PacketLayout.OFFSET8
                | (long) (packetLength >>> 3) << 8 * PacketLayout.LENGTH8 | (long) flags << 8 * PacketLayout.FLAGS;
        if (length == BLOCK && headerLength == 0 && data.run(at) >= BLOCK_PACKET) {
            putBlock(at, descriptor, transactionId, payload, offset);
        } else {
            put(at, descriptor, transactionId, header, headerLength, payload, offset, length);
        }
        writeIndex = wrap(at + total);
        if (waiting) {
            waiting = false;
            release(RingLayout.PENDING_SEND_SIZE, 0);
        }
        return WRITTEN;
    }

    /**
     * Puts a packet of {@link #BLOCK} bytes of payload, as every storage completion is, where its bytes follow each other in host memory.
     * Segments of constant size are checked once, as a whole; this takes half the time of a call of {@link MemorySegment#copy}.
     */
    private void putBlock(int at, long descriptor, long transactionId, MemorySegment payload, long offset) {
        MemorySegment from = payload.asSlice(offset, BLOCK);
        MemorySegment to = memory.asSlice(data.hostOffset(at), BLOCK_PACKET);
        to.set(LONG, 0, descriptor);
        to.set(LONG, 8, transactionId);
        to.set(LONG, 16, from.get(LONG, 0));
        to.set(LONG, 24, from.get(LONG, 8));
        to.set(LONG, 32, from.get(LONG, 16));
        to.set(LONG, 40, from.get(LONG, 24));
        to.set(LONG, 48, from.get(LONG, 32));
        to.set(LONG, 56, from.get(LONG, 40));
        to.set(LONG, 64, from.get(LONG, 48));
        to.set(LONG, 72, from.get(LONG, 56));
        to.set(LONG, 80, (long) at << 32);
    }

    /** Puts any packet anywhere. */
    private void put(int at, long descriptor, long transactionId, MemorySegment header, int headerLength, MemorySegment payload, long offset,
            int length) {
        data.setLong(at, descriptor);
        data.setLong(wrap(at + PacketLayout.TRANSACTION_ID), transactionId);
        int to = wrap(at + PacketLayout.DESCRIPTOR_SIZE);
        if (headerLength > 0) {
            copyIn(header, 0, to, headerLength);
            to = wrap(to + headerLength);
        }
        if ((length & 7) != 0) {
            data.setLong(wrap(to + (length & ~7)), 0);
        }
        copyIn(payload, offset, to, length);
        data.setLong(wrap(to + PacketLayout.align(length)), (long) at << 32);
    }

    private void copyIn(MemorySegment from, long offset, int to, int length) {
        int first = Math.min(length, size - to);
        data.copyIn(from, offset, to, first);
        if (first < length) {
            data.copyIn(from, offset + first, 0, length - first);
        }
    }

    /** {@return bytes that are surely free; a packet needs fewer than these} */
    private int free() {
        return readIndex > writeIndex ? readIndex - writeIndex : size - (writeIndex - readIndex);
    }

    private boolean look() {
        // Acquire: the reader is done with the bytes before it shows its index.
        int r = acquire(RingLayout.READ_INDEX);
        if (!isIndex(r)) {
            broken = true;
            return false;
        }
        readIndex = r;
        return true;
    }

    private int waitFor(int total) {
        if (total >= size || !look()) {
            broken = true;
            return BROKEN;
        }
        if (free() > total) {
            return WRITTEN;
        }
        // Before the wish for space: the guest finds from the indices that the space it wants comes about by what it reads just then. With
        // packets it does not see yet, it would think that there was space all the time, and not signal.
        owesSignal |= show();
        release(RingLayout.PENDING_SEND_SIZE, total);
        waiting = true;
        // Full fence: pairs with the one between the guest's store of its read index and its look at pending_send_sz (hv_pkt_iter_close).
        VarHandle.fullFence();
        headerWritten();
        if (!look()) {
            return BROKEN;
        }
        return free() > total ? WRITTEN : FULL;
    }

    /**
     * Shows all packets written since the last call to the reader.
     *
     * @return whether the reader must be signalled: it may sleep, since the ring was empty and it has not asked for silence
     */
    public boolean publish() {
        boolean signal = owesSignal;
        owesSignal = false;
        return show() | signal;
    }

    private boolean show() {
        int old = publishedIndex;
        int now = writeIndex;
        if (now == old) {
            return false;
        }
        publishedIndex = now;
        // Release: the packets before the index.
        release(RingLayout.WRITE_INDEX, now);
        // Full fence: the index before the look at mask and read index; pairs with the reader's in unmask (hv_end_read). And all that was
        // written before the look at the flags of its pages.
        VarHandle.fullFence();
        if (now > old) {
            data.written(old, now - old);
        } else {
            data.written(old, size - old);
            data.written(0, now + 1);
        }
        headerWritten();
        return acquire(RingLayout.INTERRUPT_MASK) == 0 && acquire(RingLayout.READ_INDEX) == old;
    }
}
