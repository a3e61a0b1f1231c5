package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.AtaCommands.*;
import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.scsi.ScsiDvd;
import dev.jvisor.devices.scsi.ScsiRequest;
import dev.jvisor.devices.scsi.ScsiRequest.Direction;
import dev.jvisor.devices.scsi.ScsiStatus;
import dev.jvisor.devices.scsi.ScsiTarget;
import dev.jvisor.devices.scsi.Sense;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * An ATAPI DVD drive: command packets go to a SCSI unit, their data through the data port in blocks no longer than the guest says, or by
 * the bus master. Sense data waits here for REQUEST SENSE. Source: ACS-2 7.18, ATA8-APT PACKET protocol.
 */
final class AtapiDrive extends IdeDrive {
    /** What a command in progress does. SENSE: an answer that is in the buffer already, by DMA. */
    private enum Work { NONE, IDENTIFY, COMMAND, READ, SENSE }

    static final int PACKET_BYTES = 12;
    private static final int SIGNATURE = 0xEB14;
    private static final int FEATURE_DMA = 1;
    private static final int FEATURE_OVERLAP = 2;
    private static final int SECTOR = 2048;
    private static final int CHUNK_SECTORS = BUFFER_BYTES / SECTOR;
    private static final int MAX_BLOCK = 0xFFFE;
    /** More than any command asks for that we carry out. */
    private static final int MAX_DMA = 64 << 20;
    private static final int REQUEST_SENSE = 0x03;
    private static final int MODE_SELECT_6 = 0x15;
    private static final int READ_10 = 0x28;
    private static final int MODE_SELECT_10 = 0x55;
    private static final int READ_12 = 0xA8;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    // Fixed
    private final ScsiDvd dvd;
    private final ScsiTarget target = new ScsiTarget();
    private final String serial;
    private final ScsiRequest pio;
    private final ScsiRequest dma;

    // The command in progress
    private final byte[] packet = new byte[PACKET_BYTES];
    private Work work = Work.NONE;
    private boolean byDma;
    private int blockBytes;
    private long lba;
    private int left;
    private int chunk;
    private ScsiRequest current;

    // Between commands
    private int sense = Sense.NONE;

    AtapiDrive(IdeChannel channel, int index, ScsiDvd dvd, String serial) {
        super(channel, index);
        this.dvd = dvd;
        this.serial = serial;
        target.attach(0, dvd);
        pio = new ScsiRequest(buffer, 1, r -> channel.completed(this, DiskStatus.OK));
        dma = new ScsiRequest(channel.busMaster().gpa().host(), BusMaster.MAX_PIECES, r -> channel.completed(this, DiskStatus.OK));
    }

    @Override
    void command(int opcode) {
        work = Work.NONE;
        switch (opcode) {
            case PACKET -> awaitPacket();
            case IDENTIFY_PACKET_DEVICE -> identify();
            case IDENTIFY_DEVICE, READ_SECTORS, READ_SECTORS_NO_RETRY -> {
                sign(); // by which the guest sees what it talks to
                abort();
            }
            case SET_FEATURES -> {
                if ((features & 0xFF) == FEATURE_TRANSFER_MODE) {
                    setTransferMode(count & 0xFF);
                } else {
                    abort();
                }
            }
            case CHECK_POWER_MODE -> {
                count = POWER_ACTIVE;
                finish(true);
            }
            case STANDBY_IMMEDIATE, STANDBY, IDLE_IMMEDIATE, IDLE, SLEEP -> finish(true);
            default -> abort();
        }
    }

    // ---- the packet ----

    private void awaitPacket() {
        if ((features & FEATURE_OVERLAP) != 0) {
            abort();
            return;
        }
        byDma = (features & FEATURE_DMA) != 0;
        int limitRegisters = mid & 0xFF | (high & 0xFF) << 8;
        blockBytes = limitRegisters < 2 ? MAX_BLOCK : Math.min(limitRegisters, MAX_BLOCK);
        count = REASON_COMMAND;
        position = 0;
        limit = PACKET_BYTES;
        startBlock(Phase.PACKET, PACKET_BYTES, false);
    }

    private int packet8(int at) {
        return packet[at] & 0xFF;
    }

    private int packet16(int at) {
        return packet8(at) << 8 | packet8(at + 1);
    }

    private long packet32(int at) {
        return (long) packet16(at) << 16 | packet16(at + 2);
    }

    private void packetTaken() {
        MemorySegment.copy(buffer, BYTE, 0, packet, 0, PACKET_BYTES);
        position = 0;
        limit = 0;
        blockEnd = 0;
        int opcode = packet8(0);
        if (opcode == REQUEST_SENSE && sense != Sense.NONE) {
            tellSense();
            return;
        }
        sense = Sense.NONE;
        work = Work.COMMAND;
        if (byDma) {
            awaitDma();
            return;
        }
        int out = switch (opcode) {
            case MODE_SELECT_6 -> packet8(4);
            case MODE_SELECT_10 -> packet16(7);
            default -> 0;
        };
        long sectors = opcode == READ_10 ? packet16(7) : opcode == READ_12 ? packet32(6) : 0;
        if (out > 0) {
            limit = out;
            nextOut();
        } else if (sectors > 0 && sectors <= Integer.MAX_VALUE) {
            work = Work.READ;
            lba = packet32(2);
            left = (int) sectors;
            nextRead();
        } else {
            pio.begin(Direction.IN);
            pio.addData(0, BUFFER_BYTES);
            execute(pio);
        }
    }

    private void tellSense() {
        byte[] bytes = new byte[Sense.FIXED_BYTES];
        Sense.writeFixed(sense, -1, bytes);
        sense = Sense.NONE;
        MemorySegment.copy(bytes, 0, buffer, BYTE, 0, bytes.length);
        position = 0;
        limit = Math.min(bytes.length, packet8(4));
        work = Work.SENSE;
        if (byDma) {
            blockEnd = limit;
            awaitDma();
        } else if (limit == 0) {
            done();
        } else {
            nextIn();
        }
    }

    private void execute(ScsiRequest r) {
        System.arraycopy(packet, 0, r.cdb(), 0, PACKET_BYTES);
        run(r);
    }

    private void run(ScsiRequest r) {
        current = r;
        begin();
        target.execute(0, r);
    }

    /** A long read by PIO goes through the buffer in several. */
    private void nextRead() {
        chunk = Math.min(left, CHUNK_SECTORS);
        pio.begin(Direction.IN);
        pio.addData(0, chunk * SECTOR);
        byte[] cdb = pio.cdb();
        cdb[0] = READ_10;
        cdb[1] = packet[1];
        cdb[2] = (byte) (lba >>> 24);
        cdb[3] = (byte) (lba >>> 16);
        cdb[4] = (byte) (lba >>> 8);
        cdb[5] = (byte) lba;
        cdb[7] = (byte) (chunk >>> 8);
        cdb[8] = (byte) chunk;
        run(pio);
    }

    // ---- data ----

    private int nextBlock() {
        int rest = limit - position;
        int n = rest <= blockBytes ? rest : blockBytes & ~1; // only the last may be odd
        mid = n & 0xFF;
        high = n >>> 8;
        return n;
    }

    private void nextIn() {
        count = REASON_TO_HOST;
        startBlock(Phase.DATA_IN, nextBlock(), true);
    }

    private void nextOut() {
        count = 0;
        startBlock(Phase.DATA_OUT, nextBlock(), true);
    }

    @Override
    void blockDone() {
        switch (phase) {
            case PACKET -> packetTaken();
            case DATA_OUT -> {
                if (position < limit) {
                    nextOut();
                } else {
                    pio.begin(Direction.OUT);
                    pio.addData(0, limit);
                    execute(pio);
                }
            }
            default -> {
                if (work == Work.IDENTIFY) {
                    finish(false);
                } else if (position < limit) {
                    nextIn();
                } else if (work == Work.READ && left > 0) {
                    nextRead();
                } else {
                    done();
                }
            }
        }
    }

    @Override
    void dmaReady() {
        BusMaster bm = channel.busMaster();
        int bytes = bm.gather(work == Work.SENSE ? limit : MAX_DMA, 1);
        if (bm.bad() || work == Work.SENSE && !bm.toMemory()) {
            bm.fail();
            channel.metrics().rejected.increment();
            failPacket(Sense.INTERNAL_TARGET_FAILURE);
            return;
        }
        if (work == Work.SENSE) {
            int at = 0;
            for (int i = 0; i < bm.pieces() && at < bytes; i++) {
                int n = Math.min(bm.length(i), bytes - at);
                MemorySegment.copy(buffer, at, bm.gpa().host(), bm.offset(i), n);
                at += n;
            }
            bm.written(bytes);
            bm.drained();
            done();
            return;
        }
        dma.begin(bm.toMemory() ? Direction.IN : Direction.OUT);
        for (int i = 0; i < bm.pieces(); i++) {
            if (!dma.addData(bm.offset(i), bm.length(i))) {
                break;
            }
        }
        channel.dmaBegins(this);
        execute(dma);
    }

    @Override
    void diskDone(DiskStatus result) {
        ScsiRequest r = current;
        boolean in = r.direction() == Direction.IN;
        if (r == dma) {
            if (in) {
                // A read that failed has changed some of it, perhaps.
                channel.busMaster().written(r.status() == ScsiStatus.GOOD ? r.transferred() : r.dataBytes());
            }
            channel.busMaster().drained();
        }
        if (r.status() != ScsiStatus.GOOD) {
            failPacket(r.sense());
            return;
        }
        if (in) {
            channel.metrics().readBytes.add(r.transferred());
        }
        if (work == Work.READ) {
            lba += chunk;
            left -= chunk;
        }
        if (r == dma || !in || r.transferred() == 0) {
            done();
            return;
        }
        position = 0;
        limit = r.transferred();
        nextIn();
    }

    private void done() {
        work = Work.NONE;
        count = REASON_COMMAND | REASON_TO_HOST;
        finish(true);
    }

    private void failPacket(int code) {
        work = Work.NONE;
        sense = code;
        count = REASON_COMMAND | REASON_TO_HOST;
        fail(Sense.key(code) << 4 | ABRT, 0);
    }

    // ---- identity ----

    private void identify() {
        IdentifyData d = new IdentifyData();
        d.drive(index, serial, "jvisor IDE DVD-ROM", transferMode);
        int commands = IdentifyData.COMMANDS_NOP | IdentifyData.COMMANDS_DEVICE_RESET | IdentifyData.COMMANDS_PACKET | IdentifyData.COMMANDS_POWER;
        d.commands(commands, 0, 0, commands);
        d.set(0, 0x85C0); // packet drive of type 5, removable, DRQ at once, packets of 12 bytes
        d.set(49, 0x0F00);
        d.set(50, 0x4000);
        d.write(buffer);
        work = Work.IDENTIFY;
        position = 0;
        limit = IdentifyData.BYTES;
        startBlock(Phase.DATA_IN, IdentifyData.BYTES, true);
    }

    /** A packet drive that is alone on its cable answers with zeroes for the other. */
    @Override
    int readForAbsent(int register, boolean previous) {
        return 0;
    }

    // ---- reset and state ----

    @Override
    boolean hasDeviceReset() {
        return true;
    }

    @Override
    void forget() {
        work = Work.NONE;
        left = 0;
        sense = Sense.NONE;
        Arrays.fill(packet, (byte) 0);
        target.reset(0);
    }

    @Override
    void defaults() {
        transferMode = TRANSFER_MWDMA | 2;
    }

    @Override
    int signature() {
        return SIGNATURE;
    }

    @Override
    int resetStatus() {
        return 0;
    }

    @Override
    IdeDriveState save() {
        return new IdeDriveState(saveRegisters(), interrupt(), phase.name(), saveBuffer(), position, blockEnd, work.name(), lba, left, chunk,
                blockBytes, byDma, new int[] {transferMode}, packet.clone(), sense, dvd.save());
    }

    @Override
    void restore(IdeDriveState s) {
        restoreBasics(s);
        transferMode = s.settings()[0] & (TRANSFER_UDMA | TRANSFER_MWDMA | 7);
        work = Work.valueOf(s.work());
        lba = s.lba() & 0xFFFF_FFFFL;
        left = Math.max(s.left(), 0);
        chunk = Math.clamp(s.chunk(), 0, CHUNK_SECTORS);
        blockBytes = Math.clamp(s.blockSectors(), 2, MAX_BLOCK);
        byDma = s.fua();
        System.arraycopy(s.packet(), 0, packet, 0, Math.min(PACKET_BYTES, s.packet().length));
        sense = s.sense();
        dvd.restore(s.unit());
        boolean consistent = phase != Phase.PACKET || limit == PACKET_BYTES;
        if (!consistent || phase != Phase.IDLE && phase != Phase.PACKET && work == Work.NONE) {
            phase = Phase.IDLE;
            status = READY | ERR;
            error = ABRT;
        }
    }
}
