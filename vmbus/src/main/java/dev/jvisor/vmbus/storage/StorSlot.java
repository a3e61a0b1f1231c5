package dev.jvisor.vmbus.storage;

import static dev.jvisor.vmbus.protocol.StorVspProtocol.*;

import dev.jvisor.devices.scsi.ScsiRequest;
import dev.jvisor.devices.scsi.ScsiRequest.Direction;
import dev.jvisor.devices.scsi.ScsiStatus;
import dev.jvisor.devices.scsi.Sense;
import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmbus.ring.IncomingPacket;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * One SRB on its way: a private copy of its packet, which becomes the answer, and the SCSI command made of it. Used again and again. Owned
 * by the channel's thread, then the target and its disk, then whoever writes the answer.
 */
final class StorSlot {
    /** Not on its way. */
    static final int IDLE = 0;
    /** With the target. */
    static final int BUSY = 1;
    /** With the target, and a reset waits for it. */
    static final int AWAITED = 2;

    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PAGE = GpaSpace.PAGE_SIZE;

    private final GpaSpace gpa;
    private final MemorySegment packet = Arena.ofAuto().allocate(PACKET_SIZE, 8);
    final ScsiRequest request;
    /** IDLE, BUSY or AWAITED. */
    final AtomicInteger state = new AtomicInteger();
    /** Next in a queue of those that wait for room in the ring; the queue's lock. */
    StorSlot next;
    private long transactionId;
    private boolean answerWanted;
    private int path;
    private int target;
    private int lun;
    private int senseRoom;

    StorSlot(GpaSpace gpa, int maxPieces, Consumer<StorSlot> completion) {
        this.gpa = gpa;
        this.request = new ScsiRequest(gpa.host(), maxPieces, r -> completion.accept(this));
    }

    /** {@return the answer, {@link dev.jvisor.vmbus.protocol.StorVspProtocol#PACKET_SIZE} bytes} */
    MemorySegment packet() {
        return packet;
    }

    long transactionId() {
        return transactionId;
    }

    boolean answerWanted() {
        return answerWanted;
    }

    int path() {
        return path;
    }

    int target() {
        return target;
    }

    int lun() {
        return lun;
    }

    /** Takes over a packet, as much of it as there is; the rest is zero. */
    void take(IncomingPacket in) {
        int bytes = Math.min(in.payloadLength(), PACKET_SIZE);
        MemorySegment.copy(in.memory(), in.payloadOffset(), packet, 0, bytes);
        if (bytes < PACKET_SIZE) {
            packet.asSlice(bytes).fill((byte) 0);
        }
        transactionId = in.transactionId();
        answerWanted = in.completionRequested();
    }

    /** Takes over an answer that was saved. */
    void restore(long id, byte[] answer) {
        MemorySegment.copy(answer, 0, packet, ValueLayout.JAVA_BYTE, 0, Math.min(answer.length, PACKET_SIZE));
        transactionId = id;
        answerWanted = true;
    }

    /** Takes over nothing but the name of a packet. */
    void takeMalformed(IncomingPacket in) {
        packet.fill((byte) 0);
        transactionId = in.transactionId();
        answerWanted = in.completionRequested();
    }

    /** Makes the answer to anything but an SRB; what else it holds has been put there. */
    void answer(int status) {
        packet.set(LE32, OPERATION, OP_COMPLETE_IO);
        packet.set(LE32, FLAGS, 0);
        packet.set(LE32, STATUS, status);
    }

    int u16(int at) {
        return Short.toUnsignedInt(packet.get(LE16, at));
    }

    int u32(int at) {
        return packet.get(LE32, at);
    }

    /** Zeroes all behind the status. */
    void clearBody() {
        packet.asSlice(BODY).fill((byte) 0);
    }

    void put16(int at, int value) {
        packet.set(LE16, at, (short) value);
    }

    void put32(int at, int value) {
        packet.set(LE32, at, value);
    }

    /**
     * Makes a SCSI command of an SRB taken over.
     *
     * @param in the packet that was taken, of at least the full size
     * @return whether it makes sense; if not, {@link #refuse} makes the answer
     */
    boolean parse(IncomingPacket in, int maxTransferBytes) {
        path = u8(PATH);
        target = u8(TARGET);
        lun = u8(LUN);
        senseRoom = Math.min(u8(SENSE_LENGTH), SENSE_SIZE);
        int cdbBytes = u8(CDB_LENGTH);
        long transfer = Integer.toUnsignedLong(packet.get(LE32, TRANSFER_LENGTH));
        Direction direction = switch (u8(DATA_DIRECTION)) {
            case DATA_OUT -> Direction.OUT;
            case DATA_IN -> Direction.IN;
            default -> Direction.NONE;
        };
        if (transfer == 0 || direction == Direction.NONE) {
            transfer = 0;
            direction = Direction.NONE;
        }
        request.begin(direction);
        if (cdbBytes == 0 || cdbBytes > CDB_SIZE || transfer > maxTransferBytes || u8(DATA_DIRECTION) > DATA_NONE) {
            return false;
        }
        MemorySegment.copy(packet, ValueLayout.JAVA_BYTE, CDB, request.cdb(), 0, cdbBytes);
        return transfer == 0 || map(in, transfer);
    }

    /** Finds the guest's pages; the frame numbers are in the private copy of the packet already. */
    private boolean map(IncomingPacket in, long transfer) {
        long left = transfer;
        for (int range = 0; range < in.rangeCount() && left > 0; range++) {
            long inRange = Math.min(in.rangeByteCount(range), left);
            int skip = (int) in.rangeByteOffset(range);
            left -= inRange;
            for (int page = 0; inRange > 0; page++) {
                long host = GuestPages.hostPage(gpa, in.rangePfn(range, page));
                int length = (int) Math.min(inRange, PAGE - skip);
                if (host < 0 || !request.addData(host + skip, length)) {
                    return false;
                }
                skip = 0;
                inRange -= length;
            }
        }
        return left == 0;
    }

    int u8(int at) {
        return Byte.toUnsignedInt(packet.get(ValueLayout.JAVA_BYTE, at));
    }

    private void put8(int at, int value) {
        packet.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    /** Makes the answer to an SRB that makes no sense. */
    void refuse() {
        answer(SRB_STATUS_INVALID_REQUEST, ScsiStatus.GOOD, 0);
        put8(SENSE_LENGTH, 0);
    }

    /** Makes the answer of what the request came to. {@return whether it succeeded} */
    boolean finish() {
        ScsiRequest r = request;
        if (r.direction() == Direction.IN) {
            noteWritten(r);
        }
        boolean good = r.status() == ScsiStatus.GOOD;
        if (good) {
            answer(SRB_STATUS_SUCCESS, ScsiStatus.GOOD, r.transferred());
            put8(SENSE_LENGTH, 0);
        } else if (r.status() != ScsiStatus.CHECK_CONDITION) {
            answer(SRB_STATUS_ERROR, r.status(), 0);
            put8(SENSE_LENGTH, 0);
        } else {
            int sense = Math.min(senseRoom, Sense.FIXED_BYTES);
            int base = r.sense() == Sense.LUN_NOT_SUPPORTED ? SRB_STATUS_INVALID_LUN : SRB_STATUS_ERROR;
            answer(sense > 0 ? base | SRB_STATUS_AUTOSENSE_VALID : base, ScsiStatus.CHECK_CONDITION, 0);
            packet.asSlice(SENSE, SENSE_SIZE).fill((byte) 0);
            MemorySegment.copy(r.senseBytes(), 0, packet, ValueLayout.JAVA_BYTE, SENSE, sense);
            put8(SENSE_LENGTH, sense);
        }
        return good;
    }

    private void answer(int srbStatus, int scsiStatus, int transferred) {
        answer(STATUS_SUCCESS);
        packet.set(LE16, SRB_LENGTH, (short) SRB_SIZE);
        put8(SRB_STATUS, srbStatus);
        put8(SCSI_STATUS, scsiStatus);
        packet.set(LE32, TRANSFER_LENGTH, transferred);
    }

    /** Also of a read that failed: some of it may have reached the guest's pages. */
    private void noteWritten(ScsiRequest r) {
        for (int i = 0; i < r.pieces(); i++) {
            GuestPages.written(gpa, r.pieceOffset(i), r.pieceLength(i));
        }
    }
}
