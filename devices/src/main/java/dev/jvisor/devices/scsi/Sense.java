package dev.jvisor.devices.scsi;

/**
 * Sense codes, key, additional code and qualifier in one int as {@code 0xKKAAQQ}, and the fixed format they are sent in (SPC-4 4.5.3).
 *
 * <pre>
 *  0: 70h | valid &lt;&lt; 7    2: key    3..6: information, big-endian    7: additional length, 0Ah    12: ASC    13: ASCQ
 * </pre>
 */
public final class Sense {
    /** Bytes of sense data in the fixed format, as written here. */
    public static final int FIXED_BYTES = 18;

    /** Nothing to report. */
    public static final int NONE = 0x000000;
    /** Not ready: medium not present. */
    public static final int MEDIUM_NOT_PRESENT = 0x023A00;
    /** Medium error: unrecovered read error. */
    public static final int UNRECOVERED_READ_ERROR = 0x031100;
    /** Medium error: write error. */
    public static final int WRITE_ERROR = 0x030C00;
    /** Hardware error: internal target failure. */
    public static final int INTERNAL_TARGET_FAILURE = 0x044400;
    /** Illegal request: parameter list length error. */
    public static final int PARAMETER_LIST_LENGTH_ERROR = 0x051A00;
    /** Illegal request: invalid command operation code. */
    public static final int INVALID_OPCODE = 0x052000;
    /** Illegal request: logical block address out of range. */
    public static final int LBA_OUT_OF_RANGE = 0x052100;
    /** Illegal request: invalid field in the command descriptor block. */
    public static final int INVALID_FIELD_IN_CDB = 0x052400;
    /** Illegal request: logical unit not supported. */
    public static final int LUN_NOT_SUPPORTED = 0x052500;
    /** Illegal request: invalid field in the parameter list. */
    public static final int INVALID_FIELD_IN_PARAMETERS = 0x052600;
    /** Illegal request: illegal mode for this track. */
    public static final int ILLEGAL_MODE_FOR_TRACK = 0x056400;
    /** Illegal request: saving parameters not supported. */
    public static final int SAVING_NOT_SUPPORTED = 0x053900;
    /** Illegal request: medium removal prevented. */
    public static final int REMOVAL_PREVENTED = 0x055302;
    /** Illegal request: cannot read medium, incompatible medium: a structure that this disc does not have. */
    public static final int INCOMPATIBLE_MEDIUM = 0x053002;
    /** Unit attention: not ready to ready change, medium may have changed. */
    public static final int MEDIUM_MAY_HAVE_CHANGED = 0x062800;
    /** Unit attention: power on, reset, or bus device reset occurred. */
    public static final int RESET_OCCURRED = 0x062900;
    /** Unit attention: mode parameters changed. */
    public static final int MODE_PARAMETERS_CHANGED = 0x062A01;
    /** Unit attention: capacity data has changed. */
    public static final int CAPACITY_CHANGED = 0x062A09;
    /** Unit attention: reported LUNs data has changed. */
    public static final int REPORTED_LUNS_CHANGED = 0x063F0E;
    /** Data protect: write protected. */
    public static final int WRITE_PROTECTED = 0x072700;
    /** Data protect: space allocation failed; the host's disk is full. */
    public static final int SPACE_ALLOCATION_FAILED = 0x072707;

    private static final int CURRENT_FIXED = 0x70;
    private static final int VALID = 0x80;
    private static final long MAX_INFORMATION = 0xFFFF_FFFFL;

    private Sense() { }

    /** {@return the sense key of a code} */
    public static int key(int code) {
        return code >>> 16 & 0xF;
    }

    /** {@return the additional sense code of a code} */
    public static int asc(int code) {
        return code >>> 8 & 0xFF;
    }

    /** {@return the qualifier of a code} */
    public static int ascq(int code) {
        return code & 0xFF;
    }

    /**
     * Writes sense data in the fixed format.
     *
     * @param code 0xKKAAQQ
     * @param information the block it happened at; negative for none
     * @param to where, from index 0; {@link #FIXED_BYTES} are written
     */
    public static void writeFixed(int code, long information, byte[] to) {
        java.util.Arrays.fill(to, 0, FIXED_BYTES, (byte) 0);
        // A block number beyond 32 bits does not fit into the fixed format: then the field is not valid (SPC-4 4.5.3).
        boolean valid = information >= 0 && information <= MAX_INFORMATION;
        to[0] = (byte) (CURRENT_FIXED | (valid ? VALID : 0));
        to[2] = (byte) key(code);
        if (valid) {
            to[3] = (byte) (information >>> 24);
            to[4] = (byte) (information >>> 16);
            to[5] = (byte) (information >>> 8);
            to[6] = (byte) information;
        }
        to[7] = FIXED_BYTES - 8;
        to[12] = (byte) asc(code);
        to[13] = (byte) ascq(code);
    }
}
