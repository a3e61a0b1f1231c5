package dev.jvisor.devices.disk;

import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A file in memory that records what is done to it, and can tell what a disk would hold had the power gone at any step: all up to the last
 * sync is there, of the later writes any subset of 512-byte sectors in any order, of the later changes of its length the first few.
 */
final class PowerLossFile implements ImageFile {
    private static final long LIMIT = 64 << 20;

    private record Step(long position, byte[] bytes, long size, boolean sync) { }

    private final List<Step> steps = new ArrayList<>();
    private byte[] content = new byte[0];
    private byte[] start = content;
    // What the first so many steps leave, all of them durable; kept for the next question.
    private byte[] durable = start;
    private int durableSteps;

    PowerLossFile() { }

    PowerLossFile(byte[] content) {
        this.content = content;
        start = content;
        durable = start;
    }

    /** Forgets the past: what is there now is durable. */
    void settle() {
        steps.clear();
        start = content;
        durable = start;
        durableSteps = 0;
    }

    synchronized int steps() {
        return steps.size();
    }

    /**
     * What is left after a loss of power just before step {@code cut}.
     *
     * @param random null: all that was written is there, as after kill -9; otherwise any subset of sectors since the last sync
     */
    byte[] after(int cut, Random random) {
        int synced = -1;
        for (int i = 0; i < cut; i++) {
            synced = steps.get(i).sync ? i : synced;
        }
        if (synced < durableSteps - 1) {
            durableSteps = 0;
            durable = start;
        }
        for (; durableSteps <= synced; durableSteps++) {
            durable = apply(steps.get(durableSteps), durable == start ? start.clone() : durable);
        }
        byte[] disk = durable.clone();
        long lost = -1;
        for (int i = durableSteps; i < cut; i++) {
            Step s = steps.get(i);
            if (random == null) {
                disk = apply(s, disk);
            } else if (s.bytes == null) {
                // File systems keep the order of such changes, and that of a length and the data beyond the old one.
                if (lost >= 0 || random.nextInt(3) == 0) {
                    lost = s.size;
                } else {
                    disk = Arrays.copyOf(disk, (int) s.size);
                }
            } else {
                for (int at = 0; at < s.bytes.length; at += 512) {
                    if (random.nextInt(3) > 0) {
                        int n = Math.min(512, s.bytes.length - at);
                        if (s.position + at + n > disk.length && lost >= 0) {
                            disk = Arrays.copyOf(disk, (int) lost);
                            lost = -1;
                        }
                        disk = put(s, at, n, disk);
                    }
                }
            }
        }
        return disk;
    }

    private static byte[] apply(Step s, byte[] disk) {
        if (s.sync) {
            return disk;
        }
        return s.bytes == null ? Arrays.copyOf(disk, (int) s.size) : put(s, 0, s.bytes.length, disk);
    }

    private static byte[] put(Step s, int at, int n, byte[] disk) {
        int end = (int) s.position + at + n;
        byte[] to = end > disk.length ? Arrays.copyOf(disk, end) : disk;
        System.arraycopy(s.bytes, at, to, (int) s.position + at, n);
        return to;
    }

    /** As a host whose disk is full: the file stays small enough for a test. */
    private static void room(long end) {
        if (end < 0 || end > LIMIT) {
            throw new ErrnoException("pwrite", "memory", 28);
        }
    }

    private synchronized void put(long position, byte[] bytes) {
        room(position + bytes.length);
        int end = (int) position + bytes.length;
        if (end > content.length || content == start) {
            content = Arrays.copyOf(content, Math.max(end, content.length));
        }
        System.arraycopy(bytes, 0, content, (int) position, bytes.length);
        steps.add(new Step(position, bytes, 0, false));
    }

    private byte[] get(long position, long length) {
        byte[] out = new byte[(int) length];
        if (position < content.length) {
            System.arraycopy(content, (int) position, out, 0, (int) Math.min(length, content.length - position));
        }
        return out;
    }

    @Override
    public synchronized void read(IoCursor to, long length, long position) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(length);
            read(m, position);
            to.copy(true, m, 0, length);
        }
    }

    @Override
    public synchronized void write(IoCursor from, long length, long position) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(length);
            from.copy(false, m, 0, length);
            write(m, position);
        }
    }

    @Override
    public synchronized void read(MemorySegment to, long position) {
        byte[] b = get(position, to.byteSize());
        MemorySegment.copy(b, 0, to, ValueLayout.JAVA_BYTE, 0, b.length);
    }

    @Override
    public synchronized void write(MemorySegment from, long position) {
        put(position, from.toArray(ValueLayout.JAVA_BYTE));
    }

    @Override
    public synchronized long size() {
        return content.length;
    }

    @Override
    public synchronized void resize(long size) {
        room(size);
        content = Arrays.copyOf(content, (int) size);
        steps.add(new Step(0, null, size, false));
    }

    @Override
    public synchronized void zero(long position, long length) throws IOException {
        put(position, new byte[(int) Math.min(length, Math.max(0, content.length - position))]);
    }

    @Override
    public long nextData(long position) {
        return position;
    }

    @Override
    public long nextHole(long position) {
        return content.length;
    }

    @Override
    public synchronized void sync() {
        steps.add(new Step(0, null, 0, true));
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public void close() {
        // Nothing to give back.
    }
}
