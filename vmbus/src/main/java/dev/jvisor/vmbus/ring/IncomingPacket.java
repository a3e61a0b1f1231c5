package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A packet taken from a ring: a private copy that the guest cannot change any more, its framing checked. Made once and filled again by
 * each {@link RingReader#read}; the packets behind it in the ring may be here already, copied with it. Ranges of guest pages are checked to
 * lie within the packet; whether they are RAM, {@link #mapRange} tells. One thread at a time.
 */
public final class IncomingPacket {
    /** Most ranges of a packet; more make it malformed. */
    public static final int MAX_RANGES = 256;
    /** Bytes copied at once if there are so many: worth a call, and soon done. */
    private static final int AT_ONCE = 8192;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PAGE = GpaSpace.PAGE_SIZE;

    // The copy: this packet at start, what follows it in the ring from next to end
    private final int capacity;
    private final MemorySegment copy;
    private RingReader source;
    private int start;
    private int next;
    private int end;

    // This packet
    private long descriptor;
    private final int[] ranges = new int[MAX_RANGES];
    private int transferSet;
    private int rangeCount;

    /**
     * Makes room for packets.
     *
     * @param maxBytes longest packet that is taken, descriptor included; a longer one breaks the ring
     */
    public IncomingPacket(int maxBytes) {
        if (maxBytes < PacketLayout.DESCRIPTOR_SIZE || maxBytes > PacketLayout.MAX_SIZE) {
            throw new IllegalArgumentException("no size for a packet: maxBytes=" + maxBytes);
        }
        capacity = PacketLayout.align(maxBytes);
        copy = Arena.ofAuto().allocate(Math.max(capacity + PacketLayout.TRAILER_SIZE, AT_ONCE), 64);
    }

    /** {@return longest packet that is taken, descriptor included} */
    public int capacity() {
        return capacity;
    }

    // ---- for the reader ----

    /** {@return how many bytes have been copied beyond this packet; none that came from another ring} */
    int copied(RingReader reader) {
        if (source != reader) {
            source = reader;
            drop();
        }
        return end - next;
    }

    /** Forgets what was copied beyond this packet. */
    void drop() {
        next = 0;
        end = 0;
    }

    /** {@return the first word of the next packet, which has been copied} */
    long peek() {
        return copy.get(LE64, next);
    }

    /**
     * Copies more of a ring, so that the next packet, if it is no longer than it may be, is here as a whole.
     *
     * @param from where in the ring the next packet starts
     * @param available how many bytes there are from there on
     */
    void copy(GuestPages ring, int ringSize, int from, int available) {
        int held = end - next;
        MemorySegment.copy(copy, next, copy, 0, held);
        next = 0;
        end = (int) Math.min(available, copy.byteSize());
        for (int at = held; at < end;) {
            int offset = from + at < ringSize ? from + at : from + at - ringSize;
            int piece = Math.min(end - at, ringSize - offset);
            ring.copyOut(offset, copy, at, piece);
            at += piece;
        }
    }

    /** Goes on to the next packet, which has been copied and whose offset and length make sense. {@return whether the rest of it does} */
    boolean next(long firstWord, int ringBytes) {
        start = next;
        next = start + ringBytes;
        descriptor = firstWord;
        rangeCount = 0;
        return switch (type()) {
            case PacketLayout.TYPE_INBAND, PacketLayout.TYPE_COMPLETION -> true;
            case PacketLayout.TYPE_GPA_DIRECT -> parseRanges(true);
            case PacketLayout.TYPE_TRANSFER_PAGES -> parseRanges(false);
            default -> false;
        };
    }

    private boolean parseRanges(boolean gpa) {
        int limit = payloadOffset();
        long at = start + PacketLayout.RANGES;
        if (limit < at) {
            return false;
        }
        transferSet = Short.toUnsignedInt(copy.get(LE16, start + PacketLayout.TRANSFER_SET_ID));
        int count = copy.get(LE32, start + PacketLayout.RANGE_COUNT);
        if (count < 0 || count > MAX_RANGES) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (at + PacketLayout.RANGE_SIZE > limit) {
                return false;
            }
            ranges[i] = (int) at;
            if (gpa) {
                long bytes = Integer.toUnsignedLong(copy.get(LE32, at));
                long offset = Integer.toUnsignedLong(copy.get(LE32, at + PacketLayout.RANGE_BYTE_OFFSET));
                if (offset >= PAGE) {
                    return false;
                }
                at += (offset + bytes + PAGE - 1) / PAGE * Long.BYTES;
            }
            at += PacketLayout.RANGE_SIZE;
            if (at > limit) {
                return false;
            }
        }
        rangeCount = count;
        return true;
    }

    private int field(int at) {
        return (int) (descriptor >>> 8 * at) & 0xFFFF;
    }

    /** {@return {@code PacketLayout.TYPE_*}} */
    public int type() {
        return field(PacketLayout.TYPE);
    }

    /** {@return whether the guest waits for a completion} */
    public boolean completionRequested() {
        return (field(PacketLayout.FLAGS) & PacketLayout.FLAG_COMPLETION_REQUESTED) != 0;
    }

    /** {@return what a completion has to carry} */
    public long transactionId() {
        return copy.get(LE64, start + PacketLayout.TRANSACTION_ID);
    }

    /** {@return the private memory that {@link #payloadOffset} is an offset in; valid until the next read} */
    public MemorySegment memory() {
        return copy;
    }

    /** {@return where the payload starts in {@link #memory}} */
    public int payloadOffset() {
        return start + (field(PacketLayout.OFFSET8) << 3);
    }

    /** {@return bytes of payload, padding included: a multiple of 8} */
    public int payloadLength() {
        return field(PacketLayout.LENGTH8) - field(PacketLayout.OFFSET8) << 3;
    }

    /** {@return the byte at an offset in the payload, zero-extended; 0 beyond its end} */
    public int u8(int at) {
        return at < 0 || at > payloadLength() - 1 ? 0 : Byte.toUnsignedInt(copy.get(ValueLayout.JAVA_BYTE, payloadOffset() + at));
    }

    /** {@return the 16-bit value at an offset in the payload, zero-extended; 0 beyond its end} */
    public int u16(int at) {
        return at < 0 || at > payloadLength() - 2 ? 0 : Short.toUnsignedInt(copy.get(LE16, payloadOffset() + at));
    }

    /** {@return the 32-bit value at an offset in the payload; 0 beyond its end} */
    public int i32(int at) {
        return at < 0 || at > payloadLength() - 4 ? 0 : copy.get(LE32, payloadOffset() + at);
    }

    /** {@return the 64-bit value at an offset in the payload; 0 beyond its end} */
    public long i64(int at) {
        return at < 0 || at > payloadLength() - 8 ? 0 : copy.get(LE64, payloadOffset() + at);
    }

    /** {@return for transfer pages: the id of the set} */
    public int transferSet() {
        return type() == PacketLayout.TYPE_TRANSFER_PAGES ? transferSet : 0;
    }

    /** {@return number of ranges; 0 for packets without} */
    public int rangeCount() {
        return rangeCount;
    }

    /** {@return bytes of a range, unsigned} */
    public long rangeByteCount(int range) {
        return Integer.toUnsignedLong(copy.get(LE32, at(range)));
    }

    /** {@return offset of a range's first byte: in its first page (GPA direct) or in the set (transfer pages), unsigned} */
    public long rangeByteOffset(int range) {
        return Integer.toUnsignedLong(copy.get(LE32, at(range) + PacketLayout.RANGE_BYTE_OFFSET));
    }

    /** {@return for GPA direct: number of pages of a range} */
    public int rangePages(int range) {
        return (int) ((rangeByteOffset(range) + rangeByteCount(range) + PAGE - 1) / PAGE);
    }

    /** {@return for GPA direct: the frame number of a page of a range, as the guest gave it} */
    public long rangePfn(int range, int page) {
        if (page < 0 || page >= rangePages(range)) {
            throw new IndexOutOfBoundsException("no such page: page=" + page + ", pages=" + rangePages(range));
        }
        return copy.get(LE64, at(range) + PacketLayout.RANGE_PFNS + 8L * page);
    }

    private long at(int range) {
        if (range < 0 || range >= rangeCount) {
            throw new IndexOutOfBoundsException("no such range: range=" + range + ", ranges=" + rangeCount);
        }
        return ranges[range];
    }

    /**
     * For GPA direct: looks up where a range lies in host memory, as a list of pieces; pages that follow each other are one piece.
     *
     * @param hostOffsets takes the offset of each piece in {@link GpaSpace#host()}
     * @param lengths takes the bytes of each piece
     * @param at index of the first free element; a piece is joined to the one before it where they touch, if {@code at} is not 0
     * @return the new number of pieces, or -1 when a page is not RAM or the arrays are too short
     */
    public int mapRange(int range, GpaSpace gpa, long[] hostOffsets, int[] lengths, int at) {
        long left = rangeByteCount(range);
        int skip = (int) rangeByteOffset(range);
        int pieces = at;
        for (int page = 0; left > 0; page++) {
            long host = GuestPages.hostPage(gpa, rangePfn(range, page));
            if (host < 0) {
                return -1;
            }
            host += skip;
            int length = (int) Math.min(left, PAGE - skip);
            skip = 0;
            left -= length;
            if (pieces > 0 && hostOffsets[pieces - 1] + lengths[pieces - 1] == host) {
                lengths[pieces - 1] += length;
            } else {
                if (pieces == hostOffsets.length || pieces == lengths.length) {
                    return -1;
                }
                hostOffsets[pieces] = host;
                lengths[pieces++] = length;
            }
        }
        return pieces;
    }
}
