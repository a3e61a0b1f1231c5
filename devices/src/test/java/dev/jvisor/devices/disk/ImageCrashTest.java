package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** "Does a crash at any moment lose a flushed write or an image?" The writes of a run are cut at every step, whole and torn. */
class ImageCrashTest {
    private static final int MIB = 1 << 20;
    private static final int SIZE = 6 * MIB;
    /** What each sector may hold: the version at the last flush that had completed, or anything written later. */
    private record Write(int step, int sector, int count, int value) { }

    private record Flush(int begun, int done) { }

    private static void create(ImageFile file, DiskSpec spec, DiskImage parent) throws IOException {
        if (spec.format() == DiskFormat.VHD) {
            VhdCreator.create(file, spec, parent, "p", "/p");
        } else {
            VhdxCreator.create(file, spec, parent, "p", "/p");
        }
    }

    private static DiskImage open(ImageFile file, DiskFormat format, DiskImage parent) throws IOException {
        return parent == null ? ImageOpener.open(file, format, false) : ImageOpener.open(file, format, parent);
    }

    @ParameterizedTest
    @CsvSource({"VHDX,DYNAMIC,1", "VHDX,DIFFERENCING,2", "VHDX,FIXED,3", "VHD,DYNAMIC,4", "VHD,DIFFERENCING,5"})
    void everyFlushedWriteOutlivesACrashAtEveryStep(DiskFormat format, DiskType type, int seed) throws IOException {
        Random random = new Random(seed);
        DiskImage parent = null;
        if (type == DiskType.DIFFERENCING) {
            PowerLossFile p = new PowerLossFile();
            create(p, new DiskSpec(format, DiskType.DYNAMIC, SIZE, MIB, 0, null, TestDisk.NOW), null);
            parent = ImageOpener.open(p, format, false);
            TestDisk.BUFFER.asSlice(0, MIB).fill((byte) 200);
            for (int i = 0; i < 6; i++) {
                parent.write((long) i * MIB, MIB, new IoCursor().attach(TestDisk.BUFFER, 0, MIB));
            }
        }
        PowerLossFile file = new PowerLossFile();
        create(file, new DiskSpec(format, type, SIZE, MIB, 0, null, TestDisk.NOW), parent);
        file.settle();
        List<Write> writes = new ArrayList<>();
        List<Flush> flushes = new ArrayList<>();
        // Few, fixed sectors, so that each is written several times.
        int[] places = {0, 1, 7, 2047, 2048, 2049, 4096, 6000, 8192, 8193, 10000, 12287};
        // Not closed: that is the crash.
        DiskImage image = open(file, format, parent);
        for (int i = 0; i < 110; i++) {
            if (i == 50) {
                // A second opening, with its own log.
                int begun = file.steps();
                image.close();
                flushes.add(new Flush(begun, file.steps()));
                image = open(file, format, parent);
            }
            int kind = random.nextInt(8);
            if (kind < 2) {
                int begun = file.steps();
                image.flush();
                flushes.add(new Flush(begun, file.steps()));
            } else if (kind == 2) {
                int block = random.nextInt(6);
                writes.add(new Write(file.steps(), block * 2048, 2048, 0));
                image.zero((long) block * MIB, MIB, true);
            } else {
                int sector = places[random.nextInt(places.length)];
                int value = 1 + i;
                TestDisk.BUFFER.asSlice(0, 512).fill((byte) value);
                writes.add(new Write(file.steps(), sector, 1, value));
                image.write(sector * 512L, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
            }
        }
        int cuts = 0;
        for (int cut = 0; cut <= file.steps(); cut++) {
            for (int torn = 0; torn < 3; torn++) {
                byte[] disk = file.after(cut, torn == 0 ? null : new Random(seed * 1000L + cut * 3 + torn));
                String where = format + " " + type + " seed " + seed + " cut " + cut + " of " + file.steps() + " torn " + torn;
                try {
                    DiskImage after = open(new PowerLossFile(disk), format, parent);
                    compare(after, places, writes, flushes, cut, parent != null ? 200 : 0, where);
                    // And it works on: what is written now is there.
                    if (cut % 7 == 0) {
                        TestDisk.BUFFER.asSlice(0, 512).fill((byte) 250);
                        after.write(512, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
                        after.flush();
                        assertTrue(TestDisk.read(after, 512, 512)[17] == (byte) 250, where);
                    }
                } catch (IOException e) {
                    fail(where, e);
                }
                cuts++;
            }
        }
        assertTrue(cuts > 300, "cuts " + cuts);
    }

    private static void compare(DiskImage image, int[] places, List<Write> writes, List<Flush> flushes, int cut, int initial, String where)
            throws IOException {
        int promised = -1;
        for (Flush f : flushes) {
            if (f.done <= cut) {
                promised = f.begun;
            }
        }
        for (int sector : places) {
            List<Integer> allowed = new ArrayList<>(List.of(initial));
            for (Write w : writes) {
                if (sector >= w.sector && sector < w.sector + w.count && w.step < Math.max(cut, 1)) {
                    if (w.step < promised) {
                        allowed.clear();
                    }
                    allowed.add(w.value);
                }
            }
            byte[] data = TestDisk.read(image, sector * 512L, 512);
            if (!allowed.contains(data[100] & 0xff) || !uniform(data)) {
                fail(where + " sector " + sector + " holds " + (data[100] & 0xff) + (uniform(data) ? "" : " (mixed)") + ", allowed " + allowed);
            }
        }
    }

    private static boolean uniform(byte[] data) {
        for (byte b : data) {
            if (b != data[0]) {
                return false;
            }
        }
        return true;
    }
}
