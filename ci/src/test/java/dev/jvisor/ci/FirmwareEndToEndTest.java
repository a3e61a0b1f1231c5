package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution's SeaBIOS and OVMF boot what people boot by them: a boot sector, GRUB from a disc and from a disk, the UEFI shell. */
@Tag("e2e")
@Tag("slow")
class FirmwareEndToEndTest {
    private static final Duration LIMIT = Duration.ofMinutes(4);
    /** EFI_GLOBAL_VARIABLE. */
    private static final String GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

    @TempDir
    Path dir;

    private static MenuSession start(String firmware, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of("run", "--backend", "software", "--firmware", firmware, "--timeout", "220s"));
        args.addAll(Arrays.asList(more));
        return new MenuSession(LIMIT, args.toArray(String[]::new));
    }

    @Test
    void aBootSectorReadsAndPrintsByTheBiosAndPowersOff() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        Path disk = FirmwareImages.bootSector(dir, "read by INT 13h");
        Path screen = dir.resolve("screen");
        Path log = dir.resolve("log");
        try (MenuSession c = start("seabios", "--disk", disk + ",format=raw", "--screen", screen.toString(), "--firmware-log", log.toString())) {
            c.await("Booting from Hard Disk...");
            c.await("read by INT 13h");
            assertEquals(0, c.exit(), c::toString);
        }
        assertTrue(Files.readString(screen).lines().anyMatch(l -> l.stripTrailing().equals("read by INT 13h")));
        assertTrue(Files.readString(log).contains("Booting from 0000:7c00"));
    }

    @Test
    void grubOnADiscUnderSeaBiosTakesKeysAndHalts() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        Path disc = FirmwareImages.rescue(dir, false);
        try (MenuSession c = start("seabios", "--cdrom", disc.toString())) {
            c.await("Booting from DVD/CD...");
            c.await(FirmwareImages.LEAVE);
            c.type(MenuSession.ENTER);
            c.await("six and  make twelve");
            c.await(FirmwareImages.LEAVE);
            c.type(MenuSession.DOWN + MenuSession.ENTER);
            c.await("GRUB halts");
            assertEquals(0, c.exit(), c::toString);
        }
    }

    /** It writes to the screen's memory, and nowhere else. */
    @Test
    void memtestStartsFromGrubOnADiskAndIsSeenOnTheScreen() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        FirmwareImages.needs("memtest86+", FirmwareImages.MEMTEST);
        Path disk = FirmwareImages.rescue(dir, false);
        Path screen = dir.resolve("screen");
        try (MenuSession c = start("seabios", "--disk", disk + ",format=raw", "--memory", "32M", "--screen", screen.toString())) {
            c.await("Booting from Hard Disk...");
            c.await(FirmwareImages.MEMORY_TEST);
            c.type(MenuSession.DOWN.repeat(3) + MenuSession.ENTER);
            c.await(screen, "Memtest86+ v");
            c.await(screen, "Errors: 0");
        }
    }

    /** What to boot next is told in one process, and done in the next one: the boot manager first, and GRUB when that goes on. */
    @Test
    void uefiKeepsItsVariablesAndBootsGrubFromADisk() throws Exception {
        FirmwareImages.needs("ovmf", FirmwareImages.OVMF);
        Path disk = FirmwareImages.rescue(dir, true);
        Path variables = dir.resolve("variables.fd");
        try (MenuSession c = start("ovmf", "--firmware-vars", variables.toString())) {
            c.await("to skip startup.nsh");
            c.type(MenuSession.ESCAPE);
            c.await("Shell>");
            c.type("setvar BootNext -guid " + GLOBAL + " -bs -rt -nv =0x0000" + MenuSession.ENTER);
            c.await("Shell>");
            c.type("reset -s" + MenuSession.ENTER);
            assertEquals(0, c.exit(), c::toString);
        }
        try (MenuSession c = start("ovmf", "--firmware-vars", variables.toString(), "--disk", disk + ",format=raw")) {
            c.await("Boot Manager");
            c.await("This is the option");
            c.type(MenuSession.DOWN.repeat(4) + MenuSession.ENTER);
            c.await(FirmwareImages.LEAVE);
            c.type(MenuSession.DOWN + MenuSession.ENTER);
            c.await("GRUB halts");
            assertEquals(0, c.exit(), c::toString);
        }
    }
}
