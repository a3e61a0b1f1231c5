package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What boots through firmware and takes minutes; {@code ci/long-firmware} runs it. */
@Tag("e2e")
@Tag("slow")
class FirmwareLongSuite {
    private static final Duration LIMIT = Duration.ofMinutes(20);
    private static final Path MEMTEST_DISC = Path.of("/usr/lib/memtest86+/memtest86+x64.iso");
    private static final String NETBOOT = "debian-installer-12-netboot-amd64";
    private static final String INSTALLER = "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/";

    @TempDir
    Path dir;

    private static void needs(String firmware) {
        FirmwareImages.needs(firmware, firmware.equals("ovmf") ? FirmwareImages.OVMF : FirmwareImages.SEABIOS);
    }

    private Conversation start(String firmware, String medium, Path image, int processors) throws Exception {
        boolean disk = medium.equals("disk");
        return Conversation.withMenus("run", "--backend", "software", "--memory", "1G", "--processors", Integer.toString(processors),
                "--firmware", firmware, disk ? "--disk" : "--cdrom", disk ? image + ",format=raw" : image.toString(), "--timeout", "19m");
    }

    @ParameterizedTest
    @CsvSource({"seabios, disk, 1", "seabios, cdrom, 2", "ovmf, disk, 2", "ovmf, cdrom, 1"})
    void debiansGenericKernelComesUpByGrub(String firmware, String medium, int processors) throws Exception {
        needs(firmware);
        DefaultImage guest;
        try {
            guest = DefaultImage.build(DefaultImage.defaultCache(), KernelFlavour.GENERIC, List.of("ata_piix", "sd_mod"), line -> { });
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
            return;
        }
        Path image = FirmwareImages.rescue(dir, firmware.equals("ovmf"), guest.kernel(), guest.initrd(), guest.commandLine());
        try (Conversation c = start(firmware, medium, image, processors)) {
            c.expect(FirmwareImages.MEMORY_TEST, LIMIT);
            c.press(Conversation.ENTER);
            c.expect("Linux version", LIMIT);
            c.expect("# ", LIMIT);
            c.type("echo $(nproc) processors, $(ls -d /sys/firmware/efi | wc -l) efi; ls /sys/firmware/acpi/tables | tr '\\n' ' '");
            c.expect(processors + " processors, " + (firmware.equals("ovmf") ? 1 : 0) + " efi", LIMIT);
            c.expect("APIC", LIMIT);
            c.expect("DSDT", LIMIT);
            c.type("echo $(dmesg | grep -ci -e 'firmware bug' -e 'acpi error' -e 'call trace') complaints; poweroff -f");
            c.expect("0 complaints", LIMIT);
            Jvisor.Result r = c.end(LIMIT);
            assertEquals(0, r.exit(), r::toString);
        }
    }

    private Path installer() throws Exception {
        Path there = Path.of("/").resolve(INSTALLER);
        if (Files.isReadable(there.resolve("linux"))) {
            return there;
        }
        Process p = new ProcessBuilder("apt-get", "-q", "download", NETBOOT).directory(dir.toFile()).redirectErrorStream(true).start();
        p.getInputStream().readAllBytes();
        if (p.waitFor() != 0) {
            abort("no " + NETBOOT + " here, and none to be had");
        }
        try (Stream<Path> files = Files.list(dir)) {
            Path deb = files.filter(f -> f.getFileName().toString().startsWith(NETBOOT)).findFirst().orElseThrow();
            HostTool.run("dpkg-deb", "-x", deb.toString(), dir.resolve("netboot").toString());
            Files.delete(deb);
        }
        return dir.resolve("netboot").resolve(INSTALLER);
    }

    @Test
    void installerAsAKernelAsksForTheLanguage() throws Exception {
        Path at = installer();
        try (Conversation c = Conversation.withMenus("run", "--backend", "software", "--memory", "1G", "--kernel",
                at.resolve("linux").toString(), "--initrd", at.resolve("initrd.gz").toString(), "--append", "console=ttyS0", "--timeout", "19m")) {
            c.expect("Choose the language to be used", LIMIT);
        }
    }

    @ParameterizedTest
    @CsvSource({"seabios, cdrom", "ovmf, disk"})
    void installerByGrubAsksForTheLanguage(String firmware, String medium) throws Exception {
        needs(firmware);
        Path at = installer();
        Path image = FirmwareImages.rescue(dir, firmware.equals("ovmf"), at.resolve("linux"), at.resolve("initrd.gz"), "console=ttyS0");
        try (Conversation c = start(firmware, medium, image, 1)) {
            c.expect(FirmwareImages.MEMORY_TEST, LIMIT);
            c.press(Conversation.ENTER);
            c.expect("Choose the language to be used", LIMIT);
        }
    }

    @Test
    void memtestFromItsOwnDiscFindsNoError() throws Exception {
        needs("seabios");
        FirmwareImages.needs("memtest86+", MEMTEST_DISC);
        Path screen = dir.resolve("screen");
        try (Conversation c = Conversation.withMenus("run", "--backend", "software", "--memory", "32M", "--firmware", "seabios",
                "--cdrom", MEMTEST_DISC.toString(), "--screen", screen.toString(), "--timeout", "19m")) {
            c.expect(screen, "Memtest86+ v", LIMIT);
            c.expect(screen, "Errors: 0", LIMIT);
            Thread.sleep(Duration.ofMinutes(2));
            assertTrue(Files.readString(screen).contains("Errors: 0"), () -> "errors, or another screen");
        }
    }
}
