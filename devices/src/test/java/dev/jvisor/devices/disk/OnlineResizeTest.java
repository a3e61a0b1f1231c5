package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.HookedFile.Call;
import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A disk that gets another size while requests are on their way. */
@Timeout(120)
class OnlineResizeTest {
    private static final int MIB = 1 << 20;
    private static final int KEPT = 6 * MIB;

    @TempDir
    Path dir;

    private final Semaphore done = new Semaphore(0);

    private Path image(DiskFormat format, DiskType type) throws IOException {
        Path file = dir.resolve("disk");
        int block = format == DiskFormat.RAW || type == DiskType.FIXED && format == DiskFormat.VHD ? 0 : MIB;
        Path parent = null;
        if (type == DiskType.DIFFERENCING) {
            parent = dir.resolve("parent");
            DiskImages.create(parent, new DiskSpec(format, DiskType.DYNAMIC, 4 * MIB, block, 0, null, TestDisk.NOW));
        }
        DiskImages.create(file, new DiskSpec(format, type, 8 * MIB, block, 0, parent, TestDisk.NOW));
        return file;
    }

    @ParameterizedTest
    @CsvSource({"RAW,FIXED", "VHD,FIXED", "VHD,DYNAMIC", "VHD,DIFFERENCING", "VHDX,FIXED", "VHDX,DYNAMIC", "VHDX,DIFFERENCING"})
    void nothingIsLostByRequestsAroundIt(DiskFormat format, DiskType type) throws Exception {
        Path file = image(format, type);
        long seed = 20 + format.ordinal() * 3 + type.ordinal();
        Random random = new Random(seed);
        byte[] model = new byte[KEPT];
        int depth = 16;
        long far = type == DiskType.FIXED ? 512L << 20 : 200L << 30;
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(file, DiskOptions.writable())) {
            MemorySegment memory = arena.allocate(depth * 8192L, 4096);
            DiskRequest[] requests = new DiskRequest[depth];
            for (int i = 0; i < depth; i++) {
                requests[i] = new DiskRequest(memory, 1, r -> done.release());
            }
            Thread resizer = Thread.ofPlatform().start(() -> {
                Random sizes = new Random(seed);
                try {
                    for (int i = 0; i < 60; i++) {
                        // Now and then so much larger that the table has to move.
                        disk.resize(sizes.nextInt(8) == 0 ? far : KEPT + 4096L * sizes.nextInt(3000), true);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            do {
                // A row of requests that do not overlap, each in its own stripe.
                int stripe = KEPT / depth;
                for (int i = 0; i < depth; i++) {
                    int length = 512 * (1 + random.nextInt(16));
                    int at = i * stripe + 512 * random.nextInt((stripe - length) / 512);
                    int kind = random.nextInt(10);
                    byte value = (byte) (1 + random.nextInt(255));
                    if (kind == 0) {
                        requests[i].begin(Op.FLUSH, 0, 0);
                    } else if (kind <= 2) {
                        requests[i].begin(kind == 1 ? Op.UNMAP : Op.WRITE_ZEROES, at, length);
                        Arrays.fill(model, at, at + length, (byte) 0);
                    } else {
                        memory.asSlice(i * 8192L, length).fill(value);
                        requests[i].begin(Op.WRITE, at, length).fua(kind == 3).add(i * 8192L, length);
                        Arrays.fill(model, at, at + length, value);
                    }
                    disk.submit(requests[i]);
                }
                assertTrue(done.tryAcquire(depth, 30, TimeUnit.SECONDS));
                for (DiskRequest r : requests) {
                    assertEquals(DiskStatus.OK, r.status(), "seed " + seed);
                }
            } while (resizer.isAlive());
            resizer.join();
            disk.resize(KEPT, true);
            disk.resize(9 * MIB, false);
            assertEquals(9 * MIB, disk.byteSize());
            assertArrayEquals(Arrays.copyOf(model, 9 * MIB), readAll(disk, arena), "seed " + seed);
        }
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(file, DiskOptions.reading())) {
            assertArrayEquals(Arrays.copyOf(model, 9 * MIB), readAll(disk, arena), "opened again, seed " + seed);
        }
        assertEquals(List.of(), DiskImages.check(file, format, false));
    }

    private byte[] readAll(VirtualDisk disk, Arena arena) throws InterruptedException {
        int size = (int) disk.byteSize();
        MemorySegment memory = arena.allocate(size, 4096);
        DiskRequest r = new DiskRequest(memory, 1, x -> done.release());
        r.begin(Op.READ, 0, size).add(0, size);
        disk.submit(r);
        done.acquire();
        assertEquals(DiskStatus.OK, r.status());
        return memory.toArray(ValueLayout.JAVA_BYTE);
    }

    @ParameterizedTest
    @CsvSource({"VHD", "VHDX"})
    void whatAParentHoldsBeyondASmallerSizeDoesNotComeBack(DiskFormat format) throws Exception {
        Path parent = dir.resolve("parent");
        DiskImages.create(parent, new DiskSpec(format, DiskType.DYNAMIC, 8 * MIB, MIB, 0, null, TestDisk.NOW));
        try (DiskImage image = ImageOpener.open(parent, DiskOptions.writable())) {
            TestDisk.BUFFER.asSlice(0, MIB).fill((byte) 9);
            for (int i = 0; i < 8; i++) {
                image.write((long) i * MIB, MIB, new IoCursor().attach(TestDisk.BUFFER, 0, MIB));
            }
        }
        Path child = dir.resolve("child");
        DiskImages.create(child, new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, parent, TestDisk.NOW));
        byte[] expected = new byte[9 * MIB];
        Arrays.fill(expected, 0, 8 * MIB, (byte) 9);
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(child, DiskOptions.writable())) {
            if (format == DiskFormat.VHD) {
                assertTrue(assertThrows(IOException.class, () -> disk.resize(3 * MIB + 512, true)).getMessage().contains("parent"));
                disk.resize(100L << 30, false);
                disk.resize(8 * MIB, true);
            } else {
                Arrays.fill(expected, 3 * MIB + 512, 8 * MIB, (byte) 0);
                disk.resize(3 * MIB + 512, true);
            }
            disk.resize(9 * MIB, false);
            assertArrayEquals(expected, readAll(disk, arena));
        }
        assertEquals(List.of(), DiskImages.check(child, format, false));
        assertTrue(java.nio.file.Files.size(child) < 8 * MIB);
    }

    @Test
    void sizesThatCannotBeAreRefusedAndTheDiskGoesOn() throws Exception {
        Path file = image(DiskFormat.VHD, DiskType.DYNAMIC);
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(file, DiskOptions.writable())) {
            for (long size : new long[] {0, -512, 1000, 4L << 40}) {
                assertThrows(IOException.class, () -> disk.resize(size, true));
            }
            assertTrue(assertThrows(IOException.class, () -> disk.resize(MIB, false)).getMessage().contains("larger"));
            assertEquals(8 * MIB, readAll(disk, arena).length);
        }
        try (VirtualDisk disk = VirtualDisk.open(file, DiskOptions.reading())) {
            assertTrue(assertThrows(IOException.class, () -> disk.resize(16 * MIB, false)).getMessage().contains("reading"));
        }
    }

    @Test
    void nobodyElseGetsTheDiskOrItsParentWhileItIsResized() throws Exception {
        Path file = image(DiskFormat.VHDX, DiskType.DIFFERENCING);
        Path parent = dir.resolve("parent");
        try (VirtualDisk disk = VirtualDisk.open(file, DiskOptions.writable())) {
            Thread resizer = Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 1; i <= 40; i++) {
                        disk.resize(8 * MIB + i * 4096L, false);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            int tries = 0;
            do {
                assertThrows(IOException.class, () -> VirtualDisk.open(file, DiskOptions.writable()).close());
                assertThrows(IOException.class, () -> VirtualDisk.open(parent, DiskOptions.writable()).close());
                tries++;
            } while (resizer.isAlive());
            assertTrue(tries > 0);
            assertEquals(8 * MIB + 40 * 4096L, disk.byteSize());
        }
    }

    @ParameterizedTest
    @CsvSource({"VHDX,FIXED", "VHDX,DYNAMIC", "VHD,DYNAMIC", "VHD,FIXED"})
    void aHostThatFailsInTheMiddleLeavesADiskThatWorks(DiskFormat format, DiskType type) throws Exception {
        int steps = 0;
        for (int failAt = 0; failAt <= steps; failAt++) {
            PowerLossFile memoryFile = new PowerLossFile();
            DiskSpec spec = new DiskSpec(format, type, 4 * MIB, format == DiskFormat.VHD && type == DiskType.FIXED ? 0 : MIB, 0, null, TestDisk.NOW);
            if (format == DiskFormat.VHD) {
                VhdCreator.create(memoryFile, spec, null, null, null);
            } else {
                VhdxCreator.create(memoryFile, spec, null, null, null);
            }
            HookedFile file = new HookedFile(memoryFile);
            try (Arena arena = Arena.ofShared(); VirtualDisk disk = new QueuedDisk(ImageOpener.open(file, format, false), "test", 2)) {
                MemorySegment memory = arena.allocate(4096, 4096).fill((byte) 7);
                DiskRequest r = new DiskRequest(memory, 1, x -> done.release());
                for (int i = 0; i < 4; i++) {
                    r.begin(Op.WRITE, (long) i * MIB, 4096).add(0, 4096);
                    disk.submit(r);
                    done.acquire();
                }
                // So far that the table moves.
                long more = 300L << 30;
                int[] left = {failAt};
                file.hook = (call, position, length) -> {
                    if (call != Call.READ && left[0]-- == 0) {
                        throw new ErrnoException("pwrite", "disk", 28);
                    }
                };
                boolean grown = true;
                try {
                    disk.resize(type == DiskType.FIXED ? 6 * MIB : more, false);
                } catch (IOException e) {
                    grown = false;
                }
                steps = failAt == 0 ? 60 : steps;
                assertTrue(failAt > 0 || !grown);
                file.hook = (call, position, length) -> { };
                if (grown) {
                    steps = failAt; // it took no more than that
                } else {
                    assertTrue(disk.byteSize() == 4 * MIB || disk.byteSize() == 6 * MIB || disk.byteSize() == more);
                }
                for (int i = 0; i < 4; i++) {
                    memory.fill((byte) 0);
                    r.begin(Op.READ, (long) i * MIB, 4096).add(0, 4096);
                    disk.submit(r);
                    done.acquire();
                    assertEquals(DiskStatus.OK, r.status(), "failed at " + failAt);
                    assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 4095), "failed at " + failAt);
                }
                disk.resize(type == DiskType.FIXED ? 6 * MIB : more, false);
            }
        }
        assertTrue(steps > 3 && steps < 60, "steps " + steps);
    }
}
