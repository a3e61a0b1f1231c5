package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ImageFormatTest {
    private static final int MIB = 1 << 20;

    @TempDir
    Path dir;

    static Stream<DiskSpec> specs() {
        int size = 11 * MIB + 512 * 8;
        return Stream.of(
                new DiskSpec(DiskFormat.RAW, DiskType.FIXED, size, 0, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHD, DiskType.FIXED, size, 0, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHD, DiskType.DYNAMIC, size, 512 << 10, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHD, DiskType.DYNAMIC, size, 0, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHDX, DiskType.FIXED, size, MIB, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHDX, DiskType.DYNAMIC, size, MIB, 0, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHDX, DiskType.DYNAMIC, size, MIB, 4096, null, TestDisk.NOW),
                new DiskSpec(DiskFormat.VHDX, DiskType.DYNAMIC, size, 0, 512, null, TestDisk.NOW));
    }

    private static String name(DiskSpec s) {
        return (s.format() + "-" + s.type() + "-" + s.blockSize()).toLowerCase(java.util.Locale.ROOT);
    }

    @ParameterizedTest
    @MethodSource("specs")
    void randomWorkReadsBackAcrossOpenings(DiskSpec spec) throws IOException {
        Path file = dir.resolve(name(spec));
        DiskImages.create(file, spec);
        byte[] model = new byte[(int) spec.size()];
        for (int round = 0; round < 3; round++) {
            Random random = new Random(round + 1);
            try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
                assertEquals(spec.format(), image.format());
                assertEquals(spec.type(), image.type());
                TestDisk disk = new TestDisk(image, model);
                for (int i = 0; i < 40; i++) {
                    disk.randomWork(random, i % 8 == 0 ? 4096 : 300);
                }
                assertArrayEquals(model, TestDisk.readAll(image), "seed " + (round + 1));
            }
            try (DiskImage image = ImageOpener.open(file, DiskOptions.reading())) {
                assertArrayEquals(model, TestDisk.readAll(image), "seed " + (round + 1) + " opened again");
            }
            assertEquals(List.of(), DiskImages.check(file, spec.format(), false));
        }
    }

    @ParameterizedTest
    @MethodSource("specs")
    void resizeKeepsContent(DiskSpec spec) throws IOException {
        Path file = dir.resolve(name(spec));
        DiskImages.create(file, spec);
        byte[] model = new byte[(int) spec.size()];
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            TestDisk disk = new TestDisk(image, model);
            for (int i = 0; i < 30; i++) {
                disk.randomWork(new Random(i), 300);
            }
        }
        int less = 5 * MIB + 4096;
        assertThrows(IOException.class, () -> DiskImages.resize(file, null, less, false));
        DiskImages.resize(file, null, less, true);
        int more = 40 * MIB;
        DiskImages.resize(file, null, more, false);
        byte[] expected = java.util.Arrays.copyOf(java.util.Arrays.copyOf(model, less), more);
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            assertArrayEquals(expected, TestDisk.readAll(image));
            TestDisk disk = new TestDisk(image, expected);
            disk.write(more - 4096, new byte[4096]);
            disk.write(more - 8192, "the end".repeat(1000).substring(0, 4096).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            assertArrayEquals(expected, TestDisk.readAll(image));
        }
        assertEquals(List.of(), DiskImages.check(file, null, false));
    }

    @Test
    void aLargerTableMoves() throws IOException {
        Path file = dir.resolve("grow.vhdx");
        DiskImages.create(file, new DiskSpec(DiskFormat.VHDX, DiskType.DYNAMIC, 8L << 20, MIB, 0, null, TestDisk.NOW));
        byte[] data = "here".repeat(128).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            new TestDisk(image, new byte[8 << 20]).write(512, data);
        }
        DiskImages.resize(file, null, 1L << 40, false);
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            assertEquals(1L << 40, image.byteSize());
            assertArrayEquals(data, TestDisk.read(image, 512, 512));
            TestDisk.BUFFER.asSlice(0, 512).fill((byte) 9);
            image.write((1L << 40) - 512, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
        }
        try (DiskImage image = ImageOpener.open(file, DiskOptions.reading())) {
            assertEquals(9, TestDisk.read(image, (1L << 40) - 512, 512)[511]);
        }
    }

    static Stream<DiskFormat> chainFormats() {
        return Stream.of(DiskFormat.VHD, DiskFormat.VHDX);
    }

    @ParameterizedTest
    @MethodSource("chainFormats")
    void aChainReadsThroughAndCopiesOnWrite(DiskFormat format) throws IOException {
        int size = 9 * MIB;
        Path base = dir.resolve("base");
        DiskImages.create(base, new DiskSpec(format, DiskType.DYNAMIC, size, MIB, 0, null, TestDisk.NOW));
        byte[] model = new byte[size];
        byte[][] models = new byte[4][];
        Path[] files = {base, dir.resolve("child1"), dir.resolve("child2"), dir.resolve("child3")};
        for (int level = 0; level < 4; level++) {
            if (level > 0) {
                DiskImages.create(files[level], new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, files[level - 1], TestDisk.NOW));
            }
            Random random = new Random(level + 100);
            try (DiskImage image = ImageOpener.open(files[level], DiskOptions.writable())) {
                TestDisk disk = new TestDisk(image, model);
                assertArrayEquals(model, TestDisk.readAll(image), "level " + level + " begins as its parent");
                for (int i = 0; i < 30; i++) {
                    disk.randomWork(random, i % 5 == 0 ? 3000 : 20);
                }
                disk.zero(MIB, MIB);
                assertArrayEquals(model, TestDisk.readAll(image), "level " + level);
            }
            models[level] = model.clone();
        }
        assertEquals(3, DiskImages.info(files[3], null).parents().size());
        for (int level = 0; level < 4; level++) {
            try (DiskImage image = ImageOpener.open(files[level], DiskOptions.reading())) {
                assertArrayEquals(models[level], TestDisk.readAll(image), "level " + level + " at the end");
            }
        }
        Path flat = dir.resolve("flat");
        DiskImages.convert(files[3], null, flat, DiskSpec.of(DiskFormat.RAW, 0, TestDisk.NOW));
        assertArrayEquals(models[3], Files.readAllBytes(flat));

        assertEquals(files[2], DiskImages.merge(files[3]));
        try (DiskImage image = ImageOpener.open(files[2], DiskOptions.reading())) {
            assertArrayEquals(models[3], TestDisk.readAll(image), "merged");
        }
        IOException e = assertThrows(IOException.class, () -> ImageOpener.open(files[3], DiskOptions.reading()).close());
        assertTrue(e.getMessage().contains("parent"), e.getMessage());
        // A parent that is written by itself is no longer the child's.
        assertThrows(IOException.class, () -> {
            try (DiskImage image = ImageOpener.open(files[0], DiskOptions.writable())) {
                new TestDisk(image, new byte[size]).write(0, new byte[512]);
            }
            if (format == DiskFormat.VHD) {
                throw new IOException("VHD has no such check");
            }
            ImageOpener.open(files[1], DiskOptions.reading()).close();
        });
    }

    @Test
    void aCycleAndAMissingParentAreErrors() throws IOException {
        Path base = dir.resolve("b.vhdx");
        Path child = dir.resolve("c.vhdx");
        DiskImages.create(base, DiskSpec.of(DiskFormat.VHDX, 8 << 20, TestDisk.NOW));
        DiskImages.create(child, new DiskSpec(DiskFormat.VHDX, DiskType.DIFFERENCING, 0, 0, 0, base, TestDisk.NOW));
        Files.delete(base);
        assertTrue(assertThrows(DiskFormatException.class, () -> ImageOpener.open(child, DiskOptions.writable())).getMessage().contains("missing"));
        Files.copy(child, base);
        assertTrue(assertThrows(IOException.class, () -> ImageOpener.open(child, DiskOptions.writable())).getMessage().contains("itself"));
    }

    @Test
    void aFooterCopyThatAResizeHasLeftBehindIsMendedByTheNextWriter() throws IOException {
        Path file = dir.resolve("copy.vhd");
        DiskImages.create(file, DiskSpec.of(DiskFormat.VHD, 8 << 20, TestDisk.NOW));
        byte[] whole = Files.readAllBytes(file);
        DiskImages.resize(file, null, 9 << 20, false);
        byte[] cut = Files.readAllBytes(file);
        // Killed before the copy at the start was written.
        System.arraycopy(whole, 0, cut, 0, 512);
        Files.write(file, cut);
        assertEquals(1, DiskImages.check(file, null, false).size());
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            assertEquals(9 << 20, image.byteSize());
        }
        assertEquals(List.of(), DiskImages.check(file, null, false));
    }

    @Test
    void trimmedBlocksAreUsedAgain() throws IOException {
        Path file = dir.resolve("trim.vhdx");
        DiskImages.create(file, new DiskSpec(DiskFormat.VHDX, DiskType.DYNAMIC, 64 << 20, MIB, 0, null, TestDisk.NOW));
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            TestDisk disk = new TestDisk(image, new byte[64 << 20]);
            for (int i = 0; i < 64; i++) {
                disk.write((long) i * MIB, filled(512, i + 1));
                image.flush();
                disk.zero((long) i * MIB, MIB);
                image.flush();
            }
            assertArrayEquals(disk.model, TestDisk.readAll(image));
        }
        assertTrue(Files.size(file) <= 8L * MIB, "size " + Files.size(file));
    }

    private static byte[] filled(int n, int value) {
        byte[] b = new byte[n];
        java.util.Arrays.fill(b, (byte) value);
        return b;
    }
}
