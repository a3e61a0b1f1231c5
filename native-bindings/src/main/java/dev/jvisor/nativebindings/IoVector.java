package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A reusable scatter list for {@link FileIo}: the C library's {@code struct iovec[]}. Filled anew for each transfer, without
 * allocation. Used by one thread at a time. The memory that is added must stay alive until the transfer has ended.
 */
public final class IoVector {
    /** The most pieces one call takes ({@code IOV_MAX}). */
    public static final int CAPACITY = 1024;
    private static final int ENTRY = 16;

    private final MemorySegment entries;
    private int first;
    private int count;
    private long bytes;

    /** Creates an empty list that lives as long as the arena. */
    public IoVector(Arena arena) {
        entries = arena.allocate((long) ENTRY * CAPACITY, 8);
    }

    /** Empties the list. */
    public void clear() {
        first = 0;
        count = 0;
        bytes = 0;
    }

    /**
     * Appends a piece of native memory; a piece that continues the last one makes that longer instead.
     *
     * @return false when the list is full
     * @throws IndexOutOfBoundsException when the piece is not inside the segment
     */
    public boolean add(MemorySegment memory, long offset, long length) {
        Objects.checkFromIndexSize(offset, length, memory.byteSize());
        if (!memory.isNative()) {
            throw new IllegalArgumentException("scatter lists hold native memory only");
        }
        long address = memory.address() + offset;
        if (count > 0) {
            long last = (long) (count - 1) * ENTRY;
            long lastLength = entries.get(JAVA_LONG, last + 8);
            if (entries.get(JAVA_LONG, last) + lastLength == address) {
                entries.set(JAVA_LONG, last + 8, lastLength + length);
                bytes += length;
                return true;
            }
        }
        if (count == CAPACITY) {
            return false;
        }
        long at = (long) count++ * ENTRY;
        entries.set(JAVA_LONG, at, address);
        entries.set(JAVA_LONG, at + 8, length);
        bytes += length;
        return true;
    }

    /** {@return the bytes of all pieces together} */
    public long bytes() {
        return bytes;
    }

    /** Zeroes the memory of what is left in the list, as when a file ended before it was full, and empties it. */
    public void zero() {
        for (; bytes > 0; first++) {
            long length = firstLength();
            MemorySegment.ofAddress(firstAddress()).reinterpret(length).fill((byte) 0);
            bytes -= length;
        }
        clear();
    }

    int remaining() {
        return count - first;
    }

    long pointer() {
        return entries.address() + (long) first * ENTRY;
    }

    long firstAddress() {
        return entries.get(JAVA_LONG, (long) first * ENTRY);
    }

    long firstLength() {
        return entries.get(JAVA_LONG, (long) first * ENTRY + 8);
    }

    /** Drops what a call has moved; the list is used up by it. */
    void consume(long moved) {
        bytes -= moved;
        while (moved > 0) {
            long at = (long) first * ENTRY;
            long length = entries.get(JAVA_LONG, at + 8);
            if (moved < length) {
                entries.set(JAVA_LONG, at, entries.get(JAVA_LONG, at) + moved);
                entries.set(JAVA_LONG, at + 8, length - moved);
                return;
            }
            moved -= length;
            first++;
        }
    }
}
