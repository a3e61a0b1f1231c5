package dev.jvisor.devices.disk;

import java.util.ArrayDeque;
import java.util.BitSet;

/**
 * Which parts of an image file are taken, in units of 1 MiB, and where the next block goes. Guarded by the image's block lock. Space that a
 * block leaves is used again only after the table without it is durable: before that, a crash brings the old table back.
 */
final class BlockSpace {
    private static final int SHIFT = 20;

    private final BitSet taken = new BitSet();
    private final ArrayDeque<Long> leaving = new ArrayDeque<>();
    private long end;
    private int firstFree;

    BlockSpace(long fileSize) {
        end = fileSize + (1 << SHIFT) - 1 >>> SHIFT << SHIFT;
    }

    /** Takes a range that the image already uses. {@return false when part of it is taken} */
    boolean claim(long position, long length) {
        int from = (int) (position >>> SHIFT);
        int to = (int) (position + length + (1 << SHIFT) - 1 >>> SHIFT);
        int next = taken.nextSetBit(from);
        if (next >= 0 && next < to) {
            return false;
        }
        taken.set(from, to);
        end = Math.max(end, (long) to << SHIFT);
        return true;
    }

    /** {@return where a new block may go; below {@link #end} when it was used before, and must be zeroed then} */
    long take(long length) {
        int units = (int) (length >>> SHIFT);
        int limit = (int) (end >>> SHIFT);
        int from = taken.nextClearBit(firstFree);
        firstFree = from;
        while (from + units <= limit) {
            int next = taken.nextSetBit(from);
            if (next < 0 || next >= from + units) {
                taken.set(from, from + units);
                return (long) from << SHIFT;
            }
            from = taken.nextClearBit(next);
        }
        from = limit;
        taken.set(from, from + units);
        return (long) from << SHIFT;
    }

    /** {@return the bytes that the file must have} */
    long end() {
        return end;
    }

    /** The file was lengthened. */
    void grown(long newEnd) {
        end = Math.max(end, newEnd);
    }

    /** A block gives up its place once the table that says so is durable. */
    void leave(long position) {
        leaving.add(position);
    }

    /** {@return how many have left so far; given to {@link #left} when the table has become durable} */
    int leaving() {
        return leaving.size();
    }

    /** The first {@code count} that left may be used again. */
    void left(int count, long length) {
        for (int i = 0; i < count; i++) {
            release(leaving.remove(), length);
        }
    }

    /** Gives back at once what was never in a durable table. */
    void release(long position, long length) {
        int from = (int) (position >>> SHIFT);
        taken.clear(from, (int) (position + length >>> SHIFT));
        firstFree = Math.min(firstFree, from);
    }
}
