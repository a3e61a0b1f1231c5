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

    private static Conversation start(String firmware, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of("run", "--backend", "software", "--firmware", firmware, "--timeout", "220s"));
        args.addAll(Arrays.asList(more));
        return Conversation.withMenus(args.toArray(String[]::new));
    }

    private static void ends(Conversation c) throws Exception {
        Jvisor.Result r = c.end(LIMIT);
        assertEquals(0, r.exit(), r::toString);
    }

    @Test
    void aBootSectorReadsAndPrintsByTheBiosAndPowersOff() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        Path disk = FirmwareImages.bootSector(dir, "read by INT 13h");
        Path screen = dir.resolve("screen");
        Path log = dir.resolve("log");
        try (Conversation c = start("seabios", "--disk", disk + ",format=raw", "--screen", screen.toString(), "--firmware-log", log.toString())) {
            c.expect("Booting from Hard Disk...", LIMIT);
            c.expect("read by INT 13h", LIMIT);
            ends(c);
        }
        assertTrue(Files.readString(screen).lines().anyMatch(l -> l.stripTrailing().equals("read by INT 13h")));
        assertTrue(Files.readString(log).contains("Booting from 0000:7c00"));
    }

    @Test
    void grubOnADiscUnderSeaBiosTakesKeysAndHalts() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        Path disc = FirmwareImages.rescue(dir, false);
        try (Conversation c = start("seabios", "--cdrom", disc.toString())) {
            c.expect("Booting from DVD/CD...", LIMIT);
            c.expect(FirmwareImages.LEAVE, LIMIT);
            c.press(Conversation.ENTER);
            c.expect("six and  make twelve", LIMIT);
            c.expect(FirmwareImages.LEAVE, LIMIT);
            c.press(Conversation.DOWN + Conversation.ENTER);
            c.expect("GRUB halts", LIMIT);
            ends(c);
        }
    }

    /** It writes to the screen's memory, and nowhere else. */
    @Test
    void memtestStartsFromGrubOnADiskAndIsSeenOnTheScreen() throws Exception {
        FirmwareImages.needs("seabios", FirmwareImages.SEABIOS);
        FirmwareImages.needs("memtest86+", FirmwareImages.MEMTEST);
        Path disk = FirmwareImages.rescue(dir, false);
        Path screen = dir.resolve("screen");
        try (Conversation c = start("seabios", "--disk", disk + ",format=raw", "--memory", "32M", "--screen", screen.toString())) {
            c.expect("Booting from Hard Disk...", LIMIT);
            c.expect(FirmwareImages.MEMORY_TEST, LIMIT);
            c.press(Conversation.DOWN.repeat(3) + Conversation.ENTER);
            c.expect(screen, "Memtest86+ v", LIMIT);
            c.expect(screen, "Errors: 0", LIMIT);
        }
    }

    /** What to boot next is told in one process, and done in the next one: the boot manager first, and GRUB when that goes on. */
    @Test
    void uefiKeepsItsVariablesAndBootsGrubFromADisk() throws Exception {
        FirmwareImages.needs("ovmf", FirmwareImages.OVMF);
        Path disk = FirmwareImages.rescue(dir, true);
        Path variables = dir.resolve("variables.fd");
        try (Conversation c = start("ovmf", "--firmware-vars", variables.toString())) {
            c.expect("to skip startup.nsh", LIMIT);
            c.press(Conversation.ESCAPE);
            c.expect("Shell>", LIMIT);
            c.press("setvar BootNext -guid " + GLOBAL + " -bs -rt -nv =0x0000" + Conversation.ENTER);
            c.expect("Shell>", LIMIT);
            c.press("reset -s" + Conversation.ENTER);
            ends(c);
        }
        try (Conversation c = start("ovmf", "--firmware-vars", variables.toString(), "--disk", disk + ",format=raw")) {
            c.expect("Boot Manager", LIMIT);
            c.expect("This is the option", LIMIT);
            c.press(Conversation.DOWN.repeat(4) + Conversation.ENTER);
            c.expect(FirmwareImages.LEAVE, LIMIT);
            c.press(Conversation.DOWN + Conversation.ENTER);
            c.expect("GRUB halts", LIMIT);
            ends(c);
        }
    }
}
