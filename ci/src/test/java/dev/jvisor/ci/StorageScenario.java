package dev.jvisor.ci;

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
import java.time.Duration;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * ext4 on all kinds of images at once, through the distribution's own hv_storvsc: the host puts a file into the file system, guests copy it
 * and write more, and the host finds everything in its place, by our own tools and by qemu-img.
 */
final class StorageScenario {
    private static final String[] DISKS = {"raw", "qemu", "dynamic", "child"};
    private static final int SMALL = 3_000_000;
    private static final int RANDOM_BLOCKS = 96;

    private final Path dir;
    private final int megabytes;
    private final Duration limit;
    private byte[] small;
    private byte[] large;

    /**
     * Prepares it.
     *
     * @param dir an empty directory
     * @param megabytes size of the file that is copied where copying matters
     * @param limit how long one guest may take
     */
    StorageScenario(Path dir, int megabytes, Duration limit) {
        this.dir = dir;
        this.megabytes = megabytes;
        this.limit = limit;
    }

    /** Skips the test where something is missing. */
    static void assumePossible() {
        assumeTrue(Jvisor.has("mkfs.ext4") && Jvisor.has("debugfs") && Jvisor.has("e2fsck"), "no e2fsprogs to make and look into file systems");
        assumeTrue(Jvisor.has("qemu-img"), "no qemu-img to make and to check a VHDX");
        try {
            DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
    }

    private Path image(String name) {
        return dir.resolve(name + (name.equals("raw") ? ".img" : ".vhdx"));
    }

    /** Makes the images: raw, a VHDX of qemu-img's, a dynamic one and a base of ours, and a child of that. */
    void makeImages() throws Exception {
        Path root = Files.createDirectory(dir.resolve("root"));
        small = new byte[SMALL];
        large = new byte[megabytes << 20];
        new Random(3).nextBytes(small);
        new Random(4).nextBytes(large);
        Files.write(root.resolve("small"), small);
        Files.write(root.resolve("large"), large);
        Files.writeString(root.resolve("removed"), "to be removed by the guest");
        Path raw = image("raw");
        try (RandomAccessFile f = new RandomAccessFile(raw.toFile(), "rw")) {
            // Room for a second large file, the third guest's, and the small ones.
            f.setLength(3L * large.length + (64L << 20) & -(1L << 20));
        }
        HostTool.run("mkfs.ext4", "-q", "-F", "-d", root.toString(), raw.toString());
        HostTool.run("qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", "subformat=dynamic", raw.toString(), image("qemu").toString());
        HostTool.image("create", "--format=vhdx", "--size=" + Files.size(raw), image("empty"));
        for (String name : new String[] {"dynamic", "base"}) {
            HostTool.image("convert", "--format=vhdx", raw, image(name));
        }
        HostTool.image("create", "--format=vhdx", "--type=diff", "--parent=" + image("base"), image("child"));
    }

    /** One guest writes to all of them but the base. */
    void guestWritesToEachKind() throws Exception {
        StringBuilder script = new StringBuilder(PRELUDE);
        for (int lun = 0; lun < DISKS.length; lun++) {
            boolean big = DISKS[lun].equals("dynamic");
            script.append("use ").append(lun).append(' ').append(DISKS[lun]).append(' ').append(big ? "large" : "small").append('\n');
        }
        // A disk never written is there as well, and zero.
        script.append("dd if=/dev/$(disk 4) bs=65536 count=16 2>/dev/null | md5sum\npoweroff -f\n");
        String console = run(script.toString(), image("raw"), image("qemu"), image("dynamic"), image("child"), image("empty"));
        for (String name : DISKS) {
            byte[] copied = name.equals("dynamic") ? large : small;
            said(console, HostTool.md5(small) + "  /mnt/small");
            said(console, "sums of " + name + " " + HostTool.md5(copied) + " " + HostTool.md5(copied));
            said(console, "unmounted " + name);
        }
        said(console, HostTool.md5(new byte[16 << 16]) + "  -");
        for (String name : DISKS) {
            check(name, console, name.equals("dynamic") ? large : small);
        }
    }

    /** Another guest copies the large file on a child of the child: all three layers hold something of what it reads. */
    void guestWritesToTheThirdOfAChain() throws Exception {
        HostTool.image("create", "--format=vhdx", "--type=diff", "--parent=" + image("child"), image("grandchild"));
        String console = run(PRELUDE + """
                mount -t ext4 /dev/$(disk 0) /mnt && md5sum /mnt/copy /mnt/random && cat /mnt/a/b/text; umount /mnt
                use 0 grandchild large
                poweroff -f
                """, image("grandchild"));
        said(console, HostTool.md5(small) + "  /mnt/copy");
        said(console, "written by child");
        said(console, "sums of grandchild " + HostTool.md5(large) + " " + HostTool.md5(large));
        said(console, "unmounted grandchild");
        check("grandchild", console, large);
        // Merged from the top down the chain becomes an image that QEMU can read too; it must hold what the grandchild held.
        HostTool.image("convert", "--format=raw", image("grandchild"), dir.resolve("whole.img"));
        HostTool.image("merge", image("grandchild"));
        HostTool.image("merge", image("child"));
        sameForQemu(image("base"), dir.resolve("whole.img"));
    }

    private static final String PRELUDE = """
            dmesg | grep -e 'Vmbus version' -e storvsc -e 'sd 0'
            mkdir -p /mnt
            disk() { for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ls /sys/bus/scsi/devices/0:0:0:$1/block 2>/dev/null && break; sleep 1; done; }
            sum() { md5sum "$1" | cut -d ' ' -f 1; }
            use() {
                d=/dev/$(disk $1)
                mount -t ext4 $d /mnt; md5sum /mnt/small
                dd if=/dev/urandom of=/mnt/random bs=65536 count=96 2>/dev/null; echo "random of $2 $(sum /mnt/random)"
                cp /mnt/$3 /mnt/copy; mkdir -p /mnt/a/b; echo "written by $2" > /mnt/a/b/text; rm -f /mnt/removed
                first=$(sum /mnt/copy); sync; umount /mnt; mount -t ext4 $d /mnt
                echo "sums of $2 $first $(sum /mnt/copy)"
                umount /mnt && echo "unmounted $2"
            }
            """;

    private String run(String script, Path... disks) throws Exception {
        String[] words = new String[5 + 2 * disks.length];
        words[0] = "run";
        words[1] = "--backend";
        words[2] = "software";
        words[3] = "--timeout";
        words[4] = limit.toSeconds() + "s";
        for (int i = 0; i < disks.length; i++) {
            words[5 + 2 * i] = "--disk";
            words[6 + 2 * i] = disks[i] + (disks[i].toString().endsWith(".img") ? ",format=raw" : "");
        }
        Jvisor.Result r = Jvisor.run(limit.plusMinutes(1), script, words);
        assertEquals(0, r.exit(), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
        said(r.out(), "Vmbus version:5.3");
        return r.out();
    }

    private static void said(String console, String text) {
        assertTrue(console.contains(text), () -> "not there: " + text + "\n" + console);
    }

    /** Looks into an image: format and file system are sound, and the files are what the guest says they are. */
    private void check(String name, String console, byte[] copied) throws Exception {
        Path image = image(name);
        Path raw = image;
        HostTool.image("check", image);
        if (!name.equals("raw")) {
            raw = dir.resolve("converted.img");
            Files.deleteIfExists(raw);
            HostTool.image("convert", "--format=raw", image, raw);
            if (!name.contains("child")) {
                sameForQemu(image, raw);
            }
        }
        HostTool.run("e2fsck", "-f", "-n", raw.toString());
        Matcher m = Pattern.compile("random of " + name + " ([0-9a-f]{32})").matcher(console);
        assertTrue(m.find(), console);
        byte[] random = file(raw, "random");
        assertEquals(RANDOM_BLOCKS * 65536, random.length);
        assertEquals(m.group(1), HostTool.md5(random));
        assertEquals(HostTool.md5(copied), HostTool.md5(file(raw, "copy")));
        assertEquals("written by " + name + "\n", new String(file(raw, "a/b/text"), StandardCharsets.US_ASCII));
        assertFalse(HostTool.run("debugfs", "-R", "ls -p /", raw.toString()).contains("/removed/"), "removed by the guest");
    }

    private byte[] file(Path raw, String name) throws Exception {
        Path out = dir.resolve("out");
        HostTool.run("debugfs", "-R", "dump /" + name + " " + out, raw.toString());
        return Files.readAllBytes(out);
    }

    private static void sameForQemu(Path vhdx, Path raw) throws Exception {
        HostTool.run("qemu-img", "check", "-f", "vhdx", vhdx.toString());
        HostTool.run("qemu-img", "compare", "-f", "vhdx", "-F", "raw", vhdx.toString(), raw.toString());
    }
}
