package dev.jvisor.vmbus.protocol;

/**
 * Offsets in {@link ChannelMessage#OFFER_CHANNEL}, in bytes from the start of the message. GUIDs are in Microsoft's mixed byte order, see
 * {@link Guids}.
 * <pre>
 *    8  +--------------------------------+
 *       |  type GUID (16)                |   what class of device
 *   24  |  instance GUID (16)            |   which one of them
 *   40  |  reserved (16)                 |
 *   56  |  flags (2)    | MMIO MiB (2)   |
 *   60  |  user defined (120)            |   pipes: mode (4), then 116
 *  180  |  sub-channel index (2) | 0 (2) |   0: primary channel
 *  184  |  relid (4)                     |
 *  188  |  monitor id (1) | has (1) | dedicated (2)
 *  192  |  connection id (4)             |   for HvSignalEvent
 *  196  +--------------------------------+
 * </pre>
 */
public final class OfferLayout {
    /** Class of the device, GUID. */
    public static final int TYPE = 8;
    /** The device, GUID. */
    public static final int INSTANCE = 24;
    /** {@code FLAG_*}, u16. */
    public static final int FLAGS = 56;
    /** MMIO space the device wants, MiB, u16. */
    public static final int MMIO_MEGABYTES = 58;
    /** Bytes the class defines; {@link MessageLayout#USER_DATA_SIZE} of them. */
    public static final int USER_DEFINED = 60;
    /** 0 for a primary channel, else the number of the sub-channel, u16. */
    public static final int SUB_CHANNEL_INDEX = 180;
    /** Channel id, u32. */
    public static final int RELID = 184;
    /** Monitor slot, u8. */
    public static final int MONITOR_ID = 188;
    /** Bit 0: the monitor slot is in use, u8; always 0 from us. */
    public static final int MONITOR_ALLOCATED = 189;
    /** Bit 0: the guest signals with {@code HvSignalEvent} alone, u16; always 1 from us. */
    public static final int DEDICATED_INTERRUPT = 190;
    /** Connection that the guest signals, u32. */
    public static final int CONNECTION_ID = 192;
    /** Bytes of the whole message. */
    public static final int SIZE = 196;

    /** Guests should show the channel to user space. */
    public static final int FLAG_ENUMERATE_DEVICE_INTERFACE = 0x1;
    /** Packets with transfer pages are understood. */
    public static final int FLAG_TRANSFER_PAGES = 0x2;
    /** GPADLs are understood. */
    public static final int FLAG_GPADLS = 0x4;
    /** The channel carries a pipe. */
    public static final int FLAG_NAMED_PIPE = 0x10;
    /** Offered by the parent partition. */
    public static final int FLAG_PARENT_OFFER = 0x200;
    /** A socket (hvsocket). */
    public static final int FLAG_TLNPI_PROVIDER = 0x2000;

    private OfferLayout() {
    }
}
