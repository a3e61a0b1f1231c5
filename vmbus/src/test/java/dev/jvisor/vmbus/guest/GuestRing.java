package dev.jvisor.vmbus.guest;

import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The guest's end of one ring, written from Linux 6.1's ring_buffer.c and not from the host's classes: byte by byte, page by page. Offsets
 * are numbers here on purpose: a wrong constant on the host's side must show.
 */
public final class GuestRing {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = INT.varHandle();

    /** A packet as received. */
    public record Packet(int type, int flags, long id, byte[] header, byte[] payload) {
    }

    private final GpaSpace gpa;
    private final long[] pfns;
    private final int first;
    private final int size;

    /** A ring of so many pages, header included, from page {@code first} of the list. */
    public GuestRing(GpaSpace gpa, long[] pfns, int first, int pages) {
        this.gpa = gpa;
        this.pfns = pfns;
        this.first = first;
        this.size = (pages - 1) * 4096;
    }

    public int size() {
        return size;
    }

    public int field(int offset) {
        return (int) INTS.getVolatile(gpa.host(), gpa.hostOffset(pfns[first] << 12) + offset);
    }

    public void field(int offset, int value) {
        INTS.setVolatile(gpa.host(), gpa.hostOffset(pfns[first] << 12) + offset, value);
    }

    public int writeIndex() {
        return field(0);
    }

    public int readIndex() {
        return field(4);
    }

    /** What Linux does before it opens a channel. */
    public void initialize() {
        for (int i = 0; i < 4096; i += 4) {
            field(i, 0);
        }
        field(64, 1);
    }

    public void setByte(int at, byte value) {
        gpa.host().set(ValueLayout.JAVA_BYTE, host(at), value);
    }

    public byte getByte(int at) {
        return gpa.host().get(ValueLayout.JAVA_BYTE, host(at));
    }

    private long host(int at) {
        int i = Math.floorMod(at, size);
        return gpa.hostOffset(pfns[first + 1 + i / 4096] << 12) + i % 4096;
    }

    private void put(int at, byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            setByte(at + i, bytes[i]);
        }
    }

    private byte[] get(int at, int length) {
        byte[] b = new byte[length];
        for (int i = 0; i < length; i++) {
            b[i] = getByte(at + i);
        }
        return b;
    }

    /** Bytes that may be written, in Linux's count. */
    public int bytesToWrite() {
        int r = readIndex();
        int w = writeIndex();
        return w >= r ? size - (w - r) : r - w;
    }

    /** Result of {@link #send}. */
    public enum Sent {
        /** In the ring; the host is awake. */
        QUIETLY,
        /** In the ring; signal the host. */
        SIGNAL,
        /** No space. */
        AGAIN
    }

    /** hv_ringbuffer_write. */
    public Sent send(int type, int flags, long id, byte[] header, byte[] payload) {
        int offset8 = (16 + header.length) / 8;
        int len8 = (16 + header.length + payload.length + 7) / 8;
        int total = len8 * 8 + 8;
        if (bytesToWrite() <= total) {
            return Sent.AGAIN;
        }
        int old = writeIndex();
        java.nio.ByteBuffer b = java.nio.ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort((short) type).putShort((short) offset8).putShort((short) len8).putShort((short) flags).putLong(id);
        b.put(header).put(payload);
        b.putLong(total - 8, (long) old << 32);
        put(old, b.array());
        field(0, (old + total) % size);
        VarHandle.fullFence();
        if (field(8) != 0) {
            return Sent.QUIETLY;
        }
        return readIndex() == old ? Sent.SIGNAL : Sent.QUIETLY;
    }

    /** Raw bytes at the write index, index moved. */
    public void sendRaw(byte[] bytes) {
        int old = writeIndex();
        put(old, bytes);
        field(0, Math.floorMod(old + bytes.length, size));
    }

    /** One packet, or null; the read index is moved. Signals are told by {@link #hostWaits}. */
    public Packet receive() {
        int r = readIndex();
        int w = writeIndex();
        if (r == w) {
            return null;
        }
        java.nio.ByteBuffer d = java.nio.ByteBuffer.wrap(get(r, 16)).order(ByteOrder.LITTLE_ENDIAN);
        int type = d.getShort() & 0xFFFF;
        int offset8 = d.getShort() & 0xFFFF;
        int len8 = d.getShort() & 0xFFFF;
        int flags = d.getShort() & 0xFFFF;
        long id = d.getLong();
        byte[] header = get(r + 16, offset8 * 8 - 16);
        byte[] payload = get(r + offset8 * 8, len8 * 8 - offset8 * 8);
        long trailer = java.nio.ByteBuffer.wrap(get(r + len8 * 8, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (trailer != (long) r << 32) {
            throw new AssertionError("trailer " + Long.toHexString(trailer) + " of the packet at " + r);
        }
        field(4, (r + len8 * 8 + 8) % size);
        VarHandle.fullFence();
        int pending = field(12);
        // Both sides of the crossing from one look at the write index, as Linux has it: the host may write between two.
        int after = bytesToWrite();
        hostWaits |= pending != 0 && after - (len8 * 8 + 8) <= pending && after > pending;
        return new Packet(type, flags, id, header, payload);
    }

    private boolean hostWaits;

    /** Whether the host must be signalled since the last call, because it waits for space (hv_pkt_iter_close). */
    public boolean hostWaits() {
        boolean h = hostWaits;
        hostWaits = false;
        return h;
    }

    public void mask(boolean on) {
        field(8, on ? 1 : 0);
        VarHandle.fullFence();
    }

    public MemorySegment memory() {
        return gpa.host();
    }
}
