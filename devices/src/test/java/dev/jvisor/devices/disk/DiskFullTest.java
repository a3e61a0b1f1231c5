package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.HookedFile.Call;
import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** "What does a guest lose when the host's disk is full?" The file cannot grow for a while, begun at every step of a run. */
@Timeout(120)
class DiskFullTest {
    private static final int MIB = 1 << 20;
    private static final int[] PLACES = {0, 1, 7, 2047, 2048, 2049, 4096, 6000, 8192, 8193, 10000, 12287};

    private DiskImage parent;

    private PowerLossFile image(DiskFormat format, DiskType type) throws IOException {
        PowerLossFile file = new PowerLossFile();
        if (type == DiskType.DIFFERENCING) {
            PowerLossFile p = new PowerLossFile();
            create(p, new DiskSpec(format, DiskType.DYNAMIC, 6 * MIB, MIB, 0, null, TestDisk.NOW));
            parent = ImageOpener.open(p, format, false);
            TestDisk.BUFFER.asSlice(0, MIB).fill((byte) 200);
            for (int i = 0; i < 6; i++) {
                parent.write((long) i * MIB, MIB, new IoCursor().attach(TestDisk.BUFFER, 0, MIB));
            }
        }
        create(file, new DiskSpec(format, type, 6 * MIB, MIB, 0, null, TestDisk.NOW));
        return file;
    }

    private void create(ImageFile file, DiskSpec spec) throws IOException {
        if (spec.format() == DiskFormat.VHD) {
            VhdCreator.create(file, spec, parent, "p", "/p");
        } else {
            VhdxCreator.create(file, spec, parent, "p", "/p");
        }
    }

    private DiskImage open(ImageFile file, DiskFormat format) throws IOException {
        return parent == null ? ImageOpener.open(file, format, false) : ImageOpener.open(file, format, parent);
    }

    /** The file cannot become longer, from its so-manieth growth on and for so many of them. */
    private static void full(HookedFile file, AtomicInteger calls, int from, int count) {
        file.hook = (call, position, length) -> {
            boolean grows = switch (call) {
                case WRITE -> position + length > file.size();
                case RESIZE -> position > file.size();
                default -> false;
            };
            int n = grows ? calls.getAndIncrement() : -1;
            if (n >= from && n < from + count) {
                throw new ErrnoException("pwrite", "disk", 28);
            }
        };
    }

    @ParameterizedTest
    @CsvSource({"VHDX,DYNAMIC,31", "VHDX,DIFFERENCING,32", "VHD,DYNAMIC,33", "VHD,DIFFERENCING,34"})
    void writesFailWithNoSpaceAndAllThatWasFlushedStays(DiskFormat format, DiskType type, int seed) throws Exception {
        int growths = 1;
        int refused = 0;
        for (int from = 0; from < growths; from++) {
            for (int count : new int[] {1, 1000}) {
                parent = null;
                PowerLossFile memory = image(format, type);
                HookedFile file = new HookedFile(memory);
                DiskImage image = open(file, format);
                CrashHistory history = new CrashHistory(memory, image, PLACES);
                AtomicInteger calls = new AtomicInteger();
                full(file, calls, from, count);
                QueuedDisk disk = new QueuedDisk(image, "test", 3);
                List<DiskStatus> statuses = run(disk, history, new Random(seed));
                String where = format + " " + type + " seed " + seed + " full from growth " + from + " for " + count;
                for (DiskStatus s : statuses) {
                    assertTrue(s == DiskStatus.OK || s == DiskStatus.NO_SPACE, where + ": " + s);
                    refused += s == DiskStatus.NO_SPACE ? 1 : 0;
                }
                growths = Math.max(growths, calls.get());
                // Both when it is closed in peace, still full, and when it is not closed at all.
                assertEquals(null, history.wrong(open(new PowerLossFile(memory.after(memory.steps(), null)), format), memory.steps()), where);
                try {
                    disk.close();
                } catch (IOException e) {
                    throw new AssertionError(where + ": a close needs no space", e);
                }
                DiskImage again = open(new PowerLossFile(memory.after(memory.steps(), null)), format);
                assertEquals(null, history.wrong(again, memory.steps()), where);
                // There is room again: it works on.
                TestDisk.BUFFER.asSlice(0, 512).fill((byte) 250);
                for (int sector : PLACES) {
                    again.write(sector * 512L, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
                }
                again.flush();
                assertEquals(250, CrashHistory.value(TestDisk.read(again, PLACES[11] * 512L, 512)), where);
            }
        }
        assertTrue(growths > 3 && refused > 10, "growths " + growths + " refused " + refused);
    }

    private static List<DiskStatus> run(QueuedDisk disk, CrashHistory history, Random random) throws Exception {
        List<DiskStatus> statuses = new ArrayList<>();
        Semaphore done = new Semaphore(0);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(512, 512);
            DiskRequest r = new DiskRequest(memory, 1, x -> done.release());
            for (int i = 1; i <= 60; i++) {
                int kind = random.nextInt(10);
                if (kind < 2) {
                    CrashHistory.Flush flush = history.flush();
                    disk.submit(r.begin(Op.FLUSH, 0, 0));
                    done.acquire();
                    if (r.status() == DiskStatus.OK) {
                        flush.ended();
                    }
                } else {
                    int sector = kind == 2 ? 2048 * random.nextInt(6) : PLACES[random.nextInt(PLACES.length)];
                    CrashHistory.Change change = history.change(sector, kind == 2 ? 2048 : 1, kind == 2 ? 0 : i);
                    memory.fill((byte) i);
                    r.begin(kind == 2 ? Op.UNMAP : Op.WRITE, sector * 512L, kind == 2 ? MIB : 512).fua(kind == 3);
                    if (kind > 2) {
                        r.add(0, 512);
                    }
                    disk.submit(r);
                    done.acquire();
                    if (r.status() != DiskStatus.OK) {
                        change.failed();
                    } else if (kind == 3) {
                        change.endedDurably();
                    } else {
                        change.ended();
                    }
                }
                statuses.add(r.status());
            }
            return statuses;
        }
    }
}
