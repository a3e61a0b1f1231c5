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
import java.util.ArrayList;
import java.util.List;
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

    private static List<String> run(Path kernel, String... disks) {
        List<String> words = new ArrayList<>(List.of("run", "--backend", Jvisor.hasKvm() ? "kvm" : "software", "--kernel", kernel.toString(),
                "--memory", "64M", "--timeout", "2m"));
        for (String disk : disks) {
            words.addAll(List.of("--disk", disk));
        }
        return words;
    }

    private static void refused(Path file, List<String> words) throws Exception {
        Jvisor.Result r = Jvisor.run(LIMIT, "", words.toArray(String[]::new));
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
        ProcessBuilder b = new ProcessBuilder(run(kernel, disk.toString()));
        b.command().addFirst(Jvisor.ROOT.resolve("jvisor").toString());
        b.environment().put("JVISOR_BUILD", "never");
        Process guest = b.redirectError(dir.resolve("err").toFile()).start();
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(guest.getInputStream(), StandardCharsets.US_ASCII));
            assertEquals("ready", lines.readLine().strip());
            refused(link, run(kernel, link.toString()));
            refused(disk, run(kernel, disk + ",bus=ide,readonly"));
            refused(disk, List.of("image", "resize", disk.toString(), "16M"));
            assertTrue(lines.readLine().startsWith("s "), "the guest goes on");
        } finally {
            guest.toHandle().destroyForcibly();
            guest.waitFor();
        }
        Jvisor.Result after = Jvisor.run(LIMIT, "", "image", "resize", disk.toString(), "16M");
        assertEquals(0, after.exit(), after::toString);
        // One guest cannot have it twice either.
        refused(disk, run(kernel, disk.toString(), disk + ",bus=ide"));
    }
}
