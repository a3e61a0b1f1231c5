package dev.jvisor.ci.crash;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What each sector of a disk may hold after its writer was killed. Told of all that happens in an order that is true in one respect: what is
 * reported as begun had not begun before that, and what is reported as done had been done. So a change A that was done before B began is
 * older than B; once B is promised, A cannot come back. What is neither may be there or not, sector by sector. One thread.
 */
public final class DiskModel {
    private static final long NEVER = Long.MAX_VALUE;

    /** A write, or a zeroing, of a row of sectors. */
    private static final class Change {
        private final long generation;
        private final boolean zero;
        private final int first;
        private final int count;
        private final long begun;
        private long done = NEVER;

        private Change(long generation, boolean zero, int first, int count, long begun) {
            this.generation = generation;
            this.zero = zero;
            this.first = first;
            this.count = count;
            this.begun = begun;
        }

        private boolean before(Change other) {
            return done < other.begun;
        }

        @Override
        public String toString() {
            return (zero ? "zeroes " : "write ") + generation;
        }
    }

    /** What a sector holds when no change of it has come to be; -1: that is gone for good. */
    private final long[] base;
    /** Changes that a sector may be of. */
    private final List<List<Change>> candidates;
    private final Map<Long, Change> underway = new HashMap<>();
    private final Map<Long, List<Change>> flushes = new HashMap<>();
    private List<Change> unpromised = new ArrayList<>();
    private final List<Long> sizes = new ArrayList<>();
    private long clock;
    private long promises;

    /** A disk of zeroes. @param maxSectors the most it ever has */
    public DiskModel(int maxSectors) {
        base = new long[maxSectors];
        candidates = new ArrayList<>(maxSectors);
        for (int i = 0; i < maxSectors; i++) {
            candidates.add(null);
        }
    }

    /** {@return the most sectors the disk ever has} */
    public int maxSectors() {
        return base.length;
    }

    /** {@return changes that were promised so far} */
    public long promises() {
        return promises;
    }

    /** A change is about to begin. @param generation its name, above 0 and never used before */
    public void begin(long generation, boolean zero, int first, int count) {
        Change c = new Change(generation, zero, first, count, clock++);
        underway.put(generation, c);
        for (int i = first; i < first + count; i++) {
            List<Change> here = candidates.get(i);
            if (here == null) {
                here = new ArrayList<>(4);
                candidates.set(i, here);
            }
            here.add(c);
        }
    }

    /** A change is done, and may be lost. */
    public void done(long generation) {
        unpromised.add(end(generation));
    }

    /** A change is done, and durable by itself. */
    public void doneDurably(long generation) {
        promise(end(generation));
    }

    /** A change has failed: it may have come to be, in part. */
    public void failed(long generation) {
        end(generation);
    }

    private Change end(long generation) {
        Change c = underway.remove(generation);
        if (c == null) {
            throw new IllegalStateException("change " + generation + " is not under way");
        }
        c.done = clock++;
        return c;
    }

    /** A flush is about to begin. */
    public void beginFlush(long name) {
        flushes.put(name, new ArrayList<>(unpromised));
    }

    /** A flush is done: what was done when it began is promised. */
    public void flushed(long name) {
        List<Change> durable = flushes.remove(name);
        durable.forEach(this::promise);
        unpromised.removeAll(java.util.Set.copyOf(durable));
    }

    /** A flush has failed, and promises nothing. */
    public void flushFailed(long name) {
        flushes.remove(name);
    }

    private void promise(Change c) {
        promises++;
        for (int i = c.first; i < c.first + c.count; i++) {
            base[i] = -1;
            candidates.get(i).removeIf(x -> x.before(c));
        }
    }

    /** The disk may have this many sectors from now on. */
    public void resizing(long sectors) {
        sizes.add(sectors);
    }

    /** It has. */
    public void resized(long sectors) {
        sizes.clear();
        sizes.add(sectors);
    }

    /** The writer is gone: what was under way is over, done or not. */
    public void killed() {
        for (Long generation : List.copyOf(underway.keySet())) {
            end(generation);
        }
        flushes.clear();
        unpromised.clear();
    }

    /** The writer closed the disk in peace: all that was done is promised. */
    public void closed() {
        unpromised.forEach(this::promise);
        killed();
    }

    /** {@return whether the disk may have so many sectors} */
    public boolean mayHave(long sectors) {
        return sizes.contains(sectors);
    }

    /** {@return the numbers of sectors that it may have} */
    public List<Long> sizes() {
        return List.copyOf(sizes);
    }

    /** {@return whether a sector may hold a write's content, or zeroes} */
    public boolean allows(int sector, long generation) {
        if (generation < 0) {
            return false;
        }
        if (base[sector] == generation) {
            return true;
        }
        List<Change> here = candidates.get(sector);
        return here != null && here.stream().anyMatch(c -> generation == (c.zero ? 0 : c.generation));
    }

    /** {@return what a sector may hold, for a message} */
    public String allowed(int sector) {
        List<Change> here = candidates.get(sector);
        String first = base[sector] < 0 ? "" : base[sector] == 0 ? "zeroes, or " : "write " + base[sector] + ", or ";
        return first + (here == null ? List.of() : here);
    }

    /** A sector was looked at with no writer about, and is durable: it holds just this. */
    public void settle(int sector, long generation) {
        base[sector] = generation;
        candidates.set(sector, null);
    }
}
