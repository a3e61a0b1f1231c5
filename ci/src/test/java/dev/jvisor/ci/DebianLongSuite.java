package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian with systemd from a disk of {@code ci/make-debian-disk}'s: it boots to a login, works, and powers off, and its file system is sound
 * afterwards. Run by {@code ci/long-debian}, which makes the disk and names it in the property {@code jvisor.debian}. Each test changes a
 * differencing child of the disk.
 */
@Tag("e2e")
@Tag("long")
class DebianLongSuite {
    private static final Duration BOOT = Duration.ofMinutes(30);
    private static final Duration ANSWER = Duration.ofMinutes(10);
    private static final String LABEL = "root=LABEL=jvisor-root console=ttyS0";

    private static Path disk;
    private static Path kernel;
    private static Path initrd;

    @TempDir
    Path dir;

    /** How long it was, on the wall and in processor time, to the login. */
    private record Login(Duration wall, Duration cpu) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.1f s, %.1f s of processor time", wall.toMillis() / 1e3, cpu.toMillis() / 1e3);
        }
    }

    @BeforeAll
    static void findDisk() {
        String name = System.getProperty("jvisor.debian");
        assumeTrue(name != null, "no disk with Debian on it; ci/long-debian makes one");
        disk = Path.of(name);
        String base = name.substring(0, name.lastIndexOf('.'));
        kernel = Path.of(base + ".vmlinuz");
        initrd = Path.of(base + ".initrd");
    }

    /** Boots to the login and logs in. */
    private static Login login(Conversation guest) throws Exception {
        guest.expect("jvisor-debian login:", BOOT);
        Login at = new Login(guest.elapsed(), guest.cpu());
        guest.type("root");
        guest.expect("Password:", ANSWER);
        guest.type("jvisor");
        guest.expect("root@jvisor-debian", ANSWER);
        // No bracketed paste, no colours, no pager.
        guest.ask("export TERM=dumb SYSTEMD_PAGER= SYSTEMD_COLORS=0; bind 'set enable-bracketed-paste off' 2>/dev/null; stty cols 200", ANSWER);
        return at;
    }

    /** Boots, looks around, powers off. {@return when the login came} */
    private Login boot(String bus, int processors, List<String> modules, String append) throws Exception {
        Path child = dir.resolve("child.vhdx");
        HostTool.image("diff", disk, child);
        Login at;
        try (Conversation guest = Conversation.withJvisor("run", "--backend", "software", "--memory", "1G", "--processors",
                Integer.toString(processors), "--kernel", kernel.toString(), "--initrd", initrd.toString(), "--append", append, "--disk",
                child + ",bus=" + bus, "--timeout", "60m")) {
            at = login(guest);
            assertEquals("running", guest.ask("systemctl is-system-running --wait", ANSWER), guest::transcript);
            assertEquals("-- No entries --", guest.ask("journalctl -b -p err", ANSWER), guest::transcript);
            String root = guest.ask("findmnt -n -o SOURCE,FSTYPE,OPTIONS /", ANSWER);
            assertTrue(root.startsWith("/dev/sda ") && root.contains("ext4") && root.contains("rw"), root);
            String loaded = guest.ask("lsmod", ANSWER);
            for (String module : modules) {
                assertTrue(loaded.contains(module), () -> module + " is not there:\n" + loaded);
            }
            assertEquals(Integer.toString(processors), guest.ask("nproc", ANSWER));
            String clock = guest.ask("cat /sys/devices/system/clocksource/clocksource0/current_clocksource", ANSWER);
            assertEquals("tsc", clock);
            guest.ask("dd if=/dev/urandom of=/root/some bs=1M count=8; md5sum /root/some > /root/some.md5; sync; echo 3 > /proc/sys/vm/drop_caches",
                    ANSWER);
            assertEquals("/root/some: OK", guest.ask("md5sum -c /root/some.md5", ANSWER));
            System.out.println(guest.ask("systemd-analyze; systemd-analyze blame | head -n 5; grep -e LOC -e HYP -e ata -e ttyS0 /proc/interrupts",
                    ANSWER));
            guest.type("poweroff");
            Jvisor.Result r = guest.end(ANSWER);
            assertEquals(0, r.exit(), r::toString);
            assertTrue(r.out().contains("All filesystems unmounted"), r::toString);
            noTrouble(r.out());
        }
        HostTool.image("check", child);
        Path raw = dir.resolve("after.img");
        HostTool.image("convert", "--format=raw", child, raw);
        HostTool.run("e2fsck", "-f", "-n", raw.toString());
        HostTool.run("debugfs", "-R", "stat /root/some", raw.toString());
        return at;
    }

    private static void noTrouble(String console) {
        LinuxEndToEndTest.noTrouble(console);
        for (String t : List.of("hung task", "blocked for more than", "clocksource: timekeeping watchdog", "Marking clocksource", "Timed out waiting",
                "Dependency failed", "Failed to start", "I/O error", "EXT4-fs error", "detected stall")) {
            assertFalse(console.contains(t), () -> t + " in:\n" + console);
        }
    }

    @Test
    void rootOnSyntheticStorageBesideQemu() throws Exception {
        Login ours = boot("scsi", 1, List.of("hv_vmbus", "hv_storvsc"), LABEL);
        System.out.println("long-debian: login after " + ours);
        if (!Jvisor.has("qemu-system-x86_64")) {
            return;
        }
        Login theirs = qemu();
        System.out.println("long-debian: QEMU's TCG, the same disk on virtio: " + theirs);
        System.out.printf(Locale.ROOT, "long-debian: ratio %.2f, in processor time %.2f%n", ours.wall.toMillis() / (double) theirs.wall.toMillis(),
                ours.cpu.toMillis() / (double) theirs.cpu.toMillis());
    }

    private Login qemu() throws Exception {
        Path raw = dir.resolve("qemu.img");
        HostTool.image("convert", "--format=raw", disk, raw);
        List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg", "-m", "1024", "-display", "none", "-monitor", "none",
                "-serial", "stdio", "-no-reboot", "-kernel", kernel.toString(), "-initrd", initrd.toString(), "-append", LABEL, "-drive",
                "file=" + raw + ",format=raw,if=virtio"));
        try (Conversation guest = Conversation.with(command)) {
            Login at = login(guest);
            assertEquals("running", guest.ask("systemctl is-system-running --wait", ANSWER), guest::transcript);
            guest.type("poweroff");
            assertEquals(0, guest.end(ANSWER).exit());
            return at;
        } finally {
            Files.deleteIfExists(raw);
        }
    }

    @Test
    void rootOnSyntheticStorageWithTwoProcessors() throws Exception {
        System.out.println("long-debian: two processors: login after " + boot("scsi", 2, List.of("hv_vmbus", "hv_storvsc"), LABEL));
    }

    @Test
    void rootOnEmulatedIde() throws Exception {
        System.out.println("long-debian: IDE: login after " + boot("ide", 1, List.of("ata_piix"), "root=/dev/sda console=ttyS0"));
    }
}
