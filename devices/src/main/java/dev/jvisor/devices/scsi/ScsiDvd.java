package dev.jvisor.devices.scsi;

import static dev.jvisor.devices.scsi.BigEndian.*;
import static dev.jvisor.devices.scsi.ScsiOpcodes.*;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;

/**
 * A DVD-ROM drive (MMC-6) with a disc of 2048-byte sectors: one data track, one session. The host inserts and ejects discs while the guest
 * runs; the guest may lock the tray.
 */
public final class ScsiDvd extends ScsiUnit {
    static final int SECTOR = 2048;
    private static final int LEAD_OUT = 0xAA;
    private static final int DATA_TRACK = 0x14;
    private static final int MEDIA_CLASS = 4;
    private static final int MEDIA_CLASS_BIT = 1 << MEDIA_CLASS;
    private static final int NO_EVENT_CLASS = 0x80;
    private static final int EVENT_NONE = 0;
    private static final int EVENT_EJECT_REQUEST = 1;
    private static final int EVENT_NEW_MEDIA = 2;
    private static final int EVENT_REMOVED = 3;
    /** A DVD holds more than a CD's 80 minutes. */
    private static final long CD_SECTORS = 80L * 60 * 75;
    private static final int PROFILE_CD_ROM = 0x08;
    private static final int PROFILE_DVD_ROM = 0x10;
    private static final int FRAMES_PER_SECOND = 75;
    private static final int MSF_OFFSET = 150;
    private static final int[] MODE_PAGES = {ModePages.ERROR_RECOVERY, ModePages.INFORMATIONAL_EXCEPTIONS, ModePages.CAPABILITIES};
    /** A DVD read at 16x, in kilobytes a second. */
    private static final int SPEED = 22160;

    // Fixed
    private final String serial;

    // Volatile state
    private volatile VirtualDisk disc;
    private volatile boolean locked;
    private boolean open;
    private int event = EVENT_NONE;
    private final Pages pages = new Pages();

    /**
     * Makes an empty drive.
     *
     * @param serial what tells it from other drives
     */
    public ScsiDvd(String serial) {
        this.serial = serial;
    }

    /** {@return the disc, also when the guest has opened the tray; null when there is none} */
    public VirtualDisk disc() {
        return disc;
    }

    /** Puts a disc in, or another for the one that is there. {@return the old one, to be closed by the caller; null when there was none} */
    public synchronized VirtualDisk insert(VirtualDisk newDisc) {
        VirtualDisk old = disc;
        disc = newDisc;
        open = false;
        event = EVENT_NEW_MEDIA;
        attention(Sense.MEDIUM_MAY_HAVE_CHANGED);
        return old;
    }

    /**
     * Takes the disc out.
     *
     * @param force also when the guest has locked the tray; otherwise the guest is asked to let it go
     * @return the disc, to be closed by the caller; null when there was none or the guest holds it
     */
    public synchronized VirtualDisk eject(boolean force) {
        if (locked && !force) {
            event = EVENT_EJECT_REQUEST;
            return null;
        }
        VirtualDisk old = disc;
        disc = null;
        if (old != null) {
            locked = false;
            event = EVENT_REMOVED;
        }
        return old;
    }

    /** {@return what it remembers, with no command on its way} */
    public synchronized ScsiUnitState save() {
        return new ScsiUnitState(attentions(), false, locked, event, open);
    }

    /** Replaces what it remembers; the disc is the caller's to insert before. */
    public synchronized void restore(ScsiUnitState s) {
        setAttentions(s.attentions());
        locked = s.locked();
        event = s.event() >= EVENT_NONE && s.event() <= EVENT_REMOVED ? s.event() : EVENT_NONE;
        open = s.open();
    }

    @Override
    synchronized void reset() {
        locked = false;
        attention(Sense.RESET_OCCURRED);
    }

    private static long sectors(VirtualDisk d) {
        return d.byteSize() / SECTOR;
    }

    @Override
    boolean tellsAttention(int opcode) {
        return opcode != GET_CONFIGURATION && opcode != GET_EVENT_STATUS_NOTIFICATION; // MMC-6 6.5.1, 6.6.1
    }

    @Override
    void command(ScsiRequest r, int opcode) {
        VirtualDisk d = trayDisc();
        byte[] c = r.cdb();
        switch (opcode) {
            case MODE_SENSE_6, MODE_SENSE_10 -> {
                int sense = ModePages.sense(r, pages, opcode == MODE_SENSE_10);
                if (sense != Sense.NONE) {
                    reject(r, sense);
                }
            }
            case MODE_SELECT_6, MODE_SELECT_10 -> {
                int sense = ModePages.select(r, pages, opcode == MODE_SELECT_10);
                if (sense == Sense.NONE) {
                    r.good();
                } else {
                    reject(r, sense);
                }
            }
            case GET_CONFIGURATION -> getConfiguration(r, d);
            case GET_EVENT_STATUS_NOTIFICATION -> getEventStatus(r, d);
            case START_STOP_UNIT -> startStop(r);
            case PREVENT_ALLOW_MEDIUM_REMOVAL -> {
                locked = (c[4] & 1) != 0;
                r.good();
            }
            case MECHANISM_STATUS -> {
                byte[] to = r.response(8);
                to[1] = (byte) (isOpen() ? 0x10 : 0);
                r.respond(8, get16(c, 8));
            }
            case SET_CD_SPEED, SEND_DIAGNOSTIC -> r.good();
            default -> {
                if (d != null) {
                    discCommand(r, opcode, d);
                } else if (needsDisc(opcode)) {
                    reject(r, Sense.MEDIUM_NOT_PRESENT);
                } else {
                    reject(r, Sense.INVALID_OPCODE);
                }
            }
        }
    }

    private synchronized VirtualDisk trayDisc() {
        return open ? null : disc;
    }

    private synchronized boolean isOpen() {
        return open;
    }

    private static boolean needsDisc(int opcode) {
        return switch (opcode) {
            case TEST_UNIT_READY, READ_10, READ_12, READ_CAPACITY_10, READ_TOC, READ_DISC_INFORMATION, READ_TRACK_INFORMATION,
                READ_DVD_STRUCTURE, READ_SUB_CHANNEL, SEEK_10, VERIFY_10, SYNCHRONIZE_CACHE_10 -> true;
            default -> false;
        };
    }

    private void discCommand(ScsiRequest r, int opcode, VirtualDisk d) {
        byte[] c = r.cdb();
        switch (opcode) {
            case TEST_UNIT_READY, SYNCHRONIZE_CACHE_10 -> r.good();
            case READ_10 -> read(r, d, get32(c, 2), get16(c, 7));
            case READ_12 -> read(r, d, get32(c, 2), get32(c, 6));
            case SEEK_10, VERIFY_10 -> {
                if (inRange(r, d, get32(c, 2), opcode == SEEK_10 ? 0 : get16(c, 7))) {
                    r.good();
                }
            }
            case READ_CAPACITY_10 -> {
                byte[] to = r.response(8);
                put32(to, 0, sectors(d) - 1);
                put32(to, 4, SECTOR);
                r.respond(8, 8);
            }
            case READ_TOC -> readToc(r, d);
            case READ_DISC_INFORMATION -> {
                byte[] to = r.response(34);
                put16(to, 0, 32);
                to[2] = 0x0E; // complete disc, complete session
                to[3] = 1;
                to[4] = 1;
                to[5] = 1;
                to[6] = 1;
                to[7] = 0x20; // for any purpose
                r.respond(34, get16(c, 7));
            }
            case READ_TRACK_INFORMATION -> readTrackInformation(r, d);
            case READ_DVD_STRUCTURE -> readDvdStructure(r, d);
            case READ_SUB_CHANNEL -> {
                byte[] to = r.response(4);
                to[1] = 0x15; // no audio to tell of
                r.respond(4, get16(c, 7));
            }
            default -> reject(r, Sense.INVALID_OPCODE);
        }
    }

    private boolean inRange(ScsiRequest r, VirtualDisk d, long lba, long count) {
        long sectors = sectors(d);
        if (lba > sectors || count > sectors - lba) {
            reject(r, Sense.LBA_OUT_OF_RANGE);
            return false;
        }
        return true;
    }

    private void read(ScsiRequest r, VirtualDisk d, long lba, long count) {
        if (!inRange(r, d, lba, count)) {
            return;
        }
        if (count == 0) {
            r.good();
            return;
        }
        long bytes = count * SECTOR;
        if (bytes > r.dataBytes() || r.direction() != ScsiRequest.Direction.IN) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        metrics.reads.increment();
        metrics.readBytes.add(bytes);
        r.transfer(this, d, Op.READ, lba * SECTOR, (int) bytes, false);
    }

    @Override
    void diskDone(ScsiRequest r, DiskStatus result) {
        if (result == DiskStatus.OK) {
            r.good();
        } else {
            metrics.diskErrors.increment();
            r.fail(Sense.UNRECOVERED_READ_ERROR);
        }
    }

    private void startStop(ScsiRequest r) {
        int bits = get8(r.cdb(), 4);
        int sense = Sense.NONE;
        synchronized (this) {
            if ((bits & 0xF0) == 0 && (bits & 2) != 0) {
                if ((bits & 1) != 0) {
                    if (open && disc != null) {
                        event = EVENT_NEW_MEDIA;
                        attention(Sense.MEDIUM_MAY_HAVE_CHANGED);
                    }
                    open = false;
                } else if (locked) {
                    sense = Sense.REMOVAL_PREVENTED;
                } else if (!open) {
                    // The disc stays in the tray, so that the guest can load it again.
                    open = true;
                    event = EVENT_REMOVED;
                }
            }
        }
        if (sense == Sense.NONE) {
            r.good();
        } else {
            reject(r, sense);
        }
    }

    private void getEventStatus(ScsiRequest r, VirtualDisk d) {
        byte[] c = r.cdb();
        if ((c[1] & 1) == 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB); // events are asked for, not waited for
            return;
        }
        byte[] to = r.response(8);
        to[3] = (byte) MEDIA_CLASS_BIT;
        if ((c[4] & MEDIA_CLASS_BIT) == 0) {
            put16(to, 0, 2);
            to[2] = (byte) NO_EVENT_CLASS;
            r.respond(4, get16(c, 7));
            return;
        }
        put16(to, 0, 6);
        to[2] = MEDIA_CLASS;
        synchronized (this) {
            to[4] = (byte) event;
            to[5] = (byte) ((d != null ? 2 : 0) | (open ? 1 : 0));
            if (get16(c, 7) > 4) {
                event = EVENT_NONE;
            }
        }
        r.respond(8, get16(c, 7));
    }

    private static int profile(VirtualDisk d) {
        return d == null ? 0 : sectors(d) > CD_SECTORS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
    }

    /** MMC-6 6.5 and the features of 5.3. */
    private void getConfiguration(ScsiRequest r, VirtualDisk d) {
        byte[] c = r.cdb();
        int kind = c[1] & 3;
        int first = get16(c, 2);
        if (kind == 3) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        int profile = profile(d);
        byte[] to = r.response(128);
        put16(to, 6, profile);
        int at = 8;
        at = feature(to, at, kind, first, 0x0000, 0x03, 8);
        if (at > 8) {
            put16(to, 12, PROFILE_DVD_ROM);
            to[14] = (byte) (profile == PROFILE_DVD_ROM ? 1 : 0);
            put16(to, 16, PROFILE_CD_ROM);
            to[18] = (byte) (profile == PROFILE_CD_ROM ? 1 : 0);
        }
        int start = at;
        at = feature(to, at, kind, first, 0x0001, 0x0B, 8); // core
        if (at > start) {
            put32(to, start + 4, 1); // SCSI
            to[start + 8] = 1;
        }
        start = at;
        at = feature(to, at, kind, first, 0x0002, 0x07, 4); // morphing
        if (at > start) {
            to[start + 4] = 2;
        }
        start = at;
        at = feature(to, at, kind, first, 0x0003, 0x03, 4); // removable medium: tray, ejects, locks
        if (at > start) {
            to[start + 4] = 0x29;
        }
        if (profile != 0 || kind == 0) {
            start = at;
            at = feature(to, at, kind, first, 0x0010, profile == 0 ? 0 : 1, 8); // random readable
            if (at > start) {
                put32(to, start + 4, SECTOR);
                put16(to, start + 8, profile == PROFILE_DVD_ROM ? 16 : 1);
            }
        }
        if (profile == PROFILE_CD_ROM || kind == 0) {
            at = feature(to, at, kind, first, 0x001E, 0x08 | (profile == PROFILE_CD_ROM ? 1 : 0), 4); // CD read
        }
        if (profile == PROFILE_DVD_ROM || kind == 0) {
            at = feature(to, at, kind, first, 0x001F, 0x04 | (profile == PROFILE_DVD_ROM ? 1 : 0), 4); // DVD read
        }
        put32(to, 0, at - 4);
        r.respond(at, get16(c, 7));
    }

    /** Adds the header of a feature when it is asked for. {@return where the next goes} */
    private static int feature(byte[] to, int at, int kind, int first, int code, int flags, int additional) {
        boolean wanted = kind == 2 ? code == first : code >= first && (kind == 0 || (flags & 1) != 0);
        if (!wanted) {
            return at;
        }
        put16(to, at, code);
        to[at + 2] = (byte) flags;
        to[at + 3] = (byte) additional;
        return at + 4 + additional;
    }

    /** MMC-6 6.25: formats 0 (tracks), 1 (sessions), 2 (all, raw). */
    private void readToc(ScsiRequest r, VirtualDisk d) {
        byte[] c = r.cdb();
        boolean msf = (c[1] & 2) != 0;
        int format = c[2] & 0xF;
        if (format == 0) {
            format = get8(c, 9) >>> 6; // where the format was before MMC
        }
        int start = get8(c, 6);
        byte[] to = r.response(64);
        int at = 4;
        switch (format) {
            case 0 -> {
                if (start > 1 && start != LEAD_OUT) {
                    reject(r, Sense.INVALID_FIELD_IN_CDB);
                    return;
                }
                if (start <= 1) {
                    at = tocEntry(to, at, 1, 0, msf);
                }
                at = tocEntry(to, at, LEAD_OUT, sectors(d), msf);
            }
            case 1 -> at = tocEntry(to, at, 1, 0, msf);
            case 2 -> {
                at = rawTocEntry(to, at, 0xA0, 1);
                at = rawTocEntry(to, at, 0xA1, 1);
                at = rawTocEntry(to, at, 0xA2, -1);
                putMsf(to, at - 3, sectors(d));
                at = rawTocEntry(to, at, 1, -1);
                putMsf(to, at - 3, 0);
            }
            default -> {
                reject(r, Sense.INVALID_FIELD_IN_CDB);
                return;
            }
        }
        put16(to, 0, at - 2);
        to[2] = 1;
        to[3] = 1;
        r.respond(at, get16(c, 7));
    }

    private static int tocEntry(byte[] to, int at, int track, long lba, boolean msf) {
        to[at + 1] = DATA_TRACK;
        to[at + 2] = (byte) track;
        if (msf) {
            putMsf(to, at + 5, lba);
        } else {
            put32(to, at + 4, lba);
        }
        return at + 8;
    }

    private static int rawTocEntry(byte[] to, int at, int point, int minute) {
        to[at] = 1;
        to[at + 1] = DATA_TRACK;
        to[at + 3] = (byte) point;
        if (minute >= 0) {
            to[at + 8] = (byte) minute;
        }
        return at + 11;
    }

    private static void putMsf(byte[] to, int at, long lba) {
        long frames = lba + MSF_OFFSET;
        to[at] = (byte) Math.min(frames / FRAMES_PER_SECOND / 60, 0xFF);
        to[at + 1] = (byte) (frames / FRAMES_PER_SECOND % 60);
        to[at + 2] = (byte) (frames % FRAMES_PER_SECOND);
    }

    private void readTrackInformation(ScsiRequest r, VirtualDisk d) {
        byte[] to = r.response(36);
        put16(to, 0, 34);
        to[2] = 1;
        to[3] = 1;
        to[5] = 4;    // data, no copy
        to[6] = 1;    // mode 1
        put32(to, 24, sectors(d));
        r.respond(36, get16(r.cdb(), 7));
    }

    /** MMC-6 6.22: only the physical format of layer 0, and only of a DVD. */
    private void readDvdStructure(ScsiRequest r, VirtualDisk d) {
        byte[] c = r.cdb();
        if (profile(d) != PROFILE_DVD_ROM) {
            reject(r, Sense.INCOMPATIBLE_MEDIUM);
            return;
        }
        if (c[7] != 0 || c[6] != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        byte[] to = r.response(21);
        put16(to, 0, 19);
        to[4] = 0x01;  // DVD-ROM, part version 1
        to[5] = 0x0F;  // 120 mm, any rate
        to[6] = 0x01;  // one layer, embossed
        put24(to, 9, 0x30000);
        put24(to, 13, (int) Math.min(0x30000 + sectors(d) - 1, 0xFFFFFF));
        r.respond(21, get16(c, 8));
    }

    @Override
    int deviceType() {
        return 5;
    }

    @Override
    boolean removable() {
        return true;
    }

    @Override
    String product() {
        return "Virtual DVD-ROM";
    }

    @Override
    String serialNumber() {
        return serial;
    }

    @Override
    int vitalProductData(int page, byte[] to) {
        if (page != VPD_SUPPORTED_PAGES) {
            return -1;
        }
        to[5] = (byte) VPD_SERIAL_NUMBER;
        to[6] = (byte) VPD_IDENTIFICATION;
        return 3;
    }

    private final class Pages implements ModePages.Source {
        @Override
        public int[] pages() {
            return MODE_PAGES;
        }

        @Override
        public int write(int page, byte[] to, int at, boolean changeable) {
            int length = page == ModePages.CAPABILITIES ? 22 : 12;
            to[at] = (byte) page;
            to[at + 1] = (byte) (length - 2);
            if (page == ModePages.CAPABILITIES && !changeable) {
                to[at + 2] = 0x0B;  // reads CD-R, CD-RW, DVD-ROM
                to[at + 4] = 0x70;  // mode 2 forms, several sessions
                to[at + 6] = (byte) (0x29 | (locked ? 2 : 0)); // tray, ejects, locks
                put16(to, at + 8, SPEED);
                put16(to, at + 12, 512);
                put16(to, at + 14, SPEED);
            }
            return length;
        }

        @Override
        public int deviceSpecific() {
            return 0;
        }

        @Override
        public int mediumType() {
            return 0;
        }

        @Override
        public long blocks() {
            return -1;
        }

        @Override
        public int blockBytes() {
            return SECTOR;
        }

        @Override
        public void changed(int page, byte[] from, int at) {
            // nothing may be changed
        }
    }
}
