package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskRequest.Op;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VirtualDiskTest {
    @TempDir
    Path dir;

    private final Semaphore done = new Semaphore(0);

    private DiskStatus run(VirtualDisk disk, DiskRequest r) throws InterruptedException {
        disk.submit(r);
        done.acquire();
        return r.status();
    }

    private Path raw(long size) throws IOException {
        Path file = dir.resolve("disk.raw");
        try (var channel = Files.newByteChannel(file, java.nio.file.StandardOpenOption.CREATE_NEW, java.nio.file.StandardOpenOption.WRITE)) {
            channel.position(size - 1).write(java.nio.ByteBuffer.allocate(1));
        }
        return file;
    }

    @Test
    void scatteredPiecesGoToTheDiskAndBack() throws Exception {
        Path file = raw(1 << 20);
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(file, DiskOptions.writable())) {
            MemorySegment memory = arena.allocate(1 << 16, 4096);
            for (int i = 0; i < 8192; i++) {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 7));
            }
            DiskRequest r = new DiskRequest(memory, 8, x -> done.release());
            r.begin(Op.WRITE, 4096, 8192);
            assertTrue(r.add(4096, 4096) && r.add(0, 4096));
            assertEquals(DiskStatus.OK, run(disk, r));
            assertEquals(DiskStatus.OK, run(disk, r.begin(Op.FLUSH, 0, 0)));
            r.begin(Op.READ, 4096, 8192);
            assertTrue(r.add(0x9000, 100) && r.add(0x8000, 4000) && r.add(0xa000, 4092));
            assertEquals(DiskStatus.OK, run(disk, r));
            byte[] onDisk = Files.readAllBytes(file);
            for (int i = 0; i < 8192; i++) {
                byte expected = (byte) ((i ^ 4096) * 7);
                assertEquals(expected, onDisk[4096 + i]);
                int at = i < 100 ? 0x9000 + i : i < 4100 ? 0x8000 + i - 100 : 0xa000 + i - 4100;
                assertEquals(expected, memory.get(ValueLayout.JAVA_BYTE, at), "byte " + i);
            }
            assertEquals(DiskStatus.OK, run(disk, r.begin(Op.UNMAP, 4096, 512)));
            assertEquals(0, Files.readAllBytes(file)[4096 + 511]);
            assertEquals(onDisk[4096 + 512], Files.readAllBytes(file)[4096 + 512]);
        }
    }

    @Test
    void wrongRequestsGetAStatus() throws Exception {
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(raw(1 << 20), DiskOptions.reading())) {
            DiskRequest r = new DiskRequest(arena.allocate(4096), 2, x -> done.release());
            assertFalse(r.begin(Op.READ, 0, 512).add(4000, 512));
            assertEquals(DiskStatus.OUT_OF_RANGE, run(disk, r), "no memory");
            for (long[] range : new long[][] {{-512, 512}, {1 << 20, 512}, {Long.MAX_VALUE - 511, 512}, {0, -512}, {1, 512}, {0, 511}, {0, 1L << 62}}) {
                r.begin(Op.READ, range[0], range[1]).add(0, 4096);
                assertEquals(DiskStatus.OUT_OF_RANGE, run(disk, r), range[0] + " " + range[1]);
            }
            r.begin(Op.WRITE, 0, 512).add(0, 512);
            assertEquals(DiskStatus.READ_ONLY, run(disk, r));
            assertEquals(DiskStatus.READ_ONLY, run(disk, r.begin(Op.UNMAP, 0, 512)));
        }
    }

    @Test
    void aCompletionThatThrowsDoesNotStopTheDisk() throws Exception {
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(raw(1 << 20), DiskOptions.writable())) {
            for (int i = 0; i < 20; i++) {
                Throwable thrown = i % 2 == 0 ? new AssertionError("on purpose") : new IllegalStateException("on purpose");
                DiskRequest bad = new DiskRequest(arena.allocate(512), 1, x -> {
                    done.release();
                    throwAny(thrown);
                });
                run(disk, bad.begin(Op.FLUSH, 0, 0));
            }
            DiskRequest good = new DiskRequest(arena.allocate(512), 1, x -> done.release());
            assertEquals(DiskStatus.OK, run(disk, good.begin(Op.FLUSH, 0, 0)));
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAny(Throwable t) throws T {
        throw (T) t;
    }

    @Test
    void aSecondWriterIsRefused() throws Exception {
        Path file = raw(1 << 20);
        try (VirtualDisk disk = VirtualDisk.open(file, DiskOptions.writable())) {
            assertFalse(disk.readOnly());
            for (DiskOptions o : new DiskOptions[] {DiskOptions.writable(), DiskOptions.reading()}) {
                IOException e = assertThrows(IOException.class, () -> VirtualDisk.open(file, o));
                assertTrue(e.getMessage().contains("in use") && e.getMessage().contains(file.toString()), e.getMessage());
            }
        }
        try (VirtualDisk one = VirtualDisk.open(file, DiskOptions.reading()); VirtualDisk two = VirtualDisk.open(file, DiskOptions.reading())) {
            assertEquals(one.byteSize(), two.byteSize());
            assertThrows(IOException.class, () -> VirtualDisk.open(file, DiskOptions.writable()));
        }
    }

    @Test
    void aSecondNameOfAFileIsTheSameDisk() throws Exception {
        Path file = raw(1 << 20);
        Path symbolic = Files.createSymbolicLink(dir.resolve("symbolic"), file);
        Path hard = Files.createLink(dir.resolve("hard"), file);
        try (VirtualDisk disk = VirtualDisk.open(symbolic, DiskOptions.writable())) {
            assertEquals(1 << 20, disk.byteSize());
            for (Path other : new Path[] {file, hard, symbolic}) {
                IOException e = assertThrows(IOException.class, () -> VirtualDisk.open(other, DiskOptions.writable()));
                assertTrue(e.getMessage().contains(other + ": the disk is in use"), e.getMessage());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"VHD", "VHDX"})
    void aParentIsNotWrittenWhileAChildIsOpenNorAChildOpenedWhileItsParentIsWritten(DiskFormat format) throws Exception {
        Path[] chain = {dir.resolve("base"), dir.resolve("middle"), dir.resolve("top")};
        Path sibling = dir.resolve("sibling");
        DiskImages.create(chain[0], DiskSpec.of(format, 8 << 20, TestDisk.NOW));
        for (int i = 1; i < 3; i++) {
            DiskImages.create(chain[i], new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, chain[i - 1], TestDisk.NOW));
        }
        DiskImages.create(sibling, new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, chain[1], TestDisk.NOW));
        try (VirtualDisk top = VirtualDisk.open(chain[2], DiskOptions.writable()); VirtualDisk other = VirtualDisk.open(sibling, DiskOptions.writable())) {
            assertEquals(top.byteSize(), other.byteSize(), "two children of one parent are no matter");
            for (int i = 0; i < 2; i++) {
                Path ancestor = chain[i];
                IOException e = assertThrows(IOException.class, () -> VirtualDisk.open(ancestor, DiskOptions.writable()));
                assertTrue(e.getMessage().contains(ancestor + ": the disk is in use"), e.getMessage());
                assertThrows(IOException.class, () -> DiskImages.resize(ancestor, format, 9 << 20, false));
                VirtualDisk.open(ancestor, DiskOptions.reading()).close();
            }
            assertThrows(IOException.class, () -> DiskImages.merge(chain[2]));
        }
        for (int i = 0; i < 2; i++) {
            try (VirtualDisk ancestor = VirtualDisk.open(chain[i], DiskOptions.writable())) {
                Path written = chain[i];
                for (DiskOptions o : new DiskOptions[] {DiskOptions.writable(), DiskOptions.reading()}) {
                    IOException e = assertThrows(IOException.class, () -> VirtualDisk.open(chain[2], o));
                    assertTrue(e.getMessage().contains(written + ": the disk is in use"), e.getMessage());
                }
                assertEquals(8 << 20, ancestor.byteSize());
            }
        }
        VirtualDisk.open(chain[2], DiskOptions.writable()).close();
    }

    @Test
    void anOrderedRequestKeepsItsPlace() throws Exception {
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(raw(1 << 20), DiskOptions.writable())) {
            MemorySegment memory = arena.allocate(1 << 20, 4096);
            DiskRequest[] requests = new DiskRequest[101];
            for (int i = 0; i < requests.length; i++) {
                requests[i] = new DiskRequest(memory, 1, r -> done.release());
            }
            // All write the same place; the ordered one and what follows it decide what is there.
            for (int i = 0; i < requests.length; i++) {
                memory.asSlice((long) i * 4096, 4096).fill((byte) (i < 50 ? 1 : i == 50 ? 2 : 3));
                requests[i].begin(Op.WRITE, i <= 50 ? 0 : 4096, 4096).ordered(i == 50).add((long) i * 4096, 4096);
            }
            for (DiskRequest r : requests) {
                disk.submit(r);
            }
            done.acquire(requests.length);
            DiskRequest read = new DiskRequest(memory, 1, x -> done.release());
            read.begin(Op.READ, 0, 8192).add(0, 8192);
            assertEquals(DiskStatus.OK, run(disk, read));
            assertEquals(2, memory.get(ValueLayout.JAVA_BYTE, 4095));
            assertEquals(3, memory.get(ValueLayout.JAVA_BYTE, 4096));
        }
    }
}
