package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmbus.protocol.RingLayout;
import java.lang.invoke.VarHandle;

/**
 * The reading half of a ring; the host's is the guest-to-host ring. The reader is signalled only when the ring was empty and not masked,
 * so after each signal it reads until {@link #read} says EMPTY, publishes by {@link #release}, and sleeps only when {@link #unmask} says
 * so. One thread at a time.
 *
 * <p>Packets are copied out many at a time, and only then looked at: the guest may change the ring at any time. What was copied ahead
 * counts as read, and is given back to the guest, only once it was handed out: whoever goes on later from the header loses nothing.
 */
public final class RingReader extends RingHalf {
    /** Nothing to read. */
    public static final int EMPTY = 0;
    /** A packet was taken. */
    public static final int PACKET = 1;
    /** A packet was taken whose type or ranges make no sense; its transaction id and flags are good. */
    public static final int MALFORMED = 2;
    /** Indices or lengths make no sense: there is no way to find the next packet, now or later. */
    public static final int BROKEN = 3;

    private static final int MIN_PACKET = PacketLayout.DESCRIPTOR_SIZE + PacketLayout.TRAILER_SIZE;

    /** Ours, behind the last packet handed out: the guest's copy is never read back. */
    private int readIndex;
    private int publishedIndex;
    /** The writer's index as last seen, validated. */
    private int writeIndex;

    /**
     * Makes the half over a ring whose header is filled; it goes on where the header says.
     *
     * @param ring the header page and at least one page of data
     */
    public RingReader(GuestPages ring) {
        super(ring);
        readIndex = acquire(RingLayout.READ_INDEX);
        publishedIndex = readIndex;
        writeIndex = readIndex;
        broken = !isIndex(readIndex);
    }

    /** Takes the next packet. {@return EMPTY, PACKET, MALFORMED or BROKEN} */
    public int read(IncomingPacket packet) {
        if (packet.copied(this) < MIN_PACKET) {
            int result = fetch(packet, MIN_PACKET);
            if (result != PACKET) {
                return result;
            }
        }
        long descriptor = packet.peek();
        int offset8 = (int) (descriptor >>> 8 * PacketLayout.OFFSET8) & 0xFFFF;
        int len8 = (int) (descriptor >>> 8 * PacketLayout.LENGTH8) & 0xFFFF;
        if (offset8 < PacketLayout.DESCRIPTOR_SIZE >>> 3 || offset8 > len8) {
            return breakRing(packet);
        }
        int total = (len8 << 3) + PacketLayout.TRAILER_SIZE;
        if (packet.copied(this) < total && fetch(packet, total) != PACKET) {
            return BROKEN;
        }
        readIndex = wrap(readIndex + total);
        return packet.next(descriptor, total) ? PACKET : MALFORMED;
    }

    /**
     * Copies more of what the guest has written.
     *
     * @param wanted bytes of the next packet, as far as known
     * @return PACKET when so many are there now, EMPTY when there is no next packet, BROKEN when the guest has written only part of it, or
     *     it is longer than may be
     */
    private int fetch(IncomingPacket packet, int wanted) {
        if (writeIndex == readIndex) {
            if (broken) {
                return BROKEN;
            }
            // Acquire: pairs with the guest's barrier between packet and write index (hv_ringbuffer_write).
            int w = acquire(RingLayout.WRITE_INDEX);
            if (!isIndex(w)) {
                return breakRing(packet);
            }
            if (w == readIndex) {
                return EMPTY;
            }
            writeIndex = w;
        }
        int available = writeIndex - readIndex;
        if (available < 0) {
            available += size;
        }
        if (wanted > available || wanted > packet.capacity() + PacketLayout.TRAILER_SIZE) {
            return breakRing(packet);
        }
        packet.copy(data, size, readIndex, available);
        return PACKET;
    }

    private int breakRing(IncomingPacket packet) {
        broken = true;
        writeIndex = readIndex;
        packet.drop();
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
        release(RingLayout.READ_INDEX, now);
        // Full fence: pairs with the one between the guest's store of pending_send_sz and its re-check of the space (hvs_channel_writable...).
        VarHandle.fullFence();
        headerWritten();
        int pending = acquire(RingLayout.PENDING_SEND_SIZE);
        if (pending == 0) {
            return false;
        }
        int w = acquire(RingLayout.WRITE_INDEX);
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
        release(RingLayout.INTERRUPT_MASK, 1);
        VarHandle.fullFence();
        headerWritten();
    }

    /** Tells the writer to signal again. {@return whether there is something to read already, so that the reader must not sleep} */
    public boolean unmask() {
        release(RingLayout.INTERRUPT_MASK, 0);
        // Full fence: the store of the mask before the load of the index; pairs with the guest's between its index and its look at the mask.
        VarHandle.fullFence();
        headerWritten();
        return !broken && acquire(RingLayout.WRITE_INDEX) != readIndex;
    }
}
