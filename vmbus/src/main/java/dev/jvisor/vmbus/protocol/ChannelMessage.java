package dev.jvisor.vmbus.protocol;

import static dev.jvisor.vmbus.protocol.ChannelMessage.Direction.TO_GUEST;
import static dev.jvisor.vmbus.protocol.ChannelMessage.Direction.TO_HOST;
import static dev.jvisor.vmbus.protocol.VmbusVersion.V4_0;
import static dev.jvisor.vmbus.protocol.VmbusVersion.V4_1;
import static dev.jvisor.vmbus.protocol.VmbusVersion.V5_0;
import static dev.jvisor.vmbus.protocol.VmbusVersion.V5_3;

import java.util.List;

/**
 * Every message of the control protocol: number, direction, size, the version that brought it, and its fields. Sizes are the same in all
 * versions we speak: the fields that 5.0 added took the place of older ones or of padding. A conversation:
 * <pre>
 *  guest                                             host
 *    | INITIATE_CONTACT 5.3                             |
 *    |------------------------------------------------->|
 *    |               VERSION_RESPONSE supported, conn 1 |
 *    |<-------------------------------------------------|
 *    | REQUEST_OFFERS                                   |
 *    |------------------------------------------------->|
 *    |    OFFER_CHANNEL ... OFFER_CHANNEL, ALL_OFFERS   |
 *    |<-------------------------------------------------|
 *    | GPADL_HEADER, GPADL_BODY ... (the rings' pages)  |
 *    |------------------------------------------------->|
 *    |                                    GPADL_CREATED |
 *    |<-------------------------------------------------|
 *    | OPEN_CHANNEL                                     |
 *    |------------------------------------------------->|
 *    |                              OPEN_CHANNEL_RESULT |
 *    |<-------------------------------------------------|
 *    |        ... packets in the rings, signals ...     |
 *    | CLOSE_CHANNEL (no answer), GPADL_TEARDOWN        |
 *    |------------------------------------------------->|
 *    |                                   GPADL_TORNDOWN |
 *    |<-------------------------------------------------|
 *    | UNLOAD                                           |
 *    |------------------------------------------------->|
 *    |                                  UNLOAD_RESPONSE |
 *    |<-------------------------------------------------|
 * </pre>
 */
public enum ChannelMessage {
    /** Here is a channel. Layout in {@link OfferLayout}. */
    OFFER_CHANNEL(1, TO_GUEST, OfferLayout.SIZE, V4_0,
            f("type", OfferLayout.TYPE, 16), f("instance", OfferLayout.INSTANCE, 16), f("flags", OfferLayout.FLAGS, 2),
            f("mmioMegabytes", OfferLayout.MMIO_MEGABYTES, 2), f("userDefined", OfferLayout.USER_DEFINED, MessageLayout.USER_DATA_SIZE),
            f("subChannelIndex", OfferLayout.SUB_CHANNEL_INDEX, 2), f("relid", OfferLayout.RELID, 4),
            f("monitorId", OfferLayout.MONITOR_ID, 1), f("monitorAllocated", OfferLayout.MONITOR_ALLOCATED, 1),
            f("dedicatedInterrupt", OfferLayout.DEDICATED_INTERRUPT, 2), f("connectionId", OfferLayout.CONNECTION_ID, 4)),
    /** The channel goes away. The guest cleans up and sends {@link #RELID_RELEASED}. */
    RESCIND_CHANNEL_OFFER(2, TO_GUEST, 12, V4_0, f("relid", MessageLayout.RELID, 4)),
    /** Send me the offers. */
    REQUEST_OFFERS(3, TO_HOST, 8, V4_0),
    /** These were the offers there are now. */
    ALL_OFFERS_DELIVERED(4, TO_GUEST, 8, V4_0),
    /** Open a channel whose rings are a GPADL made before. */
    OPEN_CHANNEL(5, TO_HOST, 148, V4_0,
            f("relid", MessageLayout.RELID, 4), f("openId", MessageLayout.OPEN_ID, 4), f("ringGpadl", MessageLayout.OPEN_RING_GPADL, 4),
            f("targetVp", MessageLayout.OPEN_TARGET_VP, 4), f("downstreamPage", MessageLayout.OPEN_DOWNSTREAM_PAGE, 4),
            f("userData", MessageLayout.OPEN_USER_DATA, MessageLayout.USER_DATA_SIZE)),
    /** Answer to {@link #OPEN_CHANNEL}. */
    OPEN_CHANNEL_RESULT(6, TO_GUEST, 20, V4_0,
            f("relid", MessageLayout.RELID, 4), f("openId", MessageLayout.OPEN_RESULT_ID, 4),
            f("status", MessageLayout.OPEN_RESULT_STATUS, 4)),
    /** Close a channel. There is no answer. */
    CLOSE_CHANNEL(7, TO_HOST, 12, V4_0, f("relid", MessageLayout.RELID, 4)),
    /** First pages of a GPADL. The size is that of the part before the page frame numbers. */
    GPADL_HEADER(8, TO_HOST, MessageLayout.GPADL_HEADER_PFNS, V4_0,
            f("relid", MessageLayout.RELID, 4), f("gpadl", MessageLayout.GPADL, 4),
            f("rangeBufferLength", MessageLayout.GPADL_RANGE_BUFFER_LENGTH, 2), f("rangeCount", MessageLayout.GPADL_RANGE_COUNT, 2),
            f("byteCount", MessageLayout.GPADL_BYTE_COUNT, 4), f("byteOffset", MessageLayout.GPADL_BYTE_OFFSET, 4)),
    /** Further pages of a GPADL, in the order of arrival. The size is that of the part before the page frame numbers. */
    GPADL_BODY(9, TO_HOST, MessageLayout.GPADL_BODY_PFNS, V4_0,
            f("number", MessageLayout.GPADL_BODY_NUMBER, 4), f("gpadl", MessageLayout.GPADL, 4)),
    /** The last page has arrived. */
    GPADL_CREATED(10, TO_GUEST, 20, V4_0,
            f("relid", MessageLayout.RELID, 4), f("gpadl", MessageLayout.GPADL, 4), f("status", MessageLayout.GPADL_CREATED_STATUS, 4)),
    /** Let go of these pages. */
    GPADL_TEARDOWN(11, TO_HOST, 16, V4_0, f("relid", MessageLayout.RELID, 4), f("gpadl", MessageLayout.GPADL, 4)),
    /** The host touches these pages no more. */
    GPADL_TORNDOWN(12, TO_GUEST, 12, V4_0, f("gpadl", MessageLayout.GPADL_TORNDOWN_GPADL, 4)),
    /** The guest has forgotten a rescinded channel: its relid may be used again. */
    RELID_RELEASED(13, TO_HOST, 12, V4_0, f("relid", MessageLayout.RELID, 4)),
    /** First message, on a connection of its own. */
    INITIATE_CONTACT(14, TO_HOST, 40, V4_0,
            f("version", MessageLayout.CONTACT_VERSION, 4), f("targetVp", MessageLayout.CONTACT_TARGET_VP, 4),
            f("interruptPageOrSint", MessageLayout.CONTACT_INTERRUPT_PAGE, 8), f("monitorPage1", MessageLayout.CONTACT_MONITOR_PAGE_1, 8),
            f("monitorPage2", MessageLayout.CONTACT_MONITOR_PAGE_2, 8)),
    /** Answer to {@link #INITIATE_CONTACT}; an unknown version is refused, never left unanswered. */
    VERSION_RESPONSE(15, TO_GUEST, 16, V4_0,
            f("supported", MessageLayout.VERSION_SUPPORTED, 1), f("state", MessageLayout.VERSION_STATE, 1),
            f("connection", MessageLayout.VERSION_CONNECTION, 4)),
    /** Let go of everything. */
    UNLOAD(16, TO_HOST, 8, V4_0),
    /** The host touches the guest's memory no more. */
    UNLOAD_RESPONSE(17, TO_GUEST, 8, V4_0),
    /** Connect a socket to a service of the host. */
    TL_CONNECT_REQUEST(21, TO_HOST, 40, V4_0,
            f("guestEndpoint", MessageLayout.TL_GUEST_ENDPOINT, 16), f("hostService", MessageLayout.TL_HOST_SERVICE, 16)),
    /** Move a channel's signals to another VP. */
    MODIFY_CHANNEL(22, TO_HOST, 16, V4_1, f("relid", MessageLayout.RELID, 4), f("targetVp", MessageLayout.MODIFY_TARGET_VP, 4)),
    /** A socket could not be connected. */
    TL_CONNECT_RESULT(23, TO_GUEST, 44, V4_0,
            f("guestEndpoint", MessageLayout.TL_GUEST_ENDPOINT, 16), f("hostService", MessageLayout.TL_HOST_SERVICE, 16),
            f("status", MessageLayout.TL_RESULT_STATUS, 4)),
    /** Answer to {@link #MODIFY_CHANNEL}: after it the old VP gets no more interrupts. */
    MODIFY_CHANNEL_RESPONSE(24, TO_GUEST, 16, V5_3, f("relid", MessageLayout.RELID, 4), f("status", MessageLayout.MODIFY_STATUS, 4));

    /** Who sends a message. */
    public enum Direction {
        /** Guest to host. */
        TO_HOST,
        /** Host to guest. */
        TO_GUEST
    }

    /**
     * One field of a message.
     *
     * @param name as in the protocol
     * @param offset bytes from the start of the message
     * @param size bytes
     */
    public record Field(String name, int offset, int size) {
    }

    private static final ChannelMessage[] BY_TYPE = new ChannelMessage[25];

    static {
        for (ChannelMessage m : values()) {
            BY_TYPE[m.type] = m;
        }
    }

    private final int type;
    private final Direction direction;
    private final int size;
    private final VmbusVersion since;
    private final List<Field> fields;

    ChannelMessage(int type, Direction direction, int size, VmbusVersion since, Field... fields) {
        this.type = type;
        this.direction = direction;
        this.size = size;
        this.since = since;
        this.fields = List.of(fields);
    }

    private static Field f(String name, int offset, int size) {
        return new Field(name, offset, size);
    }

    /** {@return the number at {@link MessageLayout#TYPE}} */
    public int type() {
        return type;
    }

    /** {@return who sends it} */
    public Direction direction() {
        return direction;
    }

    /** {@return fewest bytes of the message; all its bytes unless page frame numbers follow} */
    public int size() {
        return size;
    }

    /** {@return bytes of the message in a version, -1 when that version does not have it} */
    public int size(VmbusVersion version) {
        return version.atLeast(since) ? size : -1;
    }

    /** {@return the first version that has it, of those we speak} */
    public VmbusVersion since() {
        return since;
    }

    /** {@return its fields after the header, by rising offset} */
    public List<Field> fields() {
        return fields;
    }

    /** {@return the message of a number, or null when there is none} */
    public static ChannelMessage of(int type) {
        return type < 0 || type >= BY_TYPE.length ? null : BY_TYPE[type];
    }

    /** {@return whether the version negotiation of {@code version} carries a SINT and a connection id rather than an interrupt page} */
    public static boolean namesConnection(VmbusVersion version) {
        return version.atLeast(V5_0);
    }
}
