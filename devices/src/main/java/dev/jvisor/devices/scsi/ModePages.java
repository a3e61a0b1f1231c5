package dev.jvisor.devices.scsi;

import static dev.jvisor.devices.scsi.BigEndian.*;

/**
 * MODE SENSE and MODE SELECT, 6 and 10 (SPC-4 6.11 to 6.14): header, block descriptor and pages.
 *
 * <pre>
 *  6:  data length, medium type, device-specific, block descriptor length
 * 10:  data length (2), medium type, device-specific, LONGLBA, reserved, block descriptor length (2)
 * </pre>
 */
final class ModePages {
    /** Page code: all pages. */
    static final int ALL = 0x3F;
    static final int ERROR_RECOVERY = 0x01;
    static final int CACHING = 0x08;
    static final int CONTROL = 0x0A;
    static final int INFORMATIONAL_EXCEPTIONS = 0x1C;
    static final int CAPABILITIES = 0x2A;
    /** In the caching page, byte 2: the write cache is on. */
    static final int WCE = 0x04;
    /** Device-specific parameter of a disk: FUA is understood. */
    static final int DPOFUA = 0x10;
    /** Device-specific parameter of a disk: write protected. */
    static final int WRITE_PROTECTED = 0x80;
    static final int SHORT_HEADER = 4;
    static final int LONG_HEADER = 8;
    private static final int DESCRIPTOR_BYTES = 8;
    private static final int DBD = 0x08;
    private static final int PAGE_FORMAT = 0x10;
    private static final int SAVE_PAGES = 0x01;
    private static final int SAVED_VALUES = 3;
    private static final int CHANGEABLE_VALUES = 1;
    private static final int ALL_SUBPAGES = 0xFF;
    private static final int MAX_LIST = 512;

    /** What a unit has in its pages. */
    interface Source {
        /** {@return the codes of its pages, rising} */
        int[] pages();

        /**
         * Writes a page: its code, its length, and so on; what is not written is zero.
         *
         * @param changeable whether to write what may be changed, as ones, instead of the values
         * @return its whole length
         */
        int write(int page, byte[] to, int at, boolean changeable);

        int deviceSpecific();

        int mediumType();

        /** {@return the number of blocks; negative when there is no block descriptor} */
        long blocks();

        int blockBytes();

        /** Takes over a page that is well-formed and changes nothing it may not. */
        void changed(int page, byte[] from, int at);
    }

    private ModePages() { }

    /** Answers MODE SENSE. {@return a sense code; with {@link Sense#NONE} the request is complete} */
    static int sense(ScsiRequest r, Source source, boolean isLong) {
        byte[] cdb = r.cdb();
        int control = get8(cdb, 2) >>> 6;
        int page = get8(cdb, 2) & 0x3F;
        int subpage = get8(cdb, 3);
        if (control == SAVED_VALUES) {
            return Sense.SAVING_NOT_SUPPORTED;
        }
        if (subpage != 0 && subpage != ALL_SUBPAGES) {
            return Sense.INVALID_FIELD_IN_CDB;
        }
        byte[] to = r.response();
        java.util.Arrays.fill(to, (byte) 0);
        int header = isLong ? LONG_HEADER : SHORT_HEADER;
        int at = header;
        if ((cdb[1] & DBD) == 0 && source.blocks() >= 0) {
            put32(to, at, Math.min(source.blocks(), 0xFFFF_FFFFL));
            put24(to, at + 5, source.blockBytes());
            at += DESCRIPTOR_BYTES;
        }
        int descriptors = at - header;
        boolean found = false;
        for (int have : source.pages()) {
            if (page == ALL || page == have) {
                found = true;
                at += source.write(have, to, at, control == CHANGEABLE_VALUES);
            }
        }
        if (!found) {
            return Sense.INVALID_FIELD_IN_CDB;
        }
        if (isLong) {
            put16(to, 0, at - 2);
            to[2] = (byte) source.mediumType();
            to[3] = (byte) source.deviceSpecific();
            put16(to, 6, descriptors);
        } else {
            to[0] = (byte) (at - 1);
            to[1] = (byte) source.mediumType();
            to[2] = (byte) source.deviceSpecific();
            to[3] = (byte) descriptors;
        }
        r.respond(at, isLong ? get16(cdb, 7) : get8(cdb, 4));
        return Sense.NONE;
    }

    /** Carries out MODE SELECT, all pages or none. {@return a sense code; the request is the caller's to complete} */
    static int select(ScsiRequest r, Source source, boolean isLong) {
        byte[] cdb = r.cdb();
        int bytes = isLong ? get16(cdb, 7) : get8(cdb, 4);
        if ((cdb[1] & PAGE_FORMAT) == 0 || (cdb[1] & SAVE_PAGES) != 0) {
            return Sense.INVALID_FIELD_IN_CDB;
        }
        if (bytes == 0) {
            return Sense.NONE;
        }
        int header = isLong ? LONG_HEADER : SHORT_HEADER;
        if (bytes < header || bytes > MAX_LIST) {
            return Sense.PARAMETER_LIST_LENGTH_ERROR;
        }
        byte[] list = r.gather(bytes);
        if (list == null) {
            return Sense.INVALID_FIELD_IN_CDB;
        }
        int descriptors = isLong ? get16(list, 6) : get8(list, 3);
        if (descriptors != 0 && descriptors != DESCRIPTOR_BYTES) {
            return Sense.INVALID_FIELD_IN_PARAMETERS;
        }
        if (header + descriptors > bytes) {
            return Sense.PARAMETER_LIST_LENGTH_ERROR;
        }
        if (descriptors != 0 && get24(list, header + 5) != source.blockBytes()) {
            return Sense.INVALID_FIELD_IN_PARAMETERS;
        }
        int sense = check(r.response(), list, header + descriptors, bytes, source);
        if (sense != Sense.NONE) {
            return sense;
        }
        for (int at = header + descriptors; at < bytes; at += 2 + get8(list, at + 1)) {
            source.changed(list[at] & 0x3F, list, at);
        }
        return Sense.NONE;
    }

    /** Each page must be one of ours and differ from what it is only where it may. */
    private static int check(byte[] scratch, byte[] list, int from, int end, Source source) {
        int at = from;
        while (at < end) {
            if (at + 2 > end) {
                return Sense.PARAMETER_LIST_LENGTH_ERROR;
            }
            int page = list[at] & 0x3F;
            int length = 2 + get8(list, at + 1);
            if ((list[at] & 0x40) != 0 || !has(source, page)) {
                return Sense.INVALID_FIELD_IN_PARAMETERS;
            }
            if (length > end - at) {
                return Sense.PARAMETER_LIST_LENGTH_ERROR;
            }
            java.util.Arrays.fill(scratch, (byte) 0);
            int half = scratch.length / 2;
            if (source.write(page, scratch, 0, false) != length) {
                return Sense.INVALID_FIELD_IN_PARAMETERS;
            }
            source.write(page, scratch, half, true);
            for (int i = 2; i < length; i++) {
                if (((list[at + i] ^ scratch[i]) & ~scratch[half + i]) != 0) {
                    return Sense.INVALID_FIELD_IN_PARAMETERS;
                }
            }
            at += length;
        }
        return Sense.NONE;
    }

    private static boolean has(Source source, int page) {
        for (int have : source.pages()) {
            if (have == page) {
                return true;
            }
        }
        return false;
    }
}
