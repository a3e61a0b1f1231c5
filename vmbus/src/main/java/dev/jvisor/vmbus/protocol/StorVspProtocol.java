package dev.jvisor.vmbus.protocol;

/**
 * The storage protocol between storvsc and storvsp. Source: Linux 6.1 {@code drivers/scsi/storvsc_drv.c} ({@code struct vstor_packet}).
 * Every packet, either way, is {@link #PACKET_SIZE} bytes; a request's data is named by the GPA ranges of the ring packet around it.
 *
 * <pre>
 *   0  operation (4)   | flags (4)
 *   8  status (4)      | by operation, from 12 on:
 *
 *  EXECUTE_SRB                                                  QUERY_PROPERTIES          QUERY_PROTOCOL_VERSION
 *  12  length (2) | SRB status | SCSI status                    12  0 (4)                 12  version (2)
 *  16  port | path | target | LUN                               16  channels (2)          14  revision (2)
 *  20  CDB length | sense length | data in | 0                  20  flags (4)
 *  24  transfer length (4)                                      24  max transfer (4)      CREATE_SUB_CHANNELS
 *  28  CDB (16) on the way in, sense (20) on the way out        28  0 (8)                 12  how many (2)
 *  48  0 (2) | queue tag | queue action
 *  52  SRB flags (4) | 56  time-out, s (4) | 60  sort key (4)
 * </pre>
 */
public final class StorVspProtocol {
    /** Bytes of every packet. */
    public static final int PACKET_SIZE = 64;

    /** What is asked, {@code OP_*}, u32. */
    public static final int OPERATION = 0;
    /** {@link #FLAG_COMPLETION_REQUESTED}, u32. */
    public static final int FLAGS = 4;
    /** {@code STATUS_*} in answers, u32. */
    public static final int STATUS = 8;
    /** Start of what the operation defines. */
    public static final int BODY = 12;

    /** In {@link #FLAGS}: an answer is wanted. */
    public static final int FLAG_COMPLETION_REQUESTED = 1;

    /** Host to guest: the answer to any operation. */
    public static final int OP_COMPLETE_IO = 1;
    /** Host to guest: the device goes away. */
    public static final int OP_REMOVE_DEVICE = 2;
    /** Carry out a SCSI command. */
    public static final int OP_EXECUTE_SRB = 3;
    /** Reset one unit. */
    public static final int OP_RESET_LUN = 4;
    /** Reset all units. */
    public static final int OP_RESET_ADAPTER = 5;
    /** Reset all units. */
    public static final int OP_RESET_BUS = 6;
    /** First step of the start. */
    public static final int OP_BEGIN_INITIALIZATION = 7;
    /** Last step of the start. */
    public static final int OP_END_INITIALIZATION = 8;
    /** Proposes a version. */
    public static final int OP_QUERY_PROTOCOL_VERSION = 9;
    /** Asks what the device can. */
    public static final int OP_QUERY_PROPERTIES = 10;
    /** Host to guest: units came or went, look again. */
    public static final int OP_ENUMERATE_BUS = 11;
    /** Asks for names on a Fibre Channel. */
    public static final int OP_FCHBA_DATA = 12;
    /** Asks for more channels. */
    public static final int OP_CREATE_SUB_CHANNELS = 13;

    /** Done. */
    public static final int STATUS_SUCCESS = 0;
    /** Not in this state. */
    public static final int STATUS_INVALID_DEVICE_STATE = 0xC0000184;
    /** A value makes no sense. */
    public static final int STATUS_INVALID_PARAMETER = 0xC000000D;
    /** No such operation. */
    public static final int STATUS_INVALID_DEVICE_REQUEST = 0xC0000010;
    /** Version not spoken. */
    public static final int STATUS_REVISION_MISMATCH = 0xC0000059;
    /** Packet too short. */
    public static final int STATUS_INVALID_BUFFER_SIZE = 0xC0000206;

    /** Windows 8, Server 2012. */
    public static final int VERSION_WIN8 = 0x0501;
    /** Windows 8.1, Server 2012 R2. */
    public static final int VERSION_WIN8_1 = 0x0600;
    /** Windows 10, Server 2016. */
    public static final int VERSION_WIN10 = 0x0602;

    /** In {@link #OP_QUERY_PROTOCOL_VERSION}: major in the high byte, minor in the low, u16. */
    public static final int VERSION = 12;
    /** In {@link #OP_QUERY_PROTOCOL_VERSION}: the driver's own number, u16. */
    public static final int REVISION = 14;

    /** In {@link #OP_QUERY_PROPERTIES}: most sub-channels, u16. */
    public static final int MAX_SUB_CHANNELS = 16;
    /** In {@link #OP_QUERY_PROPERTIES}: {@link #PROPERTY_MULTI_CHANNEL}, u32. */
    public static final int PROPERTY_FLAGS = 20;
    /** In {@link #OP_QUERY_PROPERTIES}: bytes that one command may move, u32. */
    public static final int MAX_TRANSFER_BYTES = 24;
    /** Sub-channels may be asked for. */
    public static final int PROPERTY_MULTI_CHANNEL = 1;

    /** In {@link #OP_CREATE_SUB_CHANNELS}: how many, u16. */
    public static final int SUB_CHANNEL_COUNT = 12;

    /** Bytes of the SRB, {@link #SRB_SIZE}, u16. */
    public static final int SRB_LENGTH = 12;
    /** {@code SRB_STATUS_*}, u8. */
    public static final int SRB_STATUS = 14;
    /** SCSI status, u8. */
    public static final int SCSI_STATUS = 15;
    /** Port, u8; ignored. */
    public static final int PORT = 16;
    /** Bus, u8. */
    public static final int PATH = 17;
    /** Target, u8. */
    public static final int TARGET = 18;
    /** Unit, u8. */
    public static final int LUN = 19;
    /** Bytes of the command block, u8. */
    public static final int CDB_LENGTH = 20;
    /** Bytes of sense data: room on the way in, what there is on the way out, u8. */
    public static final int SENSE_LENGTH = 21;
    /** {@code DATA_*}, u8. */
    public static final int DATA_DIRECTION = 22;
    /** Bytes to move, or moved, u32. */
    public static final int TRANSFER_LENGTH = 24;
    /** Command block, {@link #CDB_SIZE} bytes. */
    public static final int CDB = 28;
    /** Sense data, {@link #SENSE_SIZE} bytes. */
    public static final int SENSE = 28;
    /** Most bytes of a command block. */
    public static final int CDB_SIZE = 16;
    /** Most bytes of sense data. */
    public static final int SENSE_SIZE = 20;
    /** {@link #SRB_LENGTH} of the versions spoken here. */
    public static final int SRB_SIZE = 0x34;

    /** Data goes from the guest to the unit. */
    public static final int DATA_OUT = 0;
    /** Data goes from the unit to the guest. */
    public static final int DATA_IN = 1;
    /** No data. */
    public static final int DATA_NONE = 2;

    /** Done. */
    public static final int SRB_STATUS_SUCCESS = 0x01;
    /** Failed: SCSI status and sense data say how. */
    public static final int SRB_STATUS_ERROR = 0x04;
    /** The SRB makes no sense. */
    public static final int SRB_STATUS_INVALID_REQUEST = 0x06;
    /** No unit there. */
    public static final int SRB_STATUS_INVALID_LUN = 0x20;
    /** Added to others: the sense data is good. */
    public static final int SRB_STATUS_AUTOSENSE_VALID = 0x80;

    private StorVspProtocol() { }
}
