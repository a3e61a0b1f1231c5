package dev.jvisor.devices.scsi;

import static dev.jvisor.devices.scsi.BigEndian.*;
import static dev.jvisor.devices.scsi.ScsiOpcodes.*;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;

/**
 * A direct-access block device (SBC-3) over a virtual disk: the commands Linux and Windows send to a Hyper-V disk. Data of reads and writes
 * goes straight between the disk and guest pages.
 *
 * <p>UNMAP and WRITE SAME take several disk requests, one after the other; if one fails, those before it stay done, as the standard has it.
 */
public final class ScsiDisk extends ScsiUnit {
    private static final int VPD_BLOCK_LIMITS = 0xB0;
    private static final int VPD_CHARACTERISTICS = 0xB1;
    private static final int VPD_PROVISIONING = 0xB2;
    private static final int NOT_ROTATING = 1;
    private static final int THIN = 2;
    private static final int MAX_UNMAP_DESCRIPTORS = 256;
    private static final int UNMAP_HEADER = 8;
    private static final int UNMAP_DESCRIPTOR = 16;
    private static final long MAX_UNMAP_BYTES = 2L << 30;
    private static final long MAX_WRITE_SAME_BYTES = 64L << 20;
    private static final long MAX_LBA_32 = 0xFFFF_FFFFL;
    private static final int PROTECT = 0xE0;
    private static final int FUA = 0x08;
    private static final int BYTE_CHECK = 0x06;
    private static final int SAME_ANCHOR = 0x10;
    private static final int SAME_UNMAP = 0x08;
    private static final int SAME_OBSOLETE = 0x06;
    private static final int SAME_NO_DATA = 0x01;
    private static final int STOP_BITS = 0xF7;
    private static final int READ_6_LBA = 0x1FFFFF;

    // Fixed
    private final VirtualDisk disk;
    private final int blockBytes;

    // Volatile state
    private volatile boolean writeCache = true;
    private final Pages pages = new Pages();

    /**
     * Makes a unit.
     *
     * @param disk its medium; stays the caller's to close
     */
    public ScsiDisk(VirtualDisk disk) {
        this.disk = disk;
        this.blockBytes = disk.logicalSectorSize();
    }

    /** {@return its medium} */
    public VirtualDisk disk() {
        return disk;
    }

    /** {@return what it remembers, with no command on its way} */
    public ScsiUnitState save() {
        return new ScsiUnitState(attentions(), writeCache, false, 0, false);
    }

    /** Replaces what it remembers. */
    public void restore(ScsiUnitState s) {
        setAttentions(s.attentions());
        writeCache = s.writeCache();
    }

    @Override
    void reset() {
        writeCache = true;
        attention(Sense.RESET_OCCURRED);
    }

    private long blocks() {
        return disk.byteSize() / blockBytes;
    }

    @Override
    void command(ScsiRequest r, int opcode) {
        byte[] c = r.cdb();
        switch (opcode) {
            case READ_6 -> readWrite(r, get24(c, 1) & READ_6_LBA, c[4] == 0 ? 256 : get8(c, 4), 0, false);
            case WRITE_6 -> readWrite(r, get24(c, 1) & READ_6_LBA, c[4] == 0 ? 256 : get8(c, 4), 0, true);
            case READ_10 -> readWrite(r, get32(c, 2), get16(c, 7), c[1], false);
            case WRITE_10 -> readWrite(r, get32(c, 2), get16(c, 7), c[1], true);
            case READ_12 -> readWrite(r, get32(c, 2), get32(c, 6), c[1], false);
            case WRITE_12 -> readWrite(r, get32(c, 2), get32(c, 6), c[1], true);
            case READ_16 -> readWrite(r, get64(c, 2), get32(c, 10), c[1], false);
            case WRITE_16 -> readWrite(r, get64(c, 2), get32(c, 10), c[1], true);
            case SYNCHRONIZE_CACHE_10 -> synchronize(r, get32(c, 2), get16(c, 7));
            case SYNCHRONIZE_CACHE_16 -> synchronize(r, get64(c, 2), get32(c, 10));
            case UNMAP -> unmap(r);
            case WRITE_SAME_10 -> writeSame(r, get32(c, 2), get16(c, 7), c[1] & ~SAME_NO_DATA, c[1] & SAME_NO_DATA);
            case WRITE_SAME_16 -> writeSame(r, get64(c, 2), get32(c, 10), c[1], 0);
            case VERIFY_10 -> verify(r, get32(c, 2), get16(c, 7));
            case VERIFY_12 -> verify(r, get32(c, 2), get32(c, 6));
            case VERIFY_16 -> verify(r, get64(c, 2), get32(c, 10));
            case READ_CAPACITY_10 -> readCapacity10(r);
            case SERVICE_ACTION_IN_16 -> readCapacity16(r);
            case MODE_SENSE_6, MODE_SENSE_10 -> {
                int sense = ModePages.sense(r, pages, opcode == MODE_SENSE_10);
                if (sense != Sense.NONE) {
                    reject(r, sense);
                }
            }
            case MODE_SELECT_6, MODE_SELECT_10 -> modeSelect(r, opcode == MODE_SELECT_10);
            case START_STOP_UNIT -> startStop(r);
            case TEST_UNIT_READY, SEND_DIAGNOSTIC, PREVENT_ALLOW_MEDIUM_REMOVAL, SEEK_10 -> r.good();
            default -> reject(r, Sense.INVALID_OPCODE);
        }
    }

    /** {@return whether a range lies on the disk; if not, the request is complete} */
    private boolean inRange(ScsiRequest r, long lba, long count) {
        long blocks = blocks();
        if (lba < 0 || lba > blocks || count > blocks - lba) {
            reject(r, Sense.LBA_OUT_OF_RANGE);
            return false;
        }
        return true;
    }

    private boolean writable(ScsiRequest r) {
        if (disk.readOnly()) {
            reject(r, Sense.WRITE_PROTECTED);
            return false;
        }
        return true;
    }

    private void readWrite(ScsiRequest r, long lba, long count, int flags, boolean write) {
        if ((flags & PROTECT) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        if (write && !writable(r) || !inRange(r, lba, count)) {
            return;
        }
        if (count == 0) {
            r.good();
            return;
        }
        // count is below 2^32 and blocks at most 4 KiB: no overflow.
        long bytes = count * blockBytes;
        if (bytes > r.dataBytes() || r.direction() != (write ? ScsiRequest.Direction.OUT : ScsiRequest.Direction.IN)) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        if (write) {
            metrics.writes.increment();
            metrics.writtenBytes.add(bytes);
        } else {
            metrics.reads.increment();
            metrics.readBytes.add(bytes);
        }
        boolean through = (flags & FUA) != 0 || write && !writeCache;
        r.transfer(this, disk, write ? Op.WRITE : Op.READ, lba * blockBytes, (int) bytes, through);
    }

    private void synchronize(ScsiRequest r, long lba, long count) {
        if (inRange(r, lba, count)) {
            flush(r);
        }
    }

    private void flush(ScsiRequest r) {
        metrics.flushes.increment();
        r.control(this, disk, Op.FLUSH, 0, 0, false);
    }

    private void verify(ScsiRequest r, long lba, long count) {
        if ((r.cdb()[1] & (PROTECT | BYTE_CHECK)) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
        } else if (inRange(r, lba, count)) {
            r.good();
        }
    }

    private void startStop(ScsiRequest r) {
        int bits = get8(r.cdb(), 4);
        if ((bits & ~STOP_BITS) != 0 || (bits & 2) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
        } else if ((bits & 1) == 0) {
            flush(r); // stopping makes everything durable
        } else {
            r.good();
        }
    }

    private void unmap(ScsiRequest r) {
        int bytes = get16(r.cdb(), 7);
        if (!writable(r)) {
            return;
        }
        if ((r.cdb()[1] & 1) != 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB); // no anchoring
            return;
        }
        if (bytes == 0) {
            r.good();
            return;
        }
        if (bytes < UNMAP_HEADER) {
            reject(r, Sense.PARAMETER_LIST_LENGTH_ERROR);
            return;
        }
        if (bytes > UNMAP_HEADER + MAX_UNMAP_DESCRIPTORS * UNMAP_DESCRIPTOR) {
            reject(r, Sense.INVALID_FIELD_IN_PARAMETERS);
            return;
        }
        byte[] list = r.gather(bytes);
        if (list == null) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        // A list that says more than it holds is taken as far as it goes (SBC-3 5.28.2).
        int count = Math.min(get16(list, 2), bytes - UNMAP_HEADER) / UNMAP_DESCRIPTOR;
        for (int i = 0; i < count; i++) {
            int at = UNMAP_HEADER + i * UNMAP_DESCRIPTOR;
            if (!inRange(r, get64(list, at), get32(list, at + 8))) {
                return;
            }
            if (get32(list, at + 8) * blockBytes > MAX_UNMAP_BYTES) {
                reject(r, Sense.INVALID_FIELD_IN_PARAMETERS);
                return;
            }
        }
        r.cursor(UNMAP_HEADER);
        r.remaining(count);
        unmapNext(r);
    }

    private void unmapNext(ScsiRequest r) {
        byte[] list = r.parameters();
        while (r.remaining() > 0) {
            int at = (int) r.cursor();
            r.cursor(at + UNMAP_DESCRIPTOR);
            r.remaining(r.remaining() - 1);
            long count = get32(list, at + 8);
            if (count != 0) {
                metrics.unmaps.increment();
                r.control(this, disk, Op.UNMAP, get64(list, at) * blockBytes, count * blockBytes, false);
                return;
            }
        }
        r.good();
    }

    private void writeSame(ScsiRequest r, long lba, long count, int flags, int reserved) {
        if ((flags & (PROTECT | SAME_ANCHOR | SAME_OBSOLETE)) != 0 || reserved != 0 || count == 0 || count * blockBytes > MAX_WRITE_SAME_BYTES) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        if (!writable(r) || !inRange(r, lba, count)) {
            return;
        }
        boolean zeroes = true;
        if ((flags & SAME_NO_DATA) == 0) {
            byte[] block = r.gather(blockBytes);
            if (block == null) {
                reject(r, Sense.INVALID_FIELD_IN_CDB);
                return;
            }
            for (int i = 0; i < blockBytes && zeroes; i++) {
                zeroes = block[i] == 0;
            }
        }
        metrics.writes.increment();
        metrics.writtenBytes.add(count * blockBytes);
        r.cursor(lba);
        r.remaining(count);
        if (zeroes) {
            r.remaining(0);
            r.control(this, disk, (flags & SAME_UNMAP) != 0 ? Op.UNMAP : Op.WRITE_ZEROES, lba * blockBytes, count * blockBytes, !writeCache);
        } else {
            writeSameNext(r);
        }
    }

    private void writeSameNext(ScsiRequest r) {
        long at = r.cursor();
        long left = r.remaining();
        if (left == 0) {
            r.good();
            return;
        }
        // How many copies go at once is fixed before the disk has the request: it may complete before repeat returns.
        long copies = Math.min(left, r.copiesAtOnce(blockBytes));
        r.cursor(at + copies);
        r.remaining(left - copies);
        r.repeat(this, disk, at * blockBytes, blockBytes, (int) copies, !writeCache);
    }

    @Override
    void diskDone(ScsiRequest r, DiskStatus result) {
        if (result != DiskStatus.OK) {
            failed(r, result);
            return;
        }
        switch (get8(r.cdb(), 0)) {
            case UNMAP, WRITE_SAME_10, WRITE_SAME_16 -> next(r);
            default -> r.good();
        }
    }

    /** The next step of a command that has several; there may be hundreds of long ones, for which a closing controller does not wait. */
    private void next(ScsiRequest r) {
        if (r.abandoned() && r.remaining() > 0) {
            r.fail(Sense.INTERNAL_TARGET_FAILURE);
        } else if (get8(r.cdb(), 0) == UNMAP) {
            unmapNext(r);
        } else {
            writeSameNext(r);
        }
    }

    private void failed(ScsiRequest r, DiskStatus result) {
        metrics.diskErrors.increment();
        boolean read = r.direction() == ScsiRequest.Direction.IN;
        switch (result) {
            case OUT_OF_RANGE -> r.fail(Sense.LBA_OUT_OF_RANGE);
            case READ_ONLY -> r.fail(Sense.WRITE_PROTECTED);
            case NO_SPACE -> r.fail(Sense.SPACE_ALLOCATION_FAILED);
            default -> r.fail(read ? Sense.UNRECOVERED_READ_ERROR : Sense.WRITE_ERROR);
        }
    }

    private void readCapacity10(ScsiRequest r) {
        if (get32(r.cdb(), 2) != 0 && (r.cdb()[8] & 1) == 0) {
            reject(r, Sense.INVALID_FIELD_IN_CDB);
            return;
        }
        byte[] to = r.response(8);
        put32(to, 0, Math.min(blocks() - 1, MAX_LBA_32));
        put32(to, 4, blockBytes);
        r.respond(8, 8);
    }

    private void readCapacity16(ScsiRequest r) {
        if ((r.cdb()[1] & 0x1F) != READ_CAPACITY_16) {
            reject(r, Sense.INVALID_OPCODE);
            return;
        }
        byte[] to = r.response(32);
        put64(to, 0, blocks() - 1);
        put32(to, 8, blockBytes);
        to[13] = (byte) Integer.numberOfTrailingZeros(disk.physicalSectorSize() / blockBytes);
        // Thinly provisioned, and what was unmapped reads as zeroes.
        to[14] = (byte) (thin() ? 0xC0 : 0);
        r.respond(32, get32(r.cdb(), 10));
    }

    private boolean thin() {
        return disk.supportsUnmap() && !disk.readOnly();
    }

    private void modeSelect(ScsiRequest r, boolean isLong) {
        int sense = ModePages.select(r, pages, isLong);
        if (sense != Sense.NONE) {
            reject(r, sense);
        } else if (!writeCache) {
            flush(r); // what the cache held when it was switched off
        } else {
            r.good();
        }
    }

    @Override
    int deviceType() {
        return 0;
    }

    @Override
    boolean removable() {
        return false;
    }

    @Override
    String product() {
        return "Virtual Disk";
    }

    @Override
    String serialNumber() {
        return disk.id().toString().replace("-", "");
    }

    @Override
    int vitalProductData(int page, byte[] to) {
        switch (page) {
            case VPD_SUPPORTED_PAGES -> {
                to[5] = (byte) VPD_SERIAL_NUMBER;
                to[6] = (byte) VPD_IDENTIFICATION;
                to[7] = (byte) VPD_BLOCK_LIMITS;
                to[8] = (byte) VPD_CHARACTERISTICS;
                to[9] = (byte) VPD_PROVISIONING;
                return 6;
            }
            case VPD_BLOCK_LIMITS -> {
                to[4] = 1; // WRITE SAME of 0 blocks is refused
                put16(to, 6, disk.physicalSectorSize() / blockBytes);
                if (thin()) {
                    put32(to, 20, MAX_UNMAP_BYTES / blockBytes);
                    put32(to, 24, MAX_UNMAP_DESCRIPTORS);
                    put32(to, 28, disk.physicalSectorSize() / blockBytes);
                }
                put64(to, 36, MAX_WRITE_SAME_BYTES / blockBytes);
                return 0x3C;
            }
            case VPD_CHARACTERISTICS -> {
                put16(to, 4, NOT_ROTATING);
                return 0x3C;
            }
            case VPD_PROVISIONING -> {
                to[5] = (byte) (thin() ? 0xE4 : 0); // UNMAP, WRITE SAME with UNMAP, both reading as zeroes
                to[6] = (byte) (thin() ? THIN : 0);
                return 4;
            }
            default -> {
                return -1;
            }
        }
    }

    private final class Pages implements ModePages.Source {
        private static final int[] CODES = {ModePages.ERROR_RECOVERY, ModePages.CACHING, ModePages.CONTROL,
            ModePages.INFORMATIONAL_EXCEPTIONS};

        @Override
        public int[] pages() {
            return CODES;
        }

        @Override
        public int write(int page, byte[] to, int at, boolean changeable) {
            int length = page == ModePages.CACHING ? 20 : 12;
            to[at] = (byte) page;
            to[at + 1] = (byte) (length - 2);
            if (page == ModePages.CACHING) {
                to[at + 2] = (byte) (changeable || writeCache ? ModePages.WCE : 0);
            } else if (page == ModePages.CONTROL && !changeable) {
                to[at + 3] = 0x10; // commands may run in any order
            }
            return length;
        }

        @Override
        public int deviceSpecific() {
            return ModePages.DPOFUA | (disk.readOnly() ? ModePages.WRITE_PROTECTED : 0);
        }

        @Override
        public int mediumType() {
            return 0;
        }

        @Override
        public long blocks() {
            return ScsiDisk.this.blocks();
        }

        @Override
        public int blockBytes() {
            return blockBytes;
        }

        @Override
        public void changed(int page, byte[] from, int at) {
            if (page == ModePages.CACHING) {
                writeCache = (from[at + 2] & ModePages.WCE) != 0;
            }
        }
    }
}
