package dev.jvisor.vmbus.protocol;

/**
 * A ring: one page of header, then the data area. Offsets in bytes.
 * <pre>
 *      0               4               8               12
 *     +---------------+---------------+---------------+---------------+
 *   0 |  write index  |  read index   | interrupt mask| pending send  |
 *     |   (writer)    |   (reader)    |   (reader)    |   (writer)    |
 *     +---------------+---------------+---------------+---------------+
 *  64 | feature bits  |   reserved to 4096
 *     +---------------+-----------------------------------------------
 *4096 | data, size = a whole number of pages                          |
 *     |      read index            write index                        |
 *     |      v                     v                                  |
 *     | free |packet|packet|packet | free                             |
 *     +---------------------------------------------------------------+
 * </pre>
 * Indices are offsets in the data area, multiples of 8 and less than its size; equal means empty, so a writer leaves at least a byte
 * free. In brackets who owns the field. A channel has two rings in one GPADL: guest to host first, host to guest after it.
 */
public final class RingLayout {
    /** Where the next packet goes, u32, the writer's. */
    public static final int WRITE_INDEX = 0;
    /** Where the next packet is taken, u32, the reader's. */
    public static final int READ_INDEX = 4;
    /** Not 0: the reader is awake, do not signal; u32, the reader's. */
    public static final int INTERRUPT_MASK = 8;
    /** Not 0: the writer waits until more than so many bytes are free; u32, the writer's. */
    public static final int PENDING_SEND_SIZE = 12;
    /** {@code FEATURE_*}, u32. */
    public static final int FEATURE_BITS = 64;
    /** {@link #PENDING_SEND_SIZE} is heeded. */
    public static final int FEATURE_PENDING_SEND_SIZE = 1;
    /** Bytes of the header. */
    public static final int HEADER_SIZE = 4096;
    /** Packets and indices are multiples of this. */
    public static final int ALIGNMENT = 8;

    private RingLayout() {
    }
}
