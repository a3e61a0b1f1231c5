package dev.jvisor.vmbus.protocol;

/**
 * A packet in a ring. Offsets in bytes from its start; a packet may wrap at the end of the data area at any byte.
 * <pre>
 *      0        2         4        6        8
 *     +--------+---------+--------+--------+--------------------------+
 *   0 |  type  | offset8 |  len8  | flags  |  transaction id          |
 *     +--------+---------+--------+--------+--------------------------+
 *  16 | by type: nothing, ranges of a transfer-page set, GPA ranges   |
 *     +---------------------------------------------------------------+
 * offset8*8 | payload, zeros up to a multiple of 8                    |
 *     +---------------------------------------------------------------+
 * len8*8    | 0 (4)            | start of this packet in the ring (4) |   trailer
 *     +---------------------------------------------------------------+
 * </pre>
 */
public final class PacketLayout {
    /** {@code TYPE_*}, u16. */
    public static final int TYPE = 0;
    /** Start of the payload / 8, u16. */
    public static final int OFFSET8 = 2;
    /** Bytes before the trailer / 8, u16. */
    public static final int LENGTH8 = 4;
    /** {@code FLAG_*}, u16. */
    public static final int FLAGS = 6;
    /** Chosen by the sender, returned in the completion, u64. */
    public static final int TRANSACTION_ID = 8;
    /** Bytes of the descriptor. */
    public static final int DESCRIPTOR_SIZE = 16;
    /** Bytes after the packet. */
    public static final int TRAILER_SIZE = 8;
    /** Most bytes a packet can say it has, trailer not counted. */
    public static final int MAX_SIZE = 0xFFFF * 8;

    /** The sender wants a completion. */
    public static final int FLAG_COMPLETION_REQUESTED = 1;

    /** Payload only. */
    public static final int TYPE_INBAND = 6;
    /** Payload, and ranges of a buffer shared before. */
    public static final int TYPE_TRANSFER_PAGES = 7;
    /** Payload, and ranges of guest pages. */
    public static final int TYPE_GPA_DIRECT = 9;
    /** Answer to a packet, by transaction id. */
    public static final int TYPE_COMPLETION = 0xB;

    /** {@link #TYPE_TRANSFER_PAGES}: which set, u16. */
    public static final int TRANSFER_SET_ID = 16;
    /** {@link #TYPE_TRANSFER_PAGES}: the sender owns the set, u8. */
    public static final int TRANSFER_SENDER_OWNS = 18;
    /** {@link #TYPE_TRANSFER_PAGES} and {@link #TYPE_GPA_DIRECT}: number of ranges, u32. */
    public static final int RANGE_COUNT = 20;
    /** {@link #TYPE_TRANSFER_PAGES} and {@link #TYPE_GPA_DIRECT}: first range. */
    public static final int RANGES = 24;
    /** In a range: bytes, u32. */
    public static final int RANGE_BYTE_COUNT = 0;
    /** In a range: offset of the first byte, in the set or in the first page, u32. */
    public static final int RANGE_BYTE_OFFSET = 4;
    /** In a GPA range: first page frame number, u64 each. */
    public static final int RANGE_PFNS = 8;
    /** Bytes of a range of transfer pages, and of a GPA range before its page frame numbers. */
    public static final int RANGE_SIZE = 8;

    private PacketLayout() {
    }

    /** {@return {@code bytes} rounded up to a multiple of 8} */
    public static int align(int bytes) {
        return (bytes + 7) & ~7;
    }

    /** {@return bytes of ring that a packet takes: descriptor, header, payload, padding, trailer} */
    public static int ringBytes(int headerBytes, int payloadBytes) {
        return DESCRIPTOR_SIZE + align(headerBytes) + align(payloadBytes) + TRAILER_SIZE;
    }
}
