package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/**
 * Drivers that come and go, in the distribution's own kernel: hv_storvsc and all of VMBus are unloaded and loaded again and again, with a
 * file system mounted, changed and unmounted between; the kernel starts itself anew by kexec; it panics.
 */
final class DriversScenario implements AutoCloseable {
    /** hv_balloon has no exit and would hold hv_vmbus for ever. */
    private static final String PARAMETERS = " module_blacklist=hv_balloon";
    private static final String SHELL = "Enter 'help' for a list";
    private static final Duration LIMIT = Duration.ofMinutes(20);
    private static final String FUNCTIONS = """
            mkdir -p /mnt
            disk() { for k in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -b /dev/sda ] && break; sleep 1; done; }
            away() { for m in hyperv_keyboard hv_netvsc hv_storvsc hv_utils hv_vmbus; do rmmod $m || echo "failed: rmmod $m"; done; }
            back() { for m in hv_vmbus hv_utils hv_storvsc hv_netvsc hyperv_keyboard; do modprobe $m || echo "failed: modprobe $m"; done; }
            use() {
                disk; mount -t ext4 /dev/sda /mnt || echo "failed: mount"
                md5sum -c /mnt/sums > /tmp/checked || { cat /tmp/checked; echo "failed: checksums"; }
                echo "round $1" >> /mnt/rounds; cp /mnt/rounds /mnt/copied
                (cd /mnt && md5sum /mnt/seed /mnt/rounds /mnt/copied > sums); umount /mnt || echo "failed: umount"
            }
            storvsc() { i=0; while [ $i -lt $1 ]; do i=$((i+1)); rmmod hv_storvsc || echo "failed: rmmod"; modprobe hv_storvsc; use s$i; done; echo "rounds: $i"; }
            vmbus() { i=0; while [ $i -lt $1 ]; do i=$((i+1)); away; [ -b /dev/sda ] && echo "failed: still there"; back; use v$i; done; echo "rounds: $i"; }
            """;

    private final Path image;
    private final int processors;
    private final DefaultImage guest;
    private Conversation talk;

    private DriversScenario(Path image, int processors, DefaultImage guest) {
        this.image = image;
        this.processors = processors;
        this.guest = guest;
    }

    /** Makes a disk and boots a guest with it, or skips the test where something is missing. */
    static DriversScenario boot(Path dir, int processors) throws Exception {
        assumeTrue(Jvisor.has("mkfs.ext4") && Jvisor.has("e2fsck") && Jvisor.has("debugfs"), "no e2fsprogs to make and check a file system");
        DefaultImage guest;
        try {
            // The checksums of kexec_file_load take the guest minutes without the module.
            guest = DefaultImage.build(DefaultImage.defaultCache(), KernelFlavour.CLOUD, List.of("sha256_ssse3"), line -> { });
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
            return null;
        }
        Path root = Files.createDirectory(dir.resolve("root"));
        byte[] seed = new byte[2_000_000];
        new Random(8).nextBytes(seed);
        Files.write(root.resolve("seed"), seed);
        Files.writeString(root.resolve("sums"), HostTool.md5(seed) + "  /mnt/seed\n");
        Files.write(root.resolve("kexec"), KexecProgram.elf());
        Files.setPosixFilePermissions(root.resolve("kexec"), PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.copy(guest.kernel(), root.resolve("vmlinuz"));
        Files.copy(guest.initrd(), root.resolve("initrd"));
        Path image = dir.resolve("disk.img");
        try (RandomAccessFile f = new RandomAccessFile(image.toFile(), "rw")) {
            f.setLength(96 << 20);
        }
        HostTool.run("mkfs.ext4", "-q", "-F", "-d", root.toString(), image.toString());
        DriversScenario s = new DriversScenario(image, processors, guest);
        s.start();
        return s;
    }

    private void start() throws Exception {
        talk = Conversation.withJvisor("run", "--backend", "software", "--processors", Integer.toString(processors), "--kernel",
                guest.kernel().toString(), "--initrd", guest.initrd().toString(), "--append", guest.commandLine() + PARAMETERS, "--disk",
                image + ",format=raw", "--timeout", "120m");
        ready();
    }

    private void ready() throws Exception {
        talk.expect("Vmbus version:5.3", LIMIT);
        talk.expect(SHELL, LIMIT);
        for (String line : FUNCTIONS.lines().toList()) {
            talk.type(line);
        }
        good("use first");
    }

    /** Has the guest do something in which nothing may fail. {@return what it said} */
    private String good(String command) throws Exception {
        String said = talk.ask(command, LIMIT);
        assertFalse(said.contains("failed: "), () -> talk.transcript());
        return said;
    }

    /** Unloads and loads hv_storvsc. */
    void reloadStorvsc(int rounds) throws Exception {
        assertTrue(good("storvsc " + rounds).endsWith("rounds: " + rounds), () -> talk.transcript());
    }

    /** Unloads and loads hv_vmbus, and with it all drivers on it. */
    void reloadVmbus(int rounds) throws Exception {
        assertTrue(good("vmbus " + rounds).endsWith("rounds: " + rounds), () -> talk.transcript());
        assertTrue(good("dmesg | grep -c 'Vmbus version:5.3'").endsWith(Integer.toString(1 + rounds)), () -> talk.transcript());
    }

    /** Starts the same kernel by kexec; it finds the disk as it was left. */
    void kexec() throws Exception {
        good("echo \"before: $(cat /proc/uptime)\"; disk; mount -t ext4 /dev/sda /mnt && cp /mnt/kexec /kexec && modprobe sha256_ssse3");
        String loaded = good("/kexec /mnt/vmlinuz /mnt/initrd \"$(cat /proc/cmdline) again=1\"; echo loaded $?; umount /mnt");
        assertTrue(loaded.contains("loaded 0"), () -> talk.transcript());
        Duration before = talk.elapsed();
        Duration cpu = talk.cpu();
        talk.type("/kexec");
        ready();
        System.out.println("kexec: " + talk.elapsed().minus(before).toSeconds() + " s to the shell, " + talk.cpu().minus(cpu).toSeconds()
                + " s of processor time");
        assertTrue(good("cat /proc/cmdline").contains("again=1"), () -> talk.transcript());
    }

    /** Has the kernel panic: the host says so, shows the text, and ends with 3. Then the file system is looked at. */
    void panic() throws Exception {
        good("sync");
        talk.type("echo c > /proc/sysrq-trigger");
        Jvisor.Result r = talk.end(LIMIT);
        assertEquals(3, r.exit(), r::toString);
        assertTrue(r.err().contains("the guest reports its crash"), r::toString);
        assertTrue(r.err().contains("Kernel panic - not syncing: sysrq triggered crash"), r::toString);
        assertTrue(r.err().contains("sysrq_handle_crash"), r::toString);
        LinuxEndToEndTest.noTrouble(r.out().substring(0, r.out().indexOf("sysrq: Trigger a crash")));
        HostTool.run("e2fsck", "-f", "-n", image.toString());
        String rounds = HostTool.run("debugfs", "-R", "cat /rounds", image.toString());
        assertTrue(rounds.contains("round first"), rounds);
    }

    @Override
    public void close() throws Exception {
        if (talk != null) {
            talk.close();
        }
    }
}
