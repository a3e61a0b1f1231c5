package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** "Do others read what we write, and we what they write?" Both directions with qemu-img. */
class QemuImgTest {
    private static final int SIZE = 12 << 20;

    @TempDir
    Path dir;

    @BeforeEach
    void qemuImgIsInstalled() {
        boolean there = Stream.of(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, "qemu-img")));
        assumeTrue(there, "qemu-img is not installed");
    }

    private static void qemu(String... args) throws IOException, InterruptedException {
        List<String> command = Stream.concat(Stream.of("qemu-img"), Stream.of(args)).toList();
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), command + ": " + out);
    }

    private static String theirName(DiskFormat f) {
        return f == DiskFormat.VHD ? "vpc" : f.name().toLowerCase(java.util.Locale.ROOT);
    }

    private byte[] work(Path file, byte[] model, int seed) throws IOException {
        try (DiskImage image = ImageOpener.open(file, DiskOptions.writable())) {
            TestDisk disk = new TestDisk(image, model);
            Random random = new Random(seed);
            for (int i = 0; i < 60; i++) {
                disk.randomWork(random, 300);
            }
        }
        return model;
    }

    private void theyRead(Path file, DiskFormat format, byte[] model) throws IOException, InterruptedException {
        Path raw = dir.resolve("model-" + file.getFileName());
        Files.write(raw, model);
        qemu("compare", "-f", "raw", "-F", theirName(format), raw.toString(), file.toString());
        if (format == DiskFormat.VHDX) {
            qemu("check", "-f", "vhdx", file.toString());
        }
        Path back = dir.resolve("back-" + file.getFileName());
        qemu("convert", "-f", theirName(format), "-O", "raw", file.toString(), back.toString());
        assertArrayEquals(model, Files.readAllBytes(back));
    }

    @ParameterizedTest
    @CsvSource({"RAW,FIXED,0,512", "VHD,FIXED,0,512", "VHD,DYNAMIC,0,512", "VHD,DYNAMIC,524288,512", "VHDX,FIXED,1048576,512", "VHDX,DYNAMIC,1048576,512",
        "VHDX,DYNAMIC,0,512", "VHDX,DYNAMIC,2097152,512"})
    void theyReadOurs(DiskFormat format, DiskType type, int block, int sector) throws Exception {
        Path file = dir.resolve("ours");
        DiskImages.create(file, new DiskSpec(format, type, SIZE, block, sector, null, TestDisk.NOW));
        byte[] model = work(file, new byte[SIZE], 5);
        theyRead(file, format, model);
        DiskImages.resize(file, format, 2L * SIZE, false);
        theyRead(file, format, work(file, java.util.Arrays.copyOf(model, 2 * SIZE), 6));
    }

    @ParameterizedTest
    @CsvSource({"RAW,", "VHD,subformat=fixed;force_size=on", "VHD,subformat=dynamic;force_size=on", "VHDX,subformat=fixed", "VHDX,subformat=dynamic",
        "VHDX,subformat=dynamic;block_size=1048576", "VHDX,subformat=dynamic;log_size=2097152"})
    void weReadAndWriteTheirs(DiskFormat format, String options) throws Exception {
        Path raw = dir.resolve("source.raw");
        byte[] model = new byte[SIZE];
        new Random(9).nextBytes(model);
        java.util.Arrays.fill(model, 3 << 20, 9 << 20, (byte) 0);
        Files.write(raw, model);
        Path file = dir.resolve("theirs");
        if (options == null) {
            qemu("convert", "-f", "raw", "-O", theirName(format), raw.toString(), file.toString());
        } else {
            qemu("convert", "-f", "raw", "-O", theirName(format), "-o", options.replace(';', ','), raw.toString(), file.toString());
        }
        assertEquals(List.of(), DiskImages.check(file, format, false));
        try (DiskImage image = ImageOpener.open(file, DiskOptions.reading().format(format))) {
            assertArrayEquals(model, TestDisk.readAll(image));
        }
        theyRead(file, format, work(file, model, 10));
    }

    @ParameterizedTest
    @CsvSource({"VHD", "VHDX"})
    void geometryAndSizeAgree(DiskFormat format) throws Exception {
        for (String size : List.of("1M", "100M", "3G", "127G", "500G")) {
            Path file = dir.resolve("size-" + size);
            qemu("create", "-f", theirName(format), file.toString(), size);
            long ours = DiskImages.info(file, format).byteSize();
            Path raw = dir.resolve("raw-" + size);
            Process p = new ProcessBuilder("qemu-img", "info", "--output=json", "-f", theirName(format), file.toString()).start();
            String json = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            p.waitFor();
            assertEquals(true, json.contains("\"virtual-size\": " + ours), raw + " " + ours + json);
        }
    }

    @ParameterizedTest
    @CsvSource({"VHD", "VHDX"})
    void aChainOfThreeConvertsToWhatTheyCompare(DiskFormat format) throws Exception {
        byte[] model = new byte[SIZE];
        Path last = null;
        for (int level = 0; level < 3; level++) {
            Path file = dir.resolve("level" + level);
            DiskImages.create(file, last == null ? new DiskSpec(format, DiskType.DYNAMIC, SIZE, 0, 0, null, TestDisk.NOW)
                    : new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, last, TestDisk.NOW));
            work(file, model, 20 + level);
            last = file;
        }
        Path flat = dir.resolve("flat");
        DiskImages.convert(last, null, flat, DiskSpec.of(format, 0, TestDisk.NOW));
        theyRead(flat, format, model);
    }
}
