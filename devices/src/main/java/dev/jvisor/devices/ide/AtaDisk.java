package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.AtaCommands.*;
import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * An ATA hard disk: the commands of ACS-2's general feature set, with LBA28, LBA48 and CHS addresses, over a virtual disk with sectors of
 * 512 or 4096 bytes. By PIO, sectors go through the drive's buffer, a buffer at a time; by DMA, straight between disk and guest pages.
 */
final class AtaDisk extends IdeDrive {
    /** What a command in progress does. */
    private enum Work { NONE, IDENTIFY, READ, WRITE, READ_DMA, WRITE_DMA, VERIFY, TRIM, FLUSH }

    static final int MAX_MULTIPLE = 16;
    /** Most bytes of DATA SET MANAGEMENT's ranges. */
    private static final int TRIM_BLOCKS = 8;
    private static final int TRIM_BLOCK_BYTES = 512;
    private static final int DEFAULT_HEADS = 16;
    private static final int DEFAULT_TRACK = 63;
    private static final int MAX_CYLINDERS = 16383;
    private static final long MAX_LBA28 = 0x0FFF_FFFF;
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    // Fixed
    private final VirtualDisk disk;
    private final int sectorBytes;
    private final long sectors;
    private final DiskRequest pio;
    private final DiskRequest dma;

    // Settings
    private int heads;
    private int track;
    private int multiple;
    private boolean writeCache;
    private boolean lookAhead;
    private boolean standby;

    // The command in progress
    private Work work = Work.NONE;
    private long lba;
    private int left;
    private int chunk;
    private int blockSectors;
    private boolean fua;
    private boolean ext;

    AtaDisk(IdeChannel channel, int index, VirtualDisk disk) {
        super(channel, index);
        this.disk = disk;
        sectorBytes = disk.logicalSectorSize();
        sectors = disk.byteSize() / sectorBytes;
        pio = new DiskRequest(buffer, 1, r -> channel.completed(this, r.status()));
        dma = new DiskRequest(channel.busMaster().gpa().host(), BusMaster.MAX_PIECES, r -> channel.completed(this, r.status()));
    }

    @Override
    void command(int opcode) {
        work = Work.NONE;
        if (opcode != CHECK_POWER_MODE && opcode != OLD_CHECK_POWER_MODE) {
            standby = false;
        }
        switch (opcode) {
            case READ_SECTORS, READ_SECTORS_NO_RETRY -> transfer(Work.READ, false, 1, false);
            case READ_SECTORS_EXT -> transfer(Work.READ, true, 1, false);
            case READ_MULTIPLE -> transfer(Work.READ, false, multiple, false);
            case READ_MULTIPLE_EXT -> transfer(Work.READ, true, multiple, false);
            case WRITE_SECTORS, WRITE_SECTORS_NO_RETRY -> transfer(Work.WRITE, false, 1, false);
            case WRITE_SECTORS_EXT -> transfer(Work.WRITE, true, 1, false);
            case WRITE_MULTIPLE -> transfer(Work.WRITE, false, multiple, false);
            case WRITE_MULTIPLE_EXT -> transfer(Work.WRITE, true, multiple, false);
            case WRITE_MULTIPLE_FUA_EXT -> transfer(Work.WRITE, true, multiple, true);
            case READ_DMA, READ_DMA_NO_RETRY -> transfer(Work.READ_DMA, false, 1, false);
            case READ_DMA_EXT -> transfer(Work.READ_DMA, true, 1, false);
            case WRITE_DMA, WRITE_DMA_NO_RETRY -> transfer(Work.WRITE_DMA, false, 1, false);
            case WRITE_DMA_EXT -> transfer(Work.WRITE_DMA, true, 1, false);
            case WRITE_DMA_FUA_EXT -> transfer(Work.WRITE_DMA, true, 1, true);
            case READ_VERIFY, READ_VERIFY_NO_RETRY -> transfer(Work.VERIFY, false, 1, false);
            case READ_VERIFY_EXT -> transfer(Work.VERIFY, true, 1, false);
            case IDENTIFY_DEVICE -> identify();
            case FLUSH_CACHE, FLUSH_CACHE_EXT -> flush();
            case DATA_SET_MANAGEMENT -> trim();
            case SET_FEATURES -> setFeatures();
            case SET_MULTIPLE -> setMultiple();
            case READ_NATIVE_MAX -> nativeMax(false);
            case READ_NATIVE_MAX_EXT -> nativeMax(true);
            case INITIALIZE_DEVICE_PARAMETERS -> initializeParameters();
            case STANDBY_IMMEDIATE, STANDBY, SLEEP, OLD_STANDBY_IMMEDIATE, OLD_STANDBY, OLD_SLEEP -> {
                standby = true;
                flush(); // what is to lose its power has nothing in its cache
            }
            case IDLE_IMMEDIATE, IDLE, OLD_IDLE_IMMEDIATE, OLD_IDLE -> finish(true);
            case CHECK_POWER_MODE, OLD_CHECK_POWER_MODE -> {
                count = standby ? POWER_STANDBY : POWER_ACTIVE;
                finish(true);
            }
            default -> {
                if ((opcode & 0xF0) == RECALIBRATE) {
                    finish(true);
                } else if ((opcode & 0xF0) == SEEK) {
                    seek();
                } else {
                    abort(); // NOP, SMART, PACKET and all that we never said we had
                }
            }
        }
    }

    // ---- addresses ----

    /** Takes address and count from the registers. {@return whether all of it is on the disk; otherwise the command has ended} */
    private boolean address(boolean extended) {
        ext = extended;
        if (extended) {
            left = count == 0 ? 0x10000 : count;
        } else {
            left = (count & 0xFF) == 0 ? 0x100 : count & 0xFF;
        }
        lba = position(extended);
        if (lba >= 0 && lba <= sectors - left) {
            return true;
        }
        channel.metrics().rejected.increment();
        fail(lba < 0 && extended ? ABRT : IDNF, 0);
        return false;
    }

    /** {@return the sector that the registers name; -1 for none} */
    private long position(boolean extended) {
        if (extended) {
            return (device & DEVICE_LBA) == 0 ? -1 : low & 0xFF | (mid & 0xFF) << 8 | (high & 0xFFL) << 16
                    | (low >>> 8 & 0xFFL) << 24 | (mid >>> 8 & 0xFFL) << 32 | (high >>> 8 & 0xFFL) << 40;
        }
        if ((device & DEVICE_LBA) != 0) {
            return low & 0xFF | (mid & 0xFF) << 8 | (high & 0xFF) << 16 | (device & 0xF) << 24;
        }
        int sector = low & 0xFF;
        int head = device & 0xF;
        if (sector == 0 || sector > track || head >= heads) {
            return -1;
        }
        return ((long) (mid & 0xFF | (high & 0xFF) << 8) * heads + head) * track + sector - 1;
    }

    /** Puts a sector into the registers, in the way of addressing that they use. */
    private void putPosition(long sector, boolean extended) {
        if (extended) {
            low = (int) (sector & 0xFF | (sector >>> 24 & 0xFF) << 8);
            mid = (int) (sector >>> 8 & 0xFF | (sector >>> 32 & 0xFF) << 8);
            high = (int) (sector >>> 16 & 0xFF | (sector >>> 40 & 0xFF) << 8);
        } else if ((device & DEVICE_LBA) != 0) {
            low = (int) (sector & 0xFF);
            mid = (int) (sector >>> 8 & 0xFF);
            high = (int) (sector >>> 16 & 0xFF);
            device = device & 0xF0 | (int) (sector >>> 24 & 0xF);
        } else {
            long cylinder = sector / ((long) heads * track);
            low = (int) (sector % track) + 1;
            device = device & 0xF0 | (int) (sector / track % heads);
            mid = (int) (cylinder & 0xFF);
            high = (int) (cylinder >>> 8 & 0xFF);
        }
    }

    // ---- reading and writing ----

    private void transfer(Work what, boolean extended, int sectorsPerBlock, boolean durable) {
        if (sectorsPerBlock == 0) {
            abort(); // READ MULTIPLE before SET MULTIPLE
            return;
        }
        if (!address(extended)) {
            return;
        }
        work = what;
        blockSectors = sectorsPerBlock;
        fua = durable;
        switch (what) {
            case READ, VERIFY -> nextRead();
            case WRITE -> nextWrite(false);
            default -> awaitDma();
        }
    }

    private void nextRead() {
        chunk = Math.min(left, BUFFER_BYTES / sectorBytes);
        pio.begin(Op.READ, lba * sectorBytes, (long) chunk * sectorBytes).add(0, chunk * sectorBytes);
        submit(pio);
    }

    private void nextWrite(boolean withInterrupt) {
        chunk = Math.min(left, BUFFER_BYTES / sectorBytes);
        position = 0;
        limit = chunk * sectorBytes;
        startBlock(Phase.DATA_OUT, blockSectors * sectorBytes, withInterrupt);
    }

    private void submit(DiskRequest request) {
        begin();
        try {
            disk.submit(request);
        } catch (IllegalStateException closed) {
            // The host took the disk away under a guest that still uses it.
            channel.completed(this, DiskStatus.IO_ERROR);
        }
    }

    @Override
    void blockDone() {
        if (position < limit) {
            startBlock(phase, blockSectors * sectorBytes, true);
            return;
        }
        switch (work) {
            case WRITE -> {
                pio.begin(Op.WRITE, lba * sectorBytes, (long) chunk * sectorBytes).fua(fua || !writeCache).add(0, chunk * sectorBytes);
                submit(pio);
            }
            case READ -> {
                if (left > 0) {
                    nextRead();
                } else {
                    finish(false);
                }
            }
            default -> finish(false);
        }
    }

    @Override
    void dmaReady() {
        BusMaster bm = channel.busMaster();
        boolean read = work == Work.READ_DMA;
        if (read != bm.toMemory()) {
            bm.fail();
            abort();
            return;
        }
        int unit = work == Work.TRIM ? TRIM_BLOCK_BYTES : sectorBytes;
        int bytes = bm.gather(left * unit, unit);
        if (bm.bad()) {
            bm.fail();
            abort();
            return;
        }
        if (bytes == 0) {
            bm.ranDry();
            return;
        }
        if (work == Work.TRIM) {
            takeRanges(bm, bytes);
            return;
        }
        chunk = bytes / sectorBytes;
        dma.begin(read ? Op.READ : Op.WRITE, lba * sectorBytes, bytes).fua(!read && (fua || !writeCache));
        for (int i = 0; i < bm.pieces(); i++) {
            dma.add(bm.offset(i), bm.length(i));
        }
        channel.dmaBegins(this);
        submit(dma);
    }

    @Override
    void diskDone(DiskStatus result) {
        if (result != DiskStatus.OK) {
            diskFailed(result);
            return;
        }
        switch (work) {
            case READ -> {
                account();
                position = 0;
                limit = chunk * sectorBytes;
                startBlock(Phase.DATA_IN, blockSectors * sectorBytes, true);
            }
            case VERIFY -> {
                lba += chunk;
                left -= chunk;
                if (left > 0) {
                    nextRead();
                } else {
                    finish(true);
                }
            }
            case WRITE -> {
                account();
                if (left > 0) {
                    nextWrite(true);
                } else {
                    finish(true);
                }
            }
            case READ_DMA, WRITE_DMA -> {
                if (work == Work.READ_DMA) {
                    channel.busMaster().written((long) chunk * sectorBytes);
                }
                account();
                if (left > 0) {
                    phase = Phase.DMA_WAIT; // the channel goes on if the bus master still runs
                } else {
                    channel.busMaster().drained();
                    finish(true);
                }
            }
            case TRIM -> nextRange();
            default -> finish(true);
        }
    }

    private void account() {
        lba += chunk;
        left -= chunk;
        boolean read = work == Work.READ || work == Work.READ_DMA;
        (read ? channel.metrics().readBytes : channel.metrics().writtenBytes).add((long) chunk * sectorBytes);
    }

    private void diskFailed(DiskStatus result) {
        channel.metrics().diskErrors.increment();
        if (work == Work.READ_DMA || work == Work.WRITE_DMA) {
            channel.busMaster().drained();
        }
        boolean reading = work == Work.READ || work == Work.READ_DMA || work == Work.VERIFY;
        if (reading || work == Work.WRITE || work == Work.WRITE_DMA) {
            putPosition(lba, ext);
        }
        switch (result) {
            case OUT_OF_RANGE -> fail(IDNF, 0); // the disk was made smaller
            case READ_ONLY -> fail(ABRT, 0);
            default -> fail(reading ? UNC : ABRT, reading ? 0 : DF);
        }
    }

    private void flush() {
        work = Work.FLUSH;
        submit(pio.begin(Op.FLUSH, 0, 0));
    }

    // ---- TRIM ----

    private void trim() {
        left = count == 0 ? 0x10000 : count;
        if (!trims() || (features & 0xFF) != TRIM || left > TRIM_BLOCKS) {
            abort();
            return;
        }
        work = Work.TRIM;
        awaitDma();
    }

    private boolean trims() {
        return disk.supportsUnmap() && !disk.readOnly();
    }

    /** Copies the ranges: the guest cannot change them while they are looked at. */
    private void takeRanges(BusMaster bm, int bytes) {
        if (bytes < left * TRIM_BLOCK_BYTES) {
            bm.ranDry();
            abort();
            return;
        }
        MemorySegment guest = bm.gpa().host();
        int at = 0;
        for (int i = 0; i < bm.pieces() && at < bytes; i++) {
            int n = Math.min(bm.length(i), bytes - at);
            MemorySegment.copy(guest, bm.offset(i), buffer, at, n);
            at += n;
        }
        bm.drained();
        limit = bytes;
        position = 0;
        // All or nothing: a list that names a sector beyond the end changes nothing.
        for (int p = 0; p < limit; p += Long.BYTES) {
            long range = buffer.get(LE64, p);
            if ((range & 0xFFFF_FFFF_FFFFL) > sectors - (range >>> 48)) {
                channel.metrics().rejected.increment();
                fail(IDNF | ABRT, 0);
                return;
            }
        }
        nextRange();
    }

    private void nextRange() {
        while (position < limit) {
            long range = buffer.get(LE64, position);
            position += Long.BYTES;
            long length = range >>> 48;
            if (length > 0) {
                submit(pio.begin(Op.UNMAP, (range & 0xFFFF_FFFF_FFFFL) * sectorBytes, length * sectorBytes));
                return;
            }
        }
        finish(true);
    }

    // ---- settings ----

    private void setFeatures() {
        switch (features & 0xFF) {
            case FEATURE_WRITE_CACHE_ON -> {
                writeCache = true;
                finish(true);
            }
            case FEATURE_WRITE_CACHE_OFF -> {
                writeCache = false;
                flush();
            }
            case FEATURE_LOOK_AHEAD_ON, FEATURE_LOOK_AHEAD_OFF -> {
                lookAhead = (features & 0xFF) == FEATURE_LOOK_AHEAD_ON;
                finish(true);
            }
            case FEATURE_TRANSFER_MODE -> setTransferMode(count & 0xFF);
            case FEATURE_KEEP_SETTINGS, FEATURE_DROP_SETTINGS -> finish(true);
            default -> abort();
        }
    }

    private void setMultiple() {
        int n = count & 0xFF;
        if (n > MAX_MULTIPLE || Integer.bitCount(n) > 1) {
            abort();
            return;
        }
        multiple = n;
        finish(true);
    }

    private void nativeMax(boolean extended) {
        if ((device & DEVICE_LBA) == 0) {
            abort();
            return;
        }
        putPosition(extended ? sectors - 1 : Math.min(sectors - 1, MAX_LBA28), extended);
        finish(true);
    }

    private void initializeParameters() {
        int n = count & 0xFF;
        if (n == 0) {
            abort();
            return;
        }
        track = n;
        heads = (device & 0xF) + 1;
        finish(true);
    }

    private void seek() {
        left = 1;
        lba = position(false);
        if (lba < 0 || lba >= sectors) {
            channel.metrics().rejected.increment();
            fail(IDNF, 0);
        } else {
            finish(true);
        }
    }

    // ---- identity ----

    private long cylinders(int ofHeads, int ofTrack) {
        return Math.min(sectors / ((long) ofHeads * ofTrack), MAX_CYLINDERS);
    }

    private void identify() {
        long current = cylinders(heads, track);
        int ratio = Integer.numberOfTrailingZeros(disk.physicalSectorSize() / sectorBytes);
        int enabled = IdentifyData.COMMANDS_NOP | IdentifyData.COMMANDS_POWER | (writeCache ? IdentifyData.COMMANDS_WRITE_CACHE : 0)
                | (lookAhead ? IdentifyData.COMMANDS_LOOK_AHEAD : 0);
        IdentifyData d = new IdentifyData();
        d.drive(index, disk.id().toString().replace("-", ""), "jvisor IDE disk", transferMode);
        d.commands(IdentifyData.COMMANDS_NOP | IdentifyData.COMMANDS_LOOK_AHEAD | IdentifyData.COMMANDS_WRITE_CACHE | IdentifyData.COMMANDS_POWER,
                IdentifyData.COMMANDS2_LBA48 | IdentifyData.COMMANDS2_FLUSH | IdentifyData.COMMANDS2_FLUSH_EXT, IdentifyData.COMMANDS3_FUA, enabled);
        d.set(0, 0x0040); // a fixed disk
        d.set(1, (int) cylinders(DEFAULT_HEADS, DEFAULT_TRACK)).set(3, DEFAULT_HEADS).set(6, DEFAULT_TRACK);
        d.set(47, 0x8000 | MAX_MULTIPLE);
        d.set(49, 0x0F00); // IORDY, which can be switched off, LBA, DMA
        d.set(50, 0x4000);
        d.set(54, (int) current).set(55, heads).set(56, track).set32(57, current * heads * track);
        d.set(59, multiple == 0 ? 0 : 0x100 | multiple);
        d.set32(60, Math.min(sectors, MAX_LBA28));
        d.set48(100, sectors);
        d.set(106, 0x4000 | (ratio > 0 ? 0x2000 | ratio : 0) | (sectorBytes > TRIM_BLOCK_BYTES ? 0x1000 : 0));
        if (sectorBytes > TRIM_BLOCK_BYTES) {
            d.set32(117, sectorBytes / 2);
        }
        if (trims()) {
            d.set(69, 0x4020); // what was trimmed reads the same each time: as zeroes
            d.set(105, TRIM_BLOCKS);
            d.set(169, 1);
        }
        d.set(217, 1); // nothing rotates
        d.write(buffer);
        work = Work.IDENTIFY;
        position = 0;
        limit = IdentifyData.BYTES;
        startBlock(Phase.DATA_IN, IdentifyData.BYTES, true);
    }

    // ---- reset and state ----

    @Override
    boolean hasDeviceReset() {
        return false;
    }

    @Override
    void forget() {
        work = Work.NONE;
        left = 0;
        standby = false;
    }

    @Override
    void defaults() {
        heads = DEFAULT_HEADS;
        track = DEFAULT_TRACK;
        multiple = 0;
        writeCache = true;
        lookAhead = true;
        transferMode = TRANSFER_MWDMA | 2;
    }

    @Override
    int signature() {
        return 0;
    }

    @Override
    int resetStatus() {
        return READY;
    }

    @Override
    IdeDriveState save() {
        return new IdeDriveState(saveRegisters(), interrupt(), phase.name(), saveBuffer(), position, blockEnd, work.name(), lba, left, chunk,
                blockSectors, fua, new int[] {heads, track, multiple, writeCache ? 1 : 0, lookAhead ? 1 : 0, transferMode, standby ? 1 : 0,
                    ext ? 1 : 0}, new byte[0], 0, null);
    }

    @Override
    void restore(IdeDriveState s) {
        restoreBasics(s);
        int[] set = s.settings();
        heads = Math.clamp(set[0], 1, 16);
        track = Math.clamp(set[1], 1, 255);
        multiple = Integer.bitCount(set[2]) == 1 && set[2] > 0 && set[2] <= MAX_MULTIPLE ? set[2] : 0;
        writeCache = set[3] != 0;
        lookAhead = set[4] != 0;
        transferMode = set[5] & 0x47 | set[5] & TRANSFER_MWDMA;
        standby = set[6] != 0;
        ext = set[7] != 0;
        work = Work.valueOf(s.work());
        lba = s.lba();
        left = s.left();
        chunk = s.chunk();
        blockSectors = Math.clamp(s.blockSectors(), 1, MAX_MULTIPLE);
        fua = s.fua();
        boolean consistent = left >= 0 && left <= 0x10000 && lba >= 0 && chunk >= 0 && chunk <= BUFFER_BYTES / sectorBytes && lba <= sectors - left
                && (work != Work.WRITE || chunk <= left) && (phase != Phase.DATA_OUT || limit == chunk * sectorBytes);
        if (phase != Phase.IDLE && !consistent) {
            phase = Phase.IDLE;
            status = READY | ERR;
            error = ABRT;
        }
    }
}
