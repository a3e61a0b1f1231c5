package dev.jvisor.devices.disk;

import dev.jvisor.nativebindings.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Walks through the memory of one transfer while the image cuts it into extents of the file. One per disk thread, used again for each
 * request: nothing is allocated.
 */
final class IoCursor {
    private final IoVector vector = new IoVector(Arena.ofAuto());
    private final long[] ownOffset = new long[1];
    private DiskRequest request;
    private MemorySegment memory;
    private int piece;
    private int pieces;
    private long within;
    private long ownLength;

    /** Begins at the start of the request's scatter list. */
    void attach(DiskRequest r) {
        request = r;
        memory = r.memory();
        pieces = r.pieces();
        piece = 0;
        within = 0;
    }

    /** Begins at an offset of one segment of native memory. */
    IoCursor attach(MemorySegment segment, long offset, long length) {
        request = null;
        memory = segment;
        ownOffset[0] = offset;
        ownLength = length;
        pieces = 1;
        piece = 0;
        within = 0;
        return this;
    }

    private long offset() {
        return (request == null ? ownOffset[0] : request.pieceOffset(piece)) + within;
    }

    private long left() {
        return (request == null ? ownLength : request.pieceLength(piece)) - within;
    }

    private void advance(long n) {
        within += n;
        if (left() == 0) {
            piece++;
            within = 0;
        }
    }

    /** {@return the next pieces, {@code max} bytes of them or as many as one call takes; the cursor goes on behind them} */
    IoVector take(long max) {
        vector.clear();
        long taken = 0;
        while (taken < max) {
            if (piece >= pieces) {
                throw new IllegalStateException("scatter list is shorter than the transfer");
            }
            long n = Math.min(max - taken, left());
            if (!vector.add(memory, offset(), n)) {
                break;
            }
            advance(n);
            taken += n;
        }
        return vector;
    }

    /** Zeroes the next {@code length} bytes of memory. */
    void zero(long length) {
        while (length > 0) {
            long n = Math.min(length, left());
            long at = offset();
            // Pieces are small; a slice here does not escape.
            memory.asSlice(at, n).fill((byte) 0);
            advance(n);
            length -= n;
        }
    }

    /** Copies the next {@code length} bytes to or from other memory; for files that are not the operating system's. */
    void copy(boolean toCursor, MemorySegment other, long otherOffset, long length) {
        while (length > 0) {
            long n = Math.min(length, left());
            if (toCursor) {
                MemorySegment.copy(other, otherOffset, memory, offset(), n);
            } else {
                MemorySegment.copy(memory, offset(), other, otherOffset, n);
            }
            advance(n);
            otherOffset += n;
            length -= n;
        }
    }
}
