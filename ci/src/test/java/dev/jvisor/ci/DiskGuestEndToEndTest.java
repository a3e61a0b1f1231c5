package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.disk.DiskGuest;
import dev.jvisor.guest.disk.DiskPath;
import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guest with a disk driver of its own: what it writes is on the disk, what it reads is what was written, on both backends the same. */
@Tag("e2e")
class DiskGuestEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(180);
    private static final int WRITE_BLOCK = 65536;
    private static final int READ_BLOCK = 16384;
    private static final long SEED = 0x5EED;

    @TempDir
    Path dir;

    private Jvisor.Result run(String backend, String disk, DiskPath path, DiskWorkload w) throws Exception {
        GuestProgram g = DiskGuest.program(path, w);
        Path file = dir.resolve(g.name());
        g.write(file);
        Jvisor.Result r = Jvisor.run(LIMIT, "", "run", "--backend", backend, "--kernel", file.toString(), "--timeout", "120s", "--debug-exit",
                "--memory", DiskGuest.memoryBytes(w) / 1024 + "K",
                "--disk", dir.resolve(disk) + (path == DiskPath.SYNTHETIC ? "" : ",bus=ide"));
        assertEquals(1, r.exit(), r::toString);
        return r;
    }

    /** Each block of the area once, in whatever order, and a flush after every nine. */
    private static DiskWorkload onceThrough(Operation operation, DiskPath path, int blockBytes, int area) {
        int blocks = area / blockBytes;
        return DiskWorkload.of(operation, false, blockBytes, path == DiskPath.SYNTHETIC ? 32 : 1, area).withFlushEvery(10)
                .verified(blocks + (blocks - 1) / 9, SEED);
    }

    @ParameterizedTest
    @CsvSource({"SYNTHETIC, software", "SYNTHETIC, kvm", "IDE_DMA, software", "IDE_DMA, kvm", "IDE_PIO, software", "IDE_PIO, kvm"})
    void writesAndReadsWhatItWrote(DiskPath path, String backend) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        Path image = dir.resolve("disk.vhdx");
        Jvisor.Result made = Jvisor.run(LIMIT, "", "image", "create", "--format", "vhdx", "--size", "8M", image.toString());
        assertEquals(0, made.exit(), made::toString);
        // Each word through the data port is an intercept.
        int area = path == DiskPath.IDE_PIO ? 256 << 10 : 2 << 20;
        DiskWorkload write = onceThrough(Operation.WRITE, path, WRITE_BLOCK, area);
        Jvisor.Result wrote = run(backend, "disk.vhdx", path, write);
        assertTrue(wrote.out().contains(": " + area / WRITE_BLOCK + " transfers, "), wrote::toString);

        long sum = 0;
        for (long word = 0; word < area / 8; word++) {
            sum += write.content(word);
        }
        Jvisor.Result got = run(backend, "disk.vhdx", path, onceThrough(Operation.READ, path, READ_BLOCK, area));
        assertTrue(got.out().contains("sum 0x" + String.format("%016x", sum) + ", wrong words 0"), got::toString);

        Path raw = dir.resolve("disk.img");
        Jvisor.Result converted = Jvisor.run(LIMIT, "", "image", "convert", "--format", "raw", image.toString(), raw.toString());
        assertEquals(0, converted.exit(), converted::toString);
        ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(raw)).order(ByteOrder.LITTLE_ENDIAN);
        for (int word = 0; word < area / 8; word++) {
            assertEquals(write.content(word), b.getLong(8 * word), "word " + word);
        }
    }
}
