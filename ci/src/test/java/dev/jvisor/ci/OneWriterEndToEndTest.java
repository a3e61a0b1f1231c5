package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.guest.disk.CrashGuest;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** "Can two write to one disk?" While a guest has it, whoever else wants it gets one line and exit code 2. */
@Tag("e2e")
class OneWriterEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int MIB = 1 << 20;

    @TempDir
    Path dir;

    private static void refused(Path file, String... args) throws Exception {
        Jvisor.Result r = Jvisor.run(LIMIT, "", args);
        assertEquals(2, r.exit(), r::toString);
        assertEquals(1, r.errors().size(), r::toString);
        assertTrue(r.err().contains(file + ": the disk is in use by another"), r::toString);
        assertEquals("", r.out());
    }

    @Test
    void aDiskIsItsGuestsAloneUntilThatIsKilled() throws Exception {
        Path disk = dir.resolve("disk.vhdx");
        DiskImages.create(disk, DiskSpec.of(DiskFormat.VHDX, 8 * MIB, Instant.EPOCH));
        Path link = Files.createSymbolicLink(dir.resolve("link.vhdx"), disk);
        Path kernel = dir.resolve("guest.elf");
        CrashGuest.program(8 * MIB / 512, 512, 1, 0).write(kernel);
        String backend = Jvisor.hasKvm() ? "kvm" : "software";
        String[] run = {"run", "--backend", backend, "--kernel", kernel.toString(), "--memory", "64M", "--timeout", "2m", "--disk"};
        ProcessBuilder b = new ProcessBuilder(Jvisor.ROOT.resolve("jvisor").toString(), run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7],
                run[8], run[9], disk.toString());
        b.environment().put("JVISOR_BUILD", "never");
        Process guest = b.redirectError(dir.resolve("err").toFile()).start();
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(guest.getInputStream(), StandardCharsets.US_ASCII));
            assertEquals("ready", lines.readLine().strip());
            refused(link, run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7], run[8], run[9], link.toString());
            refused(disk, run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7], run[8], run[9], disk + ",bus=ide,readonly");
            refused(disk, "image", "resize", disk.toString(), "16M");
            assertTrue(lines.readLine().startsWith("s "), "the guest goes on");
        } finally {
            guest.toHandle().destroyForcibly();
            guest.waitFor();
        }
        Jvisor.Result after = Jvisor.run(LIMIT, "", "image", "resize", disk.toString(), "16M");
        assertEquals(0, after.exit(), after::toString);
        // One guest cannot have it twice either.
        refused(disk, run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7], run[8], run[9], disk.toString(), "--disk", disk + ",bus=ide");
    }
}
