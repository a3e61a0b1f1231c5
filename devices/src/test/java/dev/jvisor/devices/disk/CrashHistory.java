package dev.jvisor.devices.disk;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was done to some sectors of an image on a {@link PowerLossFile}, and what each may hold had the power gone at a step of the file.
 * Changes may be under way together; then any of them may be the last.
 */
final class CrashHistory {
    /** A point in time: its place among all such points, and the file's steps so far. */
    private record Moment(int tick, int step) { }

    /** A change of a row of sectors to one value. */
    final class Change {
        private final int sector;
        private final int count;
        private final int value;
        private final Moment issued = now();
        private volatile Moment done;
        private volatile boolean durable;
        private volatile boolean failed;

        private Change(int sector, int count, int value) {
            this.sector = sector;
            this.count = count;
            this.value = value;
        }

        /** It has ended. */
        void ended() {
            done = now();
        }

        /** It has ended, and is durable by itself. */
        void endedDurably() {
            durable = true;
            done = now();
        }

        /** It is over, and may have come to be or not. */
        void failed() {
            failed = true;
            done = now();
        }

        private boolean before(Change other) {
            return done != null && done.tick < other.issued.tick;
        }
    }

    /** A flush. */
    final class Flush {
        private final Moment issued = now();
        private volatile Moment done;

        private Flush() { }

        /** It has ended well. */
        void ended() {
            done = now();
        }
    }

    private final PowerLossFile file;
    private final int[] places;
    private final Map<Integer, Integer> initial = new HashMap<>();
    private final List<Change> changes = new ArrayList<>();
    private final List<Flush> flushes = new ArrayList<>();
    private int ticks;

    /** Begins with what the image holds now. @param places the sectors that are looked at */
    CrashHistory(PowerLossFile file, DiskImage image, int[] places) throws IOException {
        this.file = file;
        this.places = places;
        for (int sector : places) {
            initial.put(sector, value(TestDisk.read(image, sector * 512L, 512)));
        }
    }

    private synchronized Moment now() {
        return new Moment(ticks++, file.steps());
    }

    /** A change is about to begin. */
    synchronized Change change(int sector, int count, int value) {
        Change c = new Change(sector, count, value);
        changes.add(c);
        return c;
    }

    /** A flush is about to begin. */
    synchronized Flush flush() {
        Flush f = new Flush();
        flushes.add(f);
        return f;
    }

    private boolean promised(Change c, int cut) {
        if (c.done == null || c.failed) {
            return false;
        }
        return c.durable ? c.done.step <= cut : flushes.stream().anyMatch(f -> f.issued.tick > c.done.tick && f.done != null && f.done.step <= cut);
    }

    private Set<Integer> allowed(int sector, int cut) {
        List<Change> here = changes.stream().filter(c -> sector >= c.sector && sector < c.sector + c.count && c.issued.step < cut).toList();
        List<Change> durable = here.stream().filter(c -> promised(c, cut)).toList();
        Set<Integer> values = new LinkedHashSet<>();
        if (durable.isEmpty()) {
            values.add(initial.get(sector));
        }
        for (Change c : here) {
            if (durable.stream().noneMatch(c::before)) {
                values.add(c.value);
            }
        }
        return values;
    }

    /** {@return what is wrong with an image that was opened after a loss of power at a step of the file; null for nothing} */
    String wrong(DiskImage image, int cut) throws IOException {
        for (int sector : places) {
            int value = value(TestDisk.read(image, sector * 512L, 512));
            Set<Integer> allowed = allowed(sector, cut);
            if (!allowed.contains(value)) {
                return "sector " + sector + " holds " + (value < 0 ? "a mix" : value) + ", allowed " + allowed;
            }
        }
        return null;
    }

    /** {@return the value of all bytes; -1 when they differ} */
    static int value(byte[] sector) {
        for (byte b : sector) {
            if (b != sector[0]) {
                return -1;
            }
        }
        return sector[0] & 0xff;
    }
}
