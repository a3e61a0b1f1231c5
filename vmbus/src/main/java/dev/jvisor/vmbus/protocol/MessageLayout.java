package dev.jvisor.vmbus.protocol;

/**
 * Offsets in the channel messages, in bytes from the start of the message; all integers are little-endian. A message is the payload of
 * {@code HvPostMessage} (guest to host) or of a SynIC message of type {@link #SYNIC_MESSAGE_TYPE} (host to guest). Which message has
 * which field stands in {@link ChannelMessage}.
 * <pre>
 *   0                   4                   8
 *  +-------------------+-------------------+------------------------------
 *  |       type        |      padding      |  body, up to 232 bytes ...
 *  +-------------------+-------------------+------------------------------
 * </pre>
 */
public final class MessageLayout {
    /** SynIC type of every channel message (TLFS: the first type free for the root's use). */
    public static final int SYNIC_MESSAGE_TYPE = 1;
    /** Most bytes of one message. */
    public static final int MAX_SIZE = 240;
    /** Number of the message, u32. */
    public static final int TYPE = 0;
    /** Bytes of the header that all messages have. */
    public static final int HEADER_SIZE = 8;
    /** The SINT that channel messages and signals use, unless a guest of version 5.0 says otherwise. */
    public static final int DEFAULT_SINT = 2;
    /** Connection for all messages before 5.0. */
    public static final int CONNECTION_LEGACY = 1;
    /** Connection for {@link ChannelMessage#INITIATE_CONTACT} from 5.0. */
    public static final int CONNECTION_CONTACT = 4;
    /** First channel id that is none: relids are 1 to 2047, as many as a page of event flags has bits. */
    public static final int RELID_LIMIT = 2048;

    /** Relid, in every message that is about one channel except {@link ChannelMessage#OFFER_CHANNEL}. */
    public static final int RELID = 8;

    /** {@link ChannelMessage#OPEN_CHANNEL}: id that comes back in the result. */
    public static final int OPEN_ID = 12;
    /** {@link ChannelMessage#OPEN_CHANNEL}: GPADL of both rings. */
    public static final int OPEN_RING_GPADL = 16;
    /** {@link ChannelMessage#OPEN_CHANNEL}: index of the VP that takes the signals. */
    public static final int OPEN_TARGET_VP = 20;
    /** {@link ChannelMessage#OPEN_CHANNEL}: pages of the guest-to-host ring; the rest of the GPADL is the other one. */
    public static final int OPEN_DOWNSTREAM_PAGE = 24;
    /** {@link ChannelMessage#OPEN_CHANNEL}: bytes for the VSP. */
    public static final int OPEN_USER_DATA = 28;
    /** Bytes of user data in an open and in an offer. */
    public static final int USER_DATA_SIZE = 120;
    /** {@link ChannelMessage#OPEN_CHANNEL_RESULT}: id of the request. */
    public static final int OPEN_RESULT_ID = 12;
    /** {@link ChannelMessage#OPEN_CHANNEL_RESULT}: 0 for success. */
    public static final int OPEN_RESULT_STATUS = 16;

    /** {@link ChannelMessage#GPADL_HEADER}, {@link ChannelMessage#GPADL_BODY}, created, teardown: handle the guest chose. */
    public static final int GPADL = 12;
    /** {@link ChannelMessage#GPADL_HEADER}: bytes of all ranges with their PFNs, u16. */
    public static final int GPADL_RANGE_BUFFER_LENGTH = 16;
    /** {@link ChannelMessage#GPADL_HEADER}: number of ranges, u16; 1 from every guest we know. */
    public static final int GPADL_RANGE_COUNT = 18;
    /** {@link ChannelMessage#GPADL_HEADER}: bytes of the range. */
    public static final int GPADL_BYTE_COUNT = 20;
    /** {@link ChannelMessage#GPADL_HEADER}: offset of the first byte in the first page. */
    public static final int GPADL_BYTE_OFFSET = 24;
    /** {@link ChannelMessage#GPADL_HEADER}: first page frame number, u64 each. */
    public static final int GPADL_HEADER_PFNS = 28;
    /** Most page frame numbers in a {@link ChannelMessage#GPADL_HEADER}. */
    public static final int GPADL_HEADER_MAX_PFNS = (MAX_SIZE - GPADL_HEADER_PFNS) / 8;
    /** {@link ChannelMessage#GPADL_BODY}: sequence number, which Linux leaves 0. */
    public static final int GPADL_BODY_NUMBER = 8;
    /** {@link ChannelMessage#GPADL_BODY}: first page frame number, u64 each. */
    public static final int GPADL_BODY_PFNS = 16;
    /** Most page frame numbers in a {@link ChannelMessage#GPADL_BODY}. */
    public static final int GPADL_BODY_MAX_PFNS = (MAX_SIZE - GPADL_BODY_PFNS) / 8;
    /** {@link ChannelMessage#GPADL_CREATED}: 0 for success. */
    public static final int GPADL_CREATED_STATUS = 16;
    /** {@link ChannelMessage#GPADL_TORNDOWN}: handle. */
    public static final int GPADL_TORNDOWN_GPADL = 8;

    /** {@link ChannelMessage#INITIATE_CONTACT}: wanted version, see {@link VmbusVersion#code}. */
    public static final int CONTACT_VERSION = 8;
    /** {@link ChannelMessage#INITIATE_CONTACT}: index of the VP that takes messages. */
    public static final int CONTACT_TARGET_VP = 12;
    /** {@link ChannelMessage#INITIATE_CONTACT} before 5.0: GPA of the interrupt page, u64. */
    public static final int CONTACT_INTERRUPT_PAGE = 16;
    /** {@link ChannelMessage#INITIATE_CONTACT} from 5.0: SINT that takes messages, u8. */
    public static final int CONTACT_SINT = 16;
    /** {@link ChannelMessage#INITIATE_CONTACT}: GPA of the monitor page host to guest, u64. */
    public static final int CONTACT_MONITOR_PAGE_1 = 24;
    /** {@link ChannelMessage#INITIATE_CONTACT}: GPA of the monitor page guest to host, u64. */
    public static final int CONTACT_MONITOR_PAGE_2 = 32;
    /** {@link ChannelMessage#VERSION_RESPONSE}: 1 when the version is spoken, u8. */
    public static final int VERSION_SUPPORTED = 8;
    /** {@link ChannelMessage#VERSION_RESPONSE}: 0 when connected, u8. */
    public static final int VERSION_STATE = 9;
    /** {@link ChannelMessage#VERSION_RESPONSE} from 5.0: connection for further messages, u32. */
    public static final int VERSION_CONNECTION = 12;

    /** {@link ChannelMessage#MODIFY_CHANNEL}: index of the VP that takes the signals from now on. */
    public static final int MODIFY_TARGET_VP = 12;
    /** {@link ChannelMessage#MODIFY_CHANNEL_RESPONSE}: 0 for success. */
    public static final int MODIFY_STATUS = 12;

    /** {@link ChannelMessage#TL_CONNECT_REQUEST}: GUID of the guest's end. */
    public static final int TL_GUEST_ENDPOINT = 8;
    /** {@link ChannelMessage#TL_CONNECT_REQUEST}: GUID of the service on the host. */
    public static final int TL_HOST_SERVICE = 24;
    /** {@link ChannelMessage#TL_CONNECT_RESULT}: 0 for success. */
    public static final int TL_RESULT_STATUS = 40;

    private MessageLayout() {
    }
}
