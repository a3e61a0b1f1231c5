package dev.jvisor.devices.scsi;

/** Operation codes: the first byte of a command descriptor block. Names and values from SPC-4 annex E, SBC-3 and MMC-6. */
public final class ScsiOpcodes {
    /** Asks whether the unit is ready. */
    public static final int TEST_UNIT_READY = 0x00;
    /** Returns sense data. */
    public static final int REQUEST_SENSE = 0x03;
    /** Reads, 21-bit address. */
    public static final int READ_6 = 0x08;
    /** Writes, 21-bit address. */
    public static final int WRITE_6 = 0x0A;
    /** Describes the unit. */
    public static final int INQUIRY = 0x12;
    /** Sets mode parameters, short header. */
    public static final int MODE_SELECT_6 = 0x15;
    /** Reads mode parameters, short header. */
    public static final int MODE_SENSE_6 = 0x1A;
    /** Spins up or down, loads or ejects. */
    public static final int START_STOP_UNIT = 0x1B;
    /** Runs a self-test. */
    public static final int SEND_DIAGNOSTIC = 0x1D;
    /** Locks or unlocks the door. */
    public static final int PREVENT_ALLOW_MEDIUM_REMOVAL = 0x1E;
    /** Size of the medium, 32 bits. */
    public static final int READ_CAPACITY_10 = 0x25;
    /** Reads, 32-bit address. */
    public static final int READ_10 = 0x28;
    /** Writes, 32-bit address. */
    public static final int WRITE_10 = 0x2A;
    /** Moves the head: nothing to do. */
    public static final int SEEK_10 = 0x2B;
    /** Checks that blocks can be read. */
    public static final int VERIFY_10 = 0x2F;
    /** Makes written data durable. */
    public static final int SYNCHRONIZE_CACHE_10 = 0x35;
    /** Writes one block many times. */
    public static final int WRITE_SAME_10 = 0x41;
    /** Deallocates blocks. */
    public static final int UNMAP = 0x42;
    /** MMC: position of the audio player; the same code as UNMAP of a disk. */
    public static final int READ_SUB_CHANNEL = 0x42;
    /** MMC: table of contents. */
    public static final int READ_TOC = 0x43;
    /** MMC: features and profiles. */
    public static final int GET_CONFIGURATION = 0x46;
    /** MMC: what happened since. */
    public static final int GET_EVENT_STATUS_NOTIFICATION = 0x4A;
    /** MMC: what the disc is. */
    public static final int READ_DISC_INFORMATION = 0x51;
    /** MMC: what a track is. */
    public static final int READ_TRACK_INFORMATION = 0x52;
    /** Sets mode parameters, long header. */
    public static final int MODE_SELECT_10 = 0x55;
    /** Reads mode parameters, long header. */
    public static final int MODE_SENSE_10 = 0x5A;
    /** Reads, 64-bit address. */
    public static final int READ_16 = 0x88;
    /** Writes, 64-bit address. */
    public static final int WRITE_16 = 0x8A;
    /** Checks that blocks can be read, 64-bit address. */
    public static final int VERIFY_16 = 0x8F;
    /** Makes written data durable, 64-bit address. */
    public static final int SYNCHRONIZE_CACHE_16 = 0x91;
    /** Writes one block many times, 64-bit address. */
    public static final int WRITE_SAME_16 = 0x93;
    /** Several commands told apart by the service action, {@link #READ_CAPACITY_16} among them. */
    public static final int SERVICE_ACTION_IN_16 = 0x9E;
    /** Service action of {@link #SERVICE_ACTION_IN_16}: size of the medium, 64 bits. */
    public static final int READ_CAPACITY_16 = 0x10;
    /** Which units there are. */
    public static final int REPORT_LUNS = 0xA0;
    /** Reads, 32-bit address and length. */
    public static final int READ_12 = 0xA8;
    /** Writes, 32-bit address and length. */
    public static final int WRITE_12 = 0xAA;
    /** MMC: physical format of the disc. */
    public static final int READ_DVD_STRUCTURE = 0xAD;
    /** Checks that blocks can be read, 32-bit length. */
    public static final int VERIFY_12 = 0xAF;
    /** MMC: speed of the drive. */
    public static final int SET_CD_SPEED = 0xBB;
    /** MMC: state of the changer. */
    public static final int MECHANISM_STATUS = 0xBD;

    private ScsiOpcodes() { }
}
