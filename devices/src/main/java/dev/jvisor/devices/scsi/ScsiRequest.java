package dev.jvisor.devices.scsi;

import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * One SCSI command on its way: the command block, where its data lies in guest memory, and how it ended. Made once for a slot of the
 * transport and used again for each command.
 *
 * <p>Life: {@link #begin}, fill {@link #cdb()}, {@link #addData} for each piece of the data buffer, {@link ScsiTarget#execute}; then, on any
 * thread and perhaps before {@code execute} returns, {@link Completion#completed}, after which the results may be read until the next
 * {@code begin}. Owned by one thread at a time: the transport's, then the target's, then the transport's again.
 */
public final class ScsiRequest {
    /** Bytes of the longest command block taken. */
    public static final int MAX_CDB_BYTES = 16;
    private static final int RESPONSE_BYTES = 1024;

    /** Which way data goes. */
    public enum Direction {
        /** No data. */
        NONE,
        /** From the unit to the guest. */
        IN,
        /** From the guest to the unit. */
        OUT
    }

    /** Told when a request is done. */
    @FunctionalInterface
    public interface Completion {
        /** The request is done, its results may be read. Any thread; must not block. */
        void completed(ScsiRequest request);
    }

    // Fixed
    private final MemorySegment memory;
    private final Completion completion;
    private final DiskRequest disk;

    // The command
    private final byte[] cdb = new byte[MAX_CDB_BYTES];
    private Direction direction = Direction.NONE;
    private final long[] offsets;
    private final int[] lengths;
    private int pieces;
    private int dataBytes;

    // The result
    private int status;
    private int sense;
    private long information;
    private int transferred;
    private final byte[] senseBytes = new byte[Sense.FIXED_BYTES];

    // While it runs
    private final byte[] response = new byte[RESPONSE_BYTES];
    private ScsiUnit unit;
    private long cursor;
    private long remaining;
    private byte[] parameters;
    private volatile boolean abandoned;

    /**
     * Makes a request.
     *
     * @param memory what data pieces are offsets in: guest memory
     * @param maxPieces most pieces a data buffer may be in, after joining neighbours
     * @param completion told when it is done
     */
    public ScsiRequest(MemorySegment memory, int maxPieces, Completion completion) {
        this.memory = memory;
        this.completion = completion;
        this.offsets = new long[maxPieces];
        this.lengths = new int[maxPieces];
        this.disk = new DiskRequest(memory, maxPieces, this::diskDone);
    }

    /** Starts anew, with an empty command block and no data. */
    public void begin(Direction newDirection) {
        direction = newDirection;
        Arrays.fill(cdb, (byte) 0);
        pieces = 0;
        dataBytes = 0;
        status = ScsiStatus.GOOD;
        sense = Sense.NONE;
        information = -1;
        transferred = 0;
        abandoned = false;
    }

    /**
     * Says that nobody wants to know any more how it ends: a command of many steps goes on to the end of the one it is at, and fails. Any
     * thread; the request is under way, or its next {@link #begin} comes after this.
     */
    public void abandon() {
        abandoned = true;
    }

    boolean abandoned() {
        return abandoned;
    }

    /** {@return the command block, to be filled; 16 bytes, zero where a command is shorter} */
    public byte[] cdb() {
        return cdb;
    }

    /** {@return which way its data goes} */
    public Direction direction() {
        return direction;
    }

    /**
     * Adds the next piece of the data buffer.
     *
     * @param offset in the memory; the caller has checked that the piece lies inside
     * @param length bytes, above 0
     * @return false when there are too many pieces or bytes; the request is then of no use until the next {@link #begin}
     */
    public boolean addData(long offset, int length) {
        if (length > Integer.MAX_VALUE - dataBytes) {
            return false;
        }
        if (pieces > 0 && offsets[pieces - 1] + lengths[pieces - 1] == offset) {
            lengths[pieces - 1] += length;
        } else {
            if (pieces == offsets.length) {
                return false;
            }
            offsets[pieces] = offset;
            lengths[pieces++] = length;
        }
        dataBytes += length;
        return true;
    }

    /** {@return the bytes of the data buffer} */
    public int dataBytes() {
        return dataBytes;
    }

    /** {@return the number of pieces of the data buffer, neighbours joined} */
    public int pieces() {
        return pieces;
    }

    /** {@return where a piece lies in the memory} */
    public long pieceOffset(int index) {
        return offsets[index];
    }

    /** {@return the bytes of a piece} */
    public int pieceLength(int index) {
        return lengths[index];
    }

    /** {@return how it ended, of {@link ScsiStatus}} */
    public int status() {
        return status;
    }

    /** {@return the sense code, as {@link Sense} has them; {@link Sense#NONE} unless the status is CHECK CONDITION} */
    public int sense() {
        return sense;
    }

    /** {@return sense data in the fixed format, {@link Sense#FIXED_BYTES} long; valid until the next {@link #begin}} */
    public byte[] senseBytes() {
        Sense.writeFixed(sense, information, senseBytes);
        return senseBytes;
    }

    /** {@return bytes that went to or came from the data buffer} */
    public int transferred() {
        return transferred;
    }

    // ---- for units ----

    byte[] response() {
        return response;
    }

    /** Zeroes the start of the response buffer and hands it out. */
    byte[] response(int bytes) {
        Arrays.fill(response, 0, bytes, (byte) 0);
        return response;
    }

    /** Ends the command: no data. */
    void good() {
        finish();
    }

    /** Ends the command with the first bytes of the response buffer as data, as many as the guest left room for. */
    void respond(int bytes, long allocationLength) {
        transferred = scatter(response, (int) Math.min(bytes, allocationLength));
        finish();
    }

    /** Ends the command with CHECK CONDITION. */
    void fail(int code) {
        fail(code, -1);
    }

    /** Ends the command with CHECK CONDITION, naming a block. */
    void fail(int code, long block) {
        status = ScsiStatus.CHECK_CONDITION;
        sense = code;
        information = block;
        transferred = 0;
        finish();
    }

    private void finish() {
        completion.completed(this);
    }

    private int scatter(byte[] from, int bytes) {
        if (direction != Direction.IN) {
            return 0;
        }
        int done = 0;
        for (int i = 0; i < pieces && done < bytes; i++) {
            int n = Math.min(lengths[i], bytes - done);
            MemorySegment.copy(from, done, memory, ValueLayout.JAVA_BYTE, offsets[i], n);
            done += n;
        }
        return done;
    }

    /**
     * Copies the start of the data buffer, once: what the guest changes afterwards is not seen.
     *
     * @return a buffer of at least {@code bytes} bytes, or null when the guest sent fewer
     */
    byte[] gather(int bytes) {
        if (direction != Direction.OUT || bytes > dataBytes) {
            return null;
        }
        if (parameters == null || parameters.length < bytes) {
            parameters = new byte[bytes];
        }
        int done = 0;
        for (int i = 0; i < pieces && done < bytes; i++) {
            int n = Math.min(lengths[i], bytes - done);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offsets[i], parameters, done, n);
            done += n;
        }
        transferred = bytes;
        return parameters;
    }

    byte[] parameters() {
        return parameters;
    }

    // ---- the disk's part ----

    /** Where a unit's command that takes several steps stands; its own to use. */
    long cursor() {
        return cursor;
    }

    void cursor(long value) {
        cursor = value;
    }

    /** What a unit's command that takes several steps has still to do; its own to use. */
    long remaining() {
        return remaining;
    }

    void remaining(long value) {
        remaining = value;
    }

    /**
     * Has the disk read into, or write from, the first bytes of the data buffer; {@link ScsiUnit#diskDone} follows, at once if what is read
     * is at hand.
     */
    void transfer(ScsiUnit by, VirtualDisk with, DiskRequest.Op op, long offset, int bytes, boolean fua) {
        unit = by;
        transferred = bytes;
        disk.begin(op, offset, bytes).fua(fua);
        addPieces(bytes);
        if (op == DiskRequest.Op.READ && !fua && with.readNow(disk)) {
            by.diskDone(this, DiskStatus.OK);
        } else {
            submit(with);
        }
    }

    /** {@return how often the first bytes of the data buffer fit into one disk request; at least once} */
    int copiesAtOnce(int bytes) {
        int perCopy = 0;
        for (int covered = 0; covered < bytes; perCopy++) {
            covered += lengths[perCopy];
        }
        return offsets.length / perCopy;
    }

    /** Has the disk write the first bytes of the data buffer several times, no more than {@link #copiesAtOnce}. */
    void repeat(ScsiUnit by, VirtualDisk with, long offset, int bytes, int copies, boolean fua) {
        unit = by;
        disk.begin(DiskRequest.Op.WRITE, offset, (long) copies * bytes).fua(fua);
        for (int c = 0; c < copies; c++) {
            addPieces(bytes);
        }
        submit(with);
    }

    private void addPieces(int bytes) {
        int left = bytes;
        for (int i = 0; left > 0; i++) {
            int n = Math.min(lengths[i], left);
            disk.add(offsets[i], n);
            left -= n;
        }
    }

    private void submit(VirtualDisk with) {
        try {
            with.submit(disk);
        } catch (IllegalStateException closed) {
            // The host took the disk away under a guest that still uses it.
            unit.diskDone(this, DiskStatus.IO_ERROR);
        }
    }

    /** Has the disk do something that needs no data; {@link ScsiUnit#diskDone} follows. */
    void control(ScsiUnit by, VirtualDisk with, DiskRequest.Op op, long offset, long bytes, boolean fua) {
        unit = by;
        disk.begin(op, offset, bytes).fua(fua);
        submit(with);
    }

    private void diskDone(DiskRequest done) {
        unit.diskDone(this, done.status());
    }
}
