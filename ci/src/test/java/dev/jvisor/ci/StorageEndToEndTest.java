package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution's own hv_storvsc on our disks: what a guest writes into an ext4 file system, e2fsprogs find on the host. */
@Tag("e2e")
@Tag("slow")
class StorageEndToEndTest {
    private static final Duration LIMIT = Duration.ofMinutes(10);
    private static final int SEED_BYTES = 3_000_000;
    private static final long DISK_BYTES = 64 << 20;

    @TempDir
    Path dir;

    @BeforeEach
    void guest() {
        assumeTrue(Jvisor.has("mkfs.ext4") && Jvisor.has("debugfs") && Jvisor.has("e2fsck"), "no e2fsprogs to make and look into file systems");
        try {
            DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
    }

    private static String tool(String... command) throws Exception {
        Path out = Files.createTempFile("tool", ".out");
        Process p = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertTrue(p.waitFor(2, TimeUnit.MINUTES), () -> String.join(" ", command) + " does not end");
        String said = Files.readString(out, StandardCharsets.ISO_8859_1);
        Files.delete(out);
        assertEquals(0, p.exitValue(), () -> String.join(" ", command) + "\n" + said);
        return said;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** An ext4 file system with a file in it. {@return the file's checksum} */
    private String makeFileSystem(Path image) throws Exception {
        Path root = Files.createDirectory(dir.resolve("root"));
        byte[] seed = new byte[SEED_BYTES];
        new Random(3).nextBytes(seed);
        Files.write(root.resolve("seed"), seed);
        try (RandomAccessFile f = new RandomAccessFile(image.toFile(), "rw")) {
            f.setLength(DISK_BYTES);
        }
        tool("mkfs.ext4", "-q", "-F", "-d", root.toString(), image.toString());
        return sha256(seed);
    }

    /** Has the guest read the file, write others, and unmount. {@return what it said} */
    private String useFileSystem(String disk, String seedSum) throws Exception {
        String script = """
                for i in 1 2 3 4 5 6 7 8 9 10 11 12; do [ -b /dev/sda ] || sleep 1; done
                dmesg | grep -i -e 'Vmbus version' -e storvsc -e 'sd 0' -e sda
                mkdir /mnt; mount -t ext4 /dev/sda /mnt && echo "mounted $(echo yes)"
                sha256sum /mnt/seed
                dd if=/dev/urandom of=/mnt/random bs=65536 count=96 2>/dev/null; sha256sum /mnt/random
                cp /mnt/seed /mnt/copy; mkdir -p /mnt/a/b; echo written by the guest > /mnt/a/b/text; rm /mnt/seed
                sync; umount /mnt && mount -t ext4 /dev/sda /mnt && sha256sum /mnt/copy && umount /mnt && echo "unmounted $(echo yes)"
                poweroff -f
                """;
        Jvisor.Result r = Jvisor.run(LIMIT, script, "run", "--backend", "software", "--disk", disk, "--timeout", "9m");
        assertEquals(0, r.exit(), r::toString);
        String console = r.out();
        LinuxEndToEndTest.noTrouble(console);
        assertTrue(console.contains("Vmbus version:5.3"), r::toString);
        assertTrue(console.contains("mounted yes"), r::toString);
        assertTrue(console.contains(seedSum + "  /mnt/seed"), r::toString);
        assertTrue(console.contains(seedSum + "  /mnt/copy"), r::toString);
        assertTrue(console.contains("unmounted yes"), r::toString);
        return console;
    }

    /** Looks into the image: the file system is sound, and the files are what the guest says they are. */
    private void checkFileSystem(Path image, String console, String seedSum) throws Exception {
        tool("e2fsck", "-f", "-n", image.toString());
        for (String file : List.of("random", "copy", "a/b/text")) {
            Path out = dir.resolve("out");
            tool("debugfs", "-R", "dump /" + file + " " + out, image.toString());
            byte[] bytes = Files.readAllBytes(out);
            switch (file) {
                case "random" -> {
                    Matcher m = Pattern.compile("([0-9a-f]{64})  /mnt/random").matcher(console);
                    assertTrue(m.find(), console);
                    assertEquals(m.group(1), sha256(bytes));
                    assertEquals(96 * 65536, bytes.length);
                }
                case "copy" -> assertEquals(seedSum, sha256(bytes));
                default -> assertArrayEquals("written by the guest\n".getBytes(StandardCharsets.US_ASCII), bytes);
            }
        }
        assertFalse(tool("debugfs", "-R", "ls -p /", image.toString()).contains("/seed/"), "removed by the guest");
    }

    @Test
    void ext4OnARawDiskSurvivesTheTripThroughTheGuest() throws Exception {
        Path image = dir.resolve("disk.img");
        String sum = makeFileSystem(image);
        String console = useFileSystem(image.toString(), sum);
        checkFileSystem(image, console, sum);
    }

    @Test
    void ext4OnADynamicVhdxSurvivesTheTripThroughTheGuest() throws Exception {
        assumeTrue(Jvisor.has("qemu-img"), "no qemu-img to make and to check a VHDX");
        Path raw = dir.resolve("disk.img");
        Path vhdx = dir.resolve("disk.vhdx");
        String sum = makeFileSystem(raw);
        tool("qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", "subformat=dynamic", raw.toString(), vhdx.toString());
        String console = useFileSystem(vhdx + ",format=vhdx", sum);
        tool("qemu-img", "check", "-f", "vhdx", vhdx.toString());
        tool("qemu-img", "convert", "-f", "vhdx", "-O", "raw", vhdx.toString(), raw.toString());
        checkFileSystem(raw, console, sum);
    }
}
