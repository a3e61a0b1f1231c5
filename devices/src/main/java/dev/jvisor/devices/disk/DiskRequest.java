package dev.jvisor.devices.disk;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * One thing asked of a {@link VirtualDisk}, made once and used again and again: a controller keeps a pool of them. Life: {@link #begin},
 * {@link #add} for each piece of memory of a read or write, {@link VirtualDisk#submit}, then hands off until the completion is called.
 *
 * <p>The memory is native, usually all of a guest's RAM, and pieces are offsets into it. The disk reads and writes it in place from its own
 * threads while the guest runs; the caller reports what a read has changed ({@code GpaSpace.written}) if anything must know.
 */
public final class DiskRequest {
    /** What is asked. */
    public enum Op {
        /** Disk to memory. */
        READ,
        /** Memory to disk. */
        WRITE,
        /** All writes completed before this was submitted become durable. */
        FLUSH,
        /** The range is no longer needed; it reads as zeroes afterwards. */
        UNMAP,
        /** The range reads as zeroes afterwards. */
        WRITE_ZEROES
    }

    private final MemorySegment memory;
    private final DiskCompletion completion;
    private final long[] offsets;
    private final int[] lengths;
    private int pieces;
    private Op op = Op.FLUSH;
    private long offset;
    private long length;
    private boolean fua;
    private boolean ordered;
    private Object attachment;
    private volatile DiskStatus status = DiskStatus.OK;

    /**
     * Creates a request.
     *
     * @param memory native memory that the pieces lie in
     * @param maxPieces the most pieces a scatter list may have
     */
    public DiskRequest(MemorySegment memory, int maxPieces, DiskCompletion completion) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("native memory only");
        }
        this.memory = memory;
        this.completion = Objects.requireNonNull(completion);
        offsets = new long[maxPieces];
        lengths = new int[maxPieces];
    }

    /**
     * Starts anew, with no pieces.
     *
     * @param offset bytes from the start of the disk, a multiple of the logical sector
     * @param length bytes, a multiple of the logical sector; 0 for a flush
     */
    public DiskRequest begin(Op op, long offset, long length) {
        if (status == DiskStatus.PENDING) {
            throw new IllegalStateException("the request is still under way");
        }
        this.op = op;
        this.offset = offset;
        this.length = length;
        pieces = 0;
        fua = false;
        ordered = false;
        return this;
    }

    /**
     * Appends a piece of memory.
     *
     * @return false when the list is full or the piece is not inside the memory; the request is unchanged then
     */
    public boolean add(long memoryOffset, int pieceLength) {
        if (pieces == offsets.length || pieceLength <= 0 || memoryOffset < 0 || memoryOffset > memory.byteSize() - pieceLength) {
            return false;
        }
        offsets[pieces] = memoryOffset;
        lengths[pieces++] = pieceLength;
        return true;
    }

    /** A write that is durable when it completes (force unit access). */
    public DiskRequest fua(boolean on) {
        fua = on;
        return this;
    }

    /** Runs only after all that was submitted before it, and before all that is submitted after it (the SCSI ORDERED task attribute). */
    public DiskRequest ordered(boolean on) {
        ordered = on;
        return this;
    }

    /** Keeps something of the caller's with the request; {@link #begin} leaves it. */
    public void attach(Object object) {
        attachment = object;
    }

    /** {@return what {@link #attach} was given} */
    public Object attachment() {
        return attachment;
    }

    /** {@return what is asked} */
    public Op op() {
        return op;
    }

    /** {@return the byte offset on the disk} */
    public long offset() {
        return offset;
    }

    /** {@return the length in bytes} */
    public long length() {
        return length;
    }

    /** {@return whether a write must be durable when it completes} */
    public boolean fua() {
        return fua;
    }

    /** {@return whether it keeps its place among all requests} */
    public boolean ordered() {
        return ordered;
    }

    /** {@return the memory that the pieces lie in} */
    public MemorySegment memory() {
        return memory;
    }

    /** {@return how many pieces of memory there are} */
    public int pieces() {
        return pieces;
    }

    /** {@return where the piece begins in the memory} */
    public long pieceOffset(int index) {
        return offsets[Objects.checkIndex(index, pieces)];
    }

    /** {@return the bytes of the piece} */
    public int pieceLength(int index) {
        return lengths[Objects.checkIndex(index, pieces)];
    }

    /** {@return how it ended; PENDING from submission until just before the completion is called} */
    public DiskStatus status() {
        return status;
    }

    /** Marks it as taken by a disk. For implementations of {@link VirtualDisk}. */
    public void start() {
        if (status == DiskStatus.PENDING) {
            throw new IllegalStateException("the request is submitted already");
        }
        status = DiskStatus.PENDING;
    }

    /** Ends it and calls the completion. For implementations of {@link VirtualDisk}. */
    public void complete(DiskStatus result) {
        status = result;
        completion.completed(this);
    }
}
