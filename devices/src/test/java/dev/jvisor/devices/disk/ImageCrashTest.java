package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.jvisor.devices.disk.DiskRequest.Op;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * "Does a loss of power at any moment lose a flushed write or an image?" The writes of a run are cut at every step: all there, or torn and
 * out of order since the last sync.
 */
class ImageCrashTest {
    private static final int MIB = 1 << 20;
    private static final int SIZE = 6 * MIB;
    /** Few, fixed sectors, so that each is written several times. */
    private static final int[] PLACES = {0, 1, 7, 2047, 2048, 2049, 4096, 6000, 8192, 8193, 10000, 12287};

    private final DiskFormat[] format = new DiskFormat[1];
    private DiskImage parent;

    private static void create(ImageFile file, DiskSpec spec, DiskImage parent) throws IOException {
        if (spec.format() == DiskFormat.VHD) {
            VhdCreator.create(file, spec, parent, "p", "/p");
        } else {
            VhdxCreator.create(file, spec, parent, "p", "/p");
        }
    }

    private DiskImage open(ImageFile file) throws IOException {
        return parent == null ? ImageOpener.open(file, format[0], false) : ImageOpener.open(file, format[0], parent);
    }

    /** A new image, durable; its parent, if it has one, is full of 200. */
    private PowerLossFile image(DiskFormat f, DiskType type) throws IOException {
        format[0] = f;
        parent = null;
        int block = f == DiskFormat.VHD && type == DiskType.FIXED ? 0 : MIB;
        if (type == DiskType.DIFFERENCING) {
            PowerLossFile p = new PowerLossFile();
            create(p, new DiskSpec(f, DiskType.DYNAMIC, SIZE, MIB, 0, null, TestDisk.NOW), null);
            DiskImage full = ImageOpener.open(p, f, false);
            TestDisk.BUFFER.asSlice(0, MIB).fill((byte) 200);
            for (int i = 0; i < 6; i++) {
                full.write((long) i * MIB, MIB, new IoCursor().attach(TestDisk.BUFFER, 0, MIB));
            }
            parent = full;
        }
        PowerLossFile file = new PowerLossFile();
        create(file, new DiskSpec(f, type, SIZE, block, 0, null, TestDisk.NOW), parent);
        file.settle();
        return file;
    }

    /** One random change or flush. */
    private static void work(DiskImage image, CrashHistory history, Random random, int value) throws IOException {
        int kind = random.nextInt(8);
        if (kind < 2) {
            CrashHistory.Flush flush = history.flush();
            image.flush();
            flush.ended();
        } else if (kind == 2) {
            int block = random.nextInt(6);
            CrashHistory.Change zero = history.change(block * 2048, 2048, 0);
            image.zero((long) block * MIB, MIB, true);
            zero.ended();
        } else {
            int sector = PLACES[random.nextInt(PLACES.length)];
            CrashHistory.Change write = history.change(sector, 1, value);
            TestDisk.BUFFER.asSlice(0, 512).fill((byte) value);
            image.write(sector * 512L, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
            write.ended();
        }
    }

    private void check(byte[] bytes, CrashHistory history, int cut, String where) {
        try {
            String wrong = history.wrong(open(new PowerLossFile(bytes)), cut);
            if (wrong != null) {
                fail(where + ": " + wrong);
            }
        } catch (IOException | RuntimeException e) {
            fail(where, e);
        }
    }

    @ParameterizedTest
    @CsvSource({"VHDX,DYNAMIC,1", "VHDX,DIFFERENCING,2", "VHDX,FIXED,3", "VHD,DYNAMIC,4", "VHD,DIFFERENCING,5"})
    void everyFlushedWriteOutlivesALossAtEveryStep(DiskFormat f, DiskType type, int seed) throws IOException {
        Random random = new Random(seed);
        PowerLossFile file = image(f, type);
        // Not closed at the end: that is the crash.
        DiskImage image = open(file);
        CrashHistory history = new CrashHistory(file, image, PLACES);
        for (int i = 0; i < 110; i++) {
            if (i == 50) {
                // A second opening, with its own log.
                CrashHistory.Flush flush = history.flush();
                image.close();
                flush.ended();
                image = open(file);
            }
            work(image, history, random, 1 + i);
        }
        int lives = 0;
        for (int cut = 0; cut <= file.steps(); cut++) {
            for (int torn = 0; torn < 3; torn++) {
                byte[] disk = file.after(cut, torn == 0 ? null : new Random(seed * 1000L + cut * 3 + torn));
                String where = f + " " + type + " seed " + seed + " cut " + cut + " of " + file.steps() + " torn " + torn;
                check(disk, history, cut, where);
                if (cut % 13 == 0 && torn == 1) {
                    anotherLife(disk, new Random(cut), where);
                    lives++;
                }
            }
        }
        assertTrue(lives > 5, "lives " + lives);
    }

    /** The power goes again: while the image is opened and its log replayed, or in the work after it. */
    private void anotherLife(byte[] disk, Random random, String where) throws IOException {
        PowerLossFile file = new PowerLossFile(disk);
        DiskImage image = open(file);
        CrashHistory history = new CrashHistory(file, image, PLACES);
        for (int i = 0; i < 12; i++) {
            work(image, history, random, 120 + i);
        }
        for (int cut = 0; cut <= file.steps(); cut++) {
            check(file.after(cut, cut % 2 == 0 ? null : random), history, cut, where + ", then cut " + cut + " of " + file.steps());
        }
    }

    @ParameterizedTest
    @CsvSource({"VHDX,DYNAMIC,11", "VHDX,DIFFERENCING,12", "VHD,DYNAMIC,13", "VHD,DIFFERENCING,14"})
    void everyFlushedWriteOutlivesALossAmongRequestsAtTheSameTime(DiskFormat f, DiskType type, int seed) throws Exception {
        Random random = new Random(seed);
        PowerLossFile file = image(f, type);
        HookedFile slow = new HookedFile(file);
        // Threads that give way at each call mix their calls.
        slow.hook = (call, position, length) -> Thread.yield();
        DiskImage image = open(slow);
        CrashHistory history = new CrashHistory(file, image, PLACES);
        int depth = 24;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(depth * 512L, 512);
            VirtualDisk disk = new QueuedDisk(image, "test", 4);
            Semaphore free = new Semaphore(depth);
            Runnable[] ended = new Runnable[depth];
            boolean[] busy = new boolean[depth];
            DiskRequest[] requests = new DiskRequest[depth];
            for (int i = 0; i < depth; i++) {
                int slot = i;
                requests[i] = new DiskRequest(memory, 1, r -> {
                    if (r.status() == DiskStatus.OK) {
                        ended[slot].run();
                    }
                    synchronized (busy) {
                        busy[slot] = false;
                    }
                    free.release();
                });
            }
            for (int i = 0; i < 300; i++) {
                free.acquire();
                int slot = 0;
                synchronized (busy) {
                    while (busy[slot]) {
                        slot++;
                    }
                    busy[slot] = true;
                }
                submit(disk, requests[slot], slot, ended, history, random, 1 + i % 199, memory);
            }
            free.acquire(depth);
            int steps = file.steps();
            disk.close();
            for (int cut = 0; cut <= steps; cut += 1 + cut % 3) {
                check(file.after(cut, cut % 4 == 0 ? null : new Random(seed * 1000L + cut)), history, cut,
                        f + " " + type + " seed " + seed + " cut " + cut + " of " + steps);
            }
            assertTrue(steps > 200, "steps " + steps);
        }
    }

    private static void submit(VirtualDisk disk, DiskRequest r, int slot, Runnable[] ended, CrashHistory history, Random random, int value,
            MemorySegment memory) {
        int kind = random.nextInt(16);
        if (kind < 2) {
            r.begin(Op.FLUSH, 0, 0);
            CrashHistory.Flush flush = history.flush();
            ended[slot] = flush::ended;
        } else if (kind < 4) {
            int block = random.nextInt(6);
            r.begin(kind == 2 ? Op.UNMAP : Op.WRITE_ZEROES, (long) block * MIB, MIB);
            CrashHistory.Change zero = history.change(block * 2048, 2048, 0);
            ended[slot] = zero::ended;
        } else {
            int sector = PLACES[random.nextInt(PLACES.length)];
            memory.asSlice(slot * 512L, 512).fill((byte) value);
            r.begin(Op.WRITE, sector * 512L, 512).fua(kind == 4).add(slot * 512L, 512);
            CrashHistory.Change write = history.change(sector, 1, value);
            ended[slot] = kind == 4 ? write::endedDurably : write::ended;
        }
        disk.submit(r);
    }

    @ParameterizedTest
    @CsvSource({"VHDX,FIXED", "VHDX,DYNAMIC", "VHDX,DIFFERENCING", "VHD,FIXED", "VHD,DYNAMIC", "VHD,DIFFERENCING"})
    void aLossInTheMiddleOfAResizeLeavesTheOldSizeOrTheNewAndAllThatBothHave(DiskFormat f, DiskType type) throws IOException {
        PowerLossFile file = image(f, type);
        DiskImage image = open(file);
        TestDisk.BUFFER.asSlice(0, 512).fill((byte) 7);
        for (int sector : PLACES) {
            image.write(sector * 512L, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
        }
        image.close();
        image = open(file);
        // A differencing VHD cannot become smaller than its parent. The last one needs a table in another place.
        boolean shrinks = f == DiskFormat.VHDX || type != DiskType.DIFFERENCING;
        long[] sizes = {SIZE, shrinks ? 2 * MIB + 512 : SIZE + MIB + 512, 9 * MIB, type == DiskType.FIXED ? 11 * MIB + 512 : 200L << 30};
        int[] steps = new int[sizes.length];
        steps[0] = file.steps();
        for (int i = 1; i < sizes.length; i++) {
            ImageResize resize = new ImageResize(image, sizes[i], true);
            resize.apply();
            image = resize.reopen();
            steps[i] = file.steps();
        }
        for (int cut = steps[0]; cut <= steps[sizes.length - 1]; cut++) {
            for (int torn = 0; torn < 2; torn++) {
                byte[] disk = file.after(cut, torn == 0 ? null : new Random(cut));
                String where = f + " " + type + " cut " + cut + " torn " + torn;
                int last = 0;
                while (last + 1 < steps.length && steps[last + 1] <= cut) {
                    last++;
                }
                try {
                    check(open(new PowerLossFile(disk)), sizes, last, where);
                } catch (IOException | RuntimeException e) {
                    fail(where, e);
                }
            }
        }
    }

    private static void check(DiskImage image, long[] sizes, int last, String where) throws IOException {
        long size = image.byteSize();
        assertTrue(size == sizes[last] || last + 1 < sizes.length && size == sizes[last + 1], where + ": size " + size);
        for (int sector : PLACES) {
            if (sector * 512L < size) {
                int value = CrashHistory.value(TestDisk.read(image, sector * 512L, 512));
                boolean kept = sector * 512L < sizes[1];
                assertTrue(value == 7 && (kept || last == 0) || value == 0 && !kept, where + ": sector " + sector + " holds " + value);
            }
        }
        if (size > SIZE) {
            // A disk's new part is zeroes, at the old ends too.
            for (long at : List.of((long) SIZE, size - 512, sizes[1] > SIZE ? Math.min(sizes[1], size - 512) : SIZE + 512, size > 9 * MIB ? 9L * MIB : SIZE)) {
                assertEquals(0, CrashHistory.value(TestDisk.read(image, at, 512)), where + ": at " + at);
            }
        }
    }
}
