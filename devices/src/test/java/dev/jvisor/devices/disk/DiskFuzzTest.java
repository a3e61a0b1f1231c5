package dev.jvisor.devices.disk;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.nativebindings.ErrnoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** "Can an image file make us fall over?" Images with bytes changed, checksums mended half of the time, are opened and used. */
class DiskFuzzTest {
    private static final int MIB = 1 << 20;
    private static final int SIZE = 6 * MIB;
    private static final long[] VALUES = {0, 1, 2, 7, -1, 511, 512, 4096, MIB, 3L * MIB | 6, 3L * MIB | 7, 2L * MIB | 6, Long.MAX_VALUE, Long.MIN_VALUE,
        0xffffffffL, 0x7fffffffL, 1L << 40 | 6, 1L << 62, 64L << 40, 0xffffffff00000000L};

    private record Sample(DiskFormat format, byte[] bytes, DiskImage parent, List<int[]> metadata) { }

    private static Sample sample(DiskFormat format, DiskType type, DiskImage parent, boolean closed) throws IOException {
        PowerLossFile file = new PowerLossFile();
        DiskSpec spec = new DiskSpec(format, type, SIZE, MIB, 0, null, TestDisk.NOW);
        if (format == DiskFormat.VHD) {
            VhdCreator.create(file, spec, parent, "p", "/p");
        } else {
            VhdxCreator.create(file, spec, parent, "p", "/p");
        }
        DiskImage image = parent == null ? ImageOpener.open(file, format, false) : ImageOpener.open(file, format, parent);
        TestDisk.BUFFER.asSlice(0, 8192).fill((byte) 77);
        image.write(5000 / 512 * 512, 8192, new IoCursor().attach(TestDisk.BUFFER, 0, 8192));
        image.write(3L * MIB, 512, new IoCursor().attach(TestDisk.BUFFER, 0, 512));
        image.flush();
        if (closed) {
            image.close();
        }
        byte[] bytes = new byte[(int) file.size()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(bytes.length);
            file.read(m, 0);
            MemorySegment.copy(m, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
        }
        // Where mutations tell: start and used length of each structure.
        List<int[]> at = format == DiskFormat.VHDX
                ? List.of(new int[] {0, 64}, new int[] {64 << 10, 80}, new int[] {128 << 10, 80}, new int[] {192 << 10, 80}, new int[] {256 << 10, 80},
                        new int[] {MIB, 200}, new int[] {MIB + 4096, 4096}, new int[] {MIB + 8192, 64}, new int[] {2 * MIB, 224},
                        new int[] {2 * MIB + 65536, 400}, new int[] {3 * MIB, 64}, new int[] {3 * MIB + 8192 * 8, 16})
                : List.of(new int[] {0, 86}, new int[] {512, 64}, new int[] {512 + 576, 60}, new int[] {1536, 64}, new int[] {bytes.length - 512, 86},
                        new int[] {2048, 1024});
        return new Sample(format, bytes, parent, at);
    }

    private static void mend(Sample sample, byte[] b) {
        MemorySegment m = MemorySegment.ofArray(b);
        if (sample.format == DiskFormat.VHDX) {
            crc(b, 64 << 10, 4096);
            crc(b, 128 << 10, 4096);
            crc(b, 192 << 10, 65536);
            crc(b, 256 << 10, 65536);
            for (int at = MIB; at < 2 * MIB; at += 4096) {
                int length = LittleEndian.u32(m, at + 8);
                if (LittleEndian.u32(m, at) == VhdxLayout.LOG_SIGNATURE && length >= 4096 && length <= 2 * MIB - at) {
                    crc(b, at, length);
                }
            }
        } else {
            for (int at : new int[] {0, b.length - 512}) {
                MemorySegment f = m.asSlice(at, 512);
                if (VhdLayout.u64(f, 0) == VhdLayout.COOKIE) {
                    VhdLayout.sealFooter(f);
                }
            }
            MemorySegment h = m.asSlice(512, 1024);
            if (VhdLayout.u64(h, 0) == VhdLayout.HEADER_COOKIE) {
                VhdLayout.u32(h, VhdLayout.HEADER_CHECKSUM, VhdLayout.checksum(h, VhdLayout.HEADER_CHECKSUM));
            }
        }
    }

    private static void crc(byte[] b, int at, int length) {
        for (int i = 4; i < 8; i++) {
            b[at + i] = 0;
        }
        CRC32C crc = new CRC32C();
        crc.update(b, at, length);
        LittleEndian.u32(MemorySegment.ofArray(b), at + 4, (int) crc.getValue());
    }

    private static byte[] mutate(Sample sample, Random random) {
        byte[] b = sample.bytes.clone();
        MemorySegment m = MemorySegment.ofArray(b);
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            int[] where = sample.metadata.get(random.nextInt(sample.metadata.size()));
            int at = Math.clamp(where[0] + random.nextInt(where[1]), 0, b.length - 8);
            long value = VALUES[random.nextInt(VALUES.length)] + random.nextInt(3) - 1;
            switch (random.nextInt(5)) {
                case 0 -> b[at] = (byte) random.nextInt();
                case 1 -> LittleEndian.u32(m, at & -4, (int) value);
                case 2 -> LittleEndian.u64(m, at & -8, value);
                case 3 -> VhdLayout.u64(m, at & -8, value);
                default -> b[at] ^= (byte) (1 << random.nextInt(8));
            }
        }
        if (random.nextInt(8) == 0) {
            b = java.util.Arrays.copyOf(b, random.nextInt(b.length));
        } else if (random.nextInt(4) > 0) {
            mend(sample, b);
        }
        return b;
    }

    @Test
    void aChangedImageGivesAFormatErrorOrADisk() throws IOException {
        List<Sample> samples = new ArrayList<>();
        for (DiskFormat format : List.of(DiskFormat.VHD, DiskFormat.VHDX)) {
            PowerLossFile p = new PowerLossFile();
            DiskSpec spec = new DiskSpec(format, DiskType.DYNAMIC, SIZE, MIB, 0, null, TestDisk.NOW);
            if (format == DiskFormat.VHD) {
                VhdCreator.create(p, spec, null, null, null);
            } else {
                VhdxCreator.create(p, spec, null, null, null);
            }
            DiskImage parent = ImageOpener.open(p, format, false);
            samples.add(sample(format, DiskType.FIXED, null, true));
            samples.add(sample(format, DiskType.DYNAMIC, null, true));
            samples.add(sample(format, DiskType.DYNAMIC, null, false));
            samples.add(sample(format, DiskType.DIFFERENCING, parent, false));
        }
        int[] opened = new int[2];
        long seed = 20240607;
        Random random = new Random(seed);
        for (int i = 0; i < 1500; i++) {
            Sample sample = samples.get(i % samples.size());
            byte[] bytes = mutate(sample, random);
            String what = "seed " + seed + " round " + i;
            assertTimeoutPreemptively(Duration.ofSeconds(60), () -> use(sample, bytes, opened, what), what);
        }
        assertTrue(opened[0] > 100 && opened[1] > 100, "opened " + opened[0] + ", refused " + opened[1]);
    }

    private static void use(Sample sample, byte[] bytes, int[] opened, String what) {
        PowerLossFile file = new PowerLossFile(bytes);
        try {
            DiskImage image = sample.parent == null ? ImageOpener.open(file, sample.format, false)
                    : ImageOpener.open(file, sample.format, sample.parent);
            opened[0]++;
            int sector = image.logicalSectorSize();
            IoCursor cursor = new IoCursor();
            try {
                for (long at : new long[] {0, 4096, 3L * MIB, image.byteSize() - 8192 & -sector}) {
                    long n = Math.clamp(image.byteSize() - at, 0, 8192) & -sector;
                    if (at >= 0 && n > 0) {
                        image.read(at, n, cursor.attach(TestDisk.BUFFER, 0, n));
                        image.write(at, n, cursor.attach(TestDisk.BUFFER, 0, n));
                        image.own(at, n);
                        image.zero(at, n, true);
                    }
                }
                image.zero(0, Math.min(2L * MIB, image.byteSize()) & -sector, true);
                image.flush();
            } finally {
                image.close();
            }
        } catch (DiskFormatException e) {
            opened[1]++;
        } catch (ErrnoException e) {
            // The file in memory is full: the image put its blocks far out, which a host file could hold.
            assertTrue(e.errno() == 28, what);
        } catch (IOException | RuntimeException e) {
            throw new AssertionError(what, e);
        }
    }
}
