package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The reading half of a ring; the host's is the guest-to-host ring. The reader is signalled only when the ring was empty and not masked,
 * so after each signal it reads until {@link #read} says EMPTY, publishes by {@link #release}, and sleeps only when {@link #unmask} says
 * so. One thread at a time.
 */
public final class RingReader {
    /** Nothing to read. */
    public static final int EMPTY = 0;
    /** A packet was taken. */
    public static final int PACKET = 1;
    /** A packet was taken whose type or ranges make no sense; its transaction id and flags are good. */
    public static final int MALFORMED = 2;
    /** Indices or lengths make no sense: there is no way to find the next packet, now or later. */
    public static final int BROKEN = 3;

    private static final int MIN_PACKET = PacketLayout.DESCRIPTOR_SIZE + PacketLayout.TRAILER_SIZE;

    private final GuestPages header;
    private final GuestPages data;
    private final int size;
    /** Ours: the guest's copy is never read back. */
    private int readIndex;
    private int publishedIndex;
    /** The writer's index as last seen, validated. */
    private int writeIndex;
    private boolean broken;

    /**
     * Makes the half over a ring whose header is filled; it goes on where the header says.
     *
     * @param ring the header page and at least one page of data
     */
    public RingReader(GuestPages ring) {
        header = ring.slice(0, 1);
        data = ring.slice(1, ring.count() - 1);
        size = Math.toIntExact(data.byteSize());
        readIndex = header.getIntAcquire(RingLayout.READ_INDEX);
        publishedIndex = readIndex;
        writeIndex = readIndex;
        broken = !isIndex(readIndex);
    }

    private boolean isIndex(int index) {
        return (index & RingLayout.ALIGNMENT - 1) == 0 && index >= 0 && index < size;
    }

    /** {@return bytes of the data area} */
    public int size() {
        return size;
    }

    /** {@return whether the ring has been found {@link #BROKEN}} */
    public boolean broken() {
        return broken;
    }

    /** Takes the next packet. {@return EMPTY, PACKET, MALFORMED or BROKEN} */
    public int read(IncomingPacket packet) {
        int at = readIndex;
        if (at == writeIndex) {
            if (broken) {
                return BROKEN;
            }
            // Acquire: pairs with the guest's barrier between packet and write index (hv_ringbuffer_write).
            int w = header.getIntAcquire(RingLayout.WRITE_INDEX);
            if (!isIndex(w)) {
                return breakRing();
            }
            if (w == at) {
                return EMPTY;
            }
            writeIndex = w;
        }
        int available = writeIndex - at;
        if (available < 0) {
            available += size;
        }
        if (available < MIN_PACKET) {
            return breakRing();
        }
        // Each word of the descriptor is read once: the guest may change it at any time.
        long descriptor = data.getLong(at);
        long transactionId = data.getLong(wrap(at + PacketLayout.TRANSACTION_ID));
        int type = (int) descriptor & 0xFFFF;
        int offset8 = (int) (descriptor >>> 16) & 0xFFFF;
        int len8 = (int) (descriptor >>> 32) & 0xFFFF;
        int flags = (int) (descriptor >>> 48) & 0xFFFF;
        int length = len8 << 3;
        if (offset8 < PacketLayout.DESCRIPTOR_SIZE >>> 3 || offset8 > len8 || length + PacketLayout.TRAILER_SIZE > available
                || length > packet.capacity()) {
            return breakRing();
        }
        int from = wrap(at + PacketLayout.DESCRIPTOR_SIZE);
        int bytes = length - PacketLayout.DESCRIPTOR_SIZE;
        MemorySegment body = packet.body();
        int first = Math.min(bytes, size - from);
        data.copyOut(from, body, 0, first);
        if (first < bytes) {
            data.copyOut(0, body, first, bytes - first);
        }
        readIndex = wrap(at + length + PacketLayout.TRAILER_SIZE);
        return packet.set(type, flags, transactionId, offset8, len8) ? PACKET : MALFORMED;
    }

    private int wrap(int index) {
        return index >= size ? index - size : index;
    }

    private int breakRing() {
        broken = true;
        writeIndex = readIndex;
        return BROKEN;
    }

    /**
     * Gives the space of all packets read so far back to the writer. Cheap enough for every few packets; needed before sleeping.
     *
     * @return whether the writer must be signalled, because it waits for space and now has it
     */
    public boolean release() {
        int old = publishedIndex;
        int now = readIndex;
        if (now == old) {
            return false;
        }
        publishedIndex = now;
        header.setIntRelease(RingLayout.READ_INDEX, now);
        header.written(0, RingLayout.HEADER_SIZE);
        // Full fence: pairs with the one between the guest's store of pending_send_sz and its re-check of the space (hvs_channel_writable...).
        VarHandle.fullFence();
        int pending = header.getInt(RingLayout.PENDING_SEND_SIZE);
        if (pending == 0) {
            return false;
        }
        int w = header.getIntAcquire(RingLayout.WRITE_INDEX);
        return pending > 0 && isIndex(w) && free(old, w) <= pending && pending < free(now, w);
    }

    private int free(int read, int write) {
        return read > write ? read - write : size - (write - read);
    }

    /** {@return whether a quarter of the ring has been read but not released} */
    public boolean releaseIsDue() {
        int held = readIndex - publishedIndex;
        return (held < 0 ? held + size : held) > size >>> 2;
    }

    /** Tells the writer not to signal: the reader is awake. */
    public void mask() {
        header.setInt(RingLayout.INTERRUPT_MASK, 1);
        header.written(0, RingLayout.HEADER_SIZE);
    }

    /** Tells the writer to signal again. {@return whether there is something to read already, so that the reader must not sleep} */
    public boolean unmask() {
        header.setInt(RingLayout.INTERRUPT_MASK, 0);
        header.written(0, RingLayout.HEADER_SIZE);
        // Full fence: the store of the mask before the load of the index; pairs with the guest's between its index and its look at the mask.
        VarHandle.fullFence();
        return !broken && header.getIntAcquire(RingLayout.WRITE_INDEX) != readIndex;
    }
}
