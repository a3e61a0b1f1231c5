package dev.jvisor.vmbus.ring;

import dev.jvisor.vmbus.protocol.PacketLayout;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A packet taken from a ring: a private copy that the guest cannot change any more, its framing checked. Made once and filled again by
 * each {@link RingReader#read}. Ranges of guest pages are checked to lie within the packet; whether they are RAM, {@link #mapRange} tells.
 * One thread at a time.
 */
public final class IncomingPacket {
    /** Most ranges of a packet; more make it malformed. */
    public static final int MAX_RANGES = 256;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PAGE = GpaSpace.PAGE_SIZE;

    /** All after the descriptor: type header, payload, padding. */
    private final MemorySegment body;
    private final int[] ranges = new int[MAX_RANGES];
    private int type;
    private int flags;
    private long transactionId;
    private int payloadOffset;
    private int payloadLength;
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
        body = Arena.ofAuto().allocate(PacketLayout.align(maxBytes), 8);
    }

    /** {@return longest packet that is taken, descriptor included} */
    public int capacity() {
        return (int) body.byteSize();
    }

    MemorySegment body() {
        return body;
    }

    /** Takes the descriptor; the body has been copied. {@return whether the header that the type brings makes sense} */
    boolean set(int newType, int newFlags, long id, int offset8, int len8) {
        type = newType;
        flags = newFlags;
        transactionId = id;
        payloadOffset = (offset8 << 3) - PacketLayout.DESCRIPTOR_SIZE;
        payloadLength = len8 - offset8 << 3;
        transferSet = 0;
        rangeCount = 0;
        return switch (newType) {
            case PacketLayout.TYPE_INBAND, PacketLayout.TYPE_COMPLETION -> true;
            case PacketLayout.TYPE_GPA_DIRECT, PacketLayout.TYPE_TRANSFER_PAGES -> parseRanges(newType == PacketLayout.TYPE_GPA_DIRECT);
            default -> false;
        };
    }

    private boolean parseRanges(boolean gpa) {
        if (payloadOffset < PacketLayout.RANGES - PacketLayout.DESCRIPTOR_SIZE) {
            return false;
        }
        transferSet = Short.toUnsignedInt(body.get(LE16, PacketLayout.TRANSFER_SET_ID - PacketLayout.DESCRIPTOR_SIZE));
        int count = body.get(LE32, PacketLayout.RANGE_COUNT - PacketLayout.DESCRIPTOR_SIZE);
        if (count < 0 || count > MAX_RANGES) {
            return false;
        }
        long at = PacketLayout.RANGES - PacketLayout.DESCRIPTOR_SIZE;
        for (int i = 0; i < count; i++) {
            if (at + PacketLayout.RANGE_SIZE > payloadOffset) {
                return false;
            }
            ranges[i] = (int) at;
            if (gpa) {
                long bytes = Integer.toUnsignedLong(body.get(LE32, at));
                long offset = Integer.toUnsignedLong(body.get(LE32, at + PacketLayout.RANGE_BYTE_OFFSET));
                if (offset >= PAGE) {
                    return false;
                }
                at += (offset + bytes + PAGE - 1) / PAGE * Long.BYTES;
            }
            at += PacketLayout.RANGE_SIZE;
            if (at > payloadOffset) {
                return false;
            }
        }
        rangeCount = count;
        return true;
    }

    /** {@return {@code PacketLayout.TYPE_*}} */
    public int type() {
        return type;
    }

    /** {@return whether the guest waits for a completion} */
    public boolean completionRequested() {
        return (flags & PacketLayout.FLAG_COMPLETION_REQUESTED) != 0;
    }

    /** {@return what a completion has to carry} */
    public long transactionId() {
        return transactionId;
    }

    /** {@return the private memory that {@link #payloadOffset} is an offset in; valid until the next read} */
    public MemorySegment memory() {
        return body;
    }

    /** {@return where the payload starts in {@link #memory}} */
    public int payloadOffset() {
        return payloadOffset;
    }

    /** {@return bytes of payload, padding included: a multiple of 8} */
    public int payloadLength() {
        return payloadLength;
    }

    /** {@return the byte at an offset in the payload, zero-extended; 0 beyond its end} */
    public int u8(int at) {
        return at < 0 || at > payloadLength - 1 ? 0 : Byte.toUnsignedInt(body.get(ValueLayout.JAVA_BYTE, payloadOffset + at));
    }

    /** {@return the 16-bit value at an offset in the payload, zero-extended; 0 beyond its end} */
    public int u16(int at) {
        return at < 0 || at > payloadLength - 2 ? 0 : Short.toUnsignedInt(body.get(LE16, payloadOffset + at));
    }

    /** {@return the 32-bit value at an offset in the payload; 0 beyond its end} */
    public int i32(int at) {
        return at < 0 || at > payloadLength - 4 ? 0 : body.get(LE32, payloadOffset + at);
    }

    /** {@return the 64-bit value at an offset in the payload; 0 beyond its end} */
    public long i64(int at) {
        return at < 0 || at > payloadLength - 8 ? 0 : body.get(LE64, payloadOffset + at);
    }

    /** {@return for transfer pages: the id of the set} */
    public int transferSet() {
        return transferSet;
    }

    /** {@return number of ranges; 0 for packets without} */
    public int rangeCount() {
        return rangeCount;
    }

    /** {@return bytes of a range, unsigned} */
    public long rangeByteCount(int range) {
        return Integer.toUnsignedLong(body.get(LE32, at(range)));
    }

    /** {@return offset of a range's first byte: in its first page (GPA direct) or in the set (transfer pages), unsigned} */
    public long rangeByteOffset(int range) {
        return Integer.toUnsignedLong(body.get(LE32, at(range) + PacketLayout.RANGE_BYTE_OFFSET));
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
        return body.get(LE64, at(range) + PacketLayout.RANGE_PFNS + 8L * page);
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
