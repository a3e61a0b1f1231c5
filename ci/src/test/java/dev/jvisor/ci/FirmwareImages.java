package dev.jvisor.ci;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What tests of firmware boot, made with the distribution's own tools. A test whose tool is missing is skipped. */
final class FirmwareImages {
    static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
    static final Path OVMF = Path.of("/usr/share/OVMF/OVMF_CODE_4M.fd");
    static final Path MEMTEST = Path.of("/boot/memtest86+x64.bin");
    /** What the entries of the rescue image's menu are called, in their order. */
    static final String FIRST = "Say so", POWER_OFF = "Power off", LEAVE = "Leave", MEMORY_TEST = "Memory test";

    private static final int SECTOR = 512;
    private static final int AT = 0x7C00;
    /** One megabyte: it has a whole cylinder. */
    private static final int DISK = 1 << 20;
    /** Where in the boot sector the disk address packet is. */
    private static final int PACKET = 0x1E0;
    /** The entry before them, if there is a kernel. */
    static final String LINUX = "Linux";

    private static final List<String> MODULES = List.of("normal", "halt", "echo", "iso9660", "test", "minicmd", "linux", "sleep");
    private static final List<String> BIOS_MODULES = List.of("linux16");
    /** An image for a BIOS says that it wants these. */
    private static final List<String> PARTITION_MODULES = List.of("acorn", "amiga", "apple", "bsd", "dfly", "dvh", "gpt", "msdos", "plan",
            "sun", "sunpc");

    private FirmwareImages() { }

    static void needs(String package_, Path shows) {
        assumeTrue(Files.isReadable(shows), "no " + shows + "; apt-get install " + package_);
    }

    /**
     * {@return a rescue image with GRUB and a menu} It boots as a disc and, being a hybrid, as a disk. An entry that starts memtest86+ is there
     * if that is.
     *
     * @param efi for UEFI, else for a BIOS
     */
    static Path rescue(Path dir, boolean efi) throws Exception {
        return rescue(dir, efi, null, null, "");
    }

    /** As the other one, with Linux under the first entry of its menu. @param kernel null for none @param initrd null for none */
    static Path rescue(Path dir, boolean efi, Path kernel, Path initrd, String commandLine) throws Exception {
        Path modules = Path.of("/usr/lib/grub", efi ? "x86_64-efi" : "i386-pc");
        needs(efi ? "grub-efi-amd64-bin" : "grub-pc-bin", modules);
        assumeTrue(Jvisor.has("grub-mkrescue"), "no grub-mkrescue; apt-get install grub-common");
        assumeTrue(Jvisor.has("xorriso"), "no xorriso; apt-get install xorriso");
        assumeTrue(!efi || Jvisor.has("mformat"), "no mformat; apt-get install mtools");
        Path tree = dir.resolve("rescue");
        Path grub = Files.createDirectories(tree.resolve("boot/grub"));
        if (Files.isReadable(MEMTEST)) {
            Files.copy(MEMTEST, tree.resolve("memtest.bin"));
        }
        String linux = "";
        if (kernel != null) {
            Files.copy(kernel, tree.resolve("vmlinuz"));
            Files.copy(initrd, tree.resolve("initrd"));
            linux = "menuentry \"" + LINUX + "\" { linux /vmlinuz " + commandLine + " ; initrd /initrd }\n";
        }
        // As in bootSector, the last character that SeaBIOS prints waits for a tick: no halt before that.
        Files.writeString(grub.resolve("grub.cfg"), "set timeout=-1\n" + linux + """
                menuentry "Say so" { echo "six and $hello make twelve" ; sleep 2 }
                menuentry "Power off" { echo "GRUB halts" ; sleep 1 ; halt }
                menuentry "Leave" { exit }
                menuentry "Memory test" { linux16 /memtest.bin }
                """);
        Path image = dir.resolve("rescue.iso");
        Stream<String> parts = PARTITION_MODULES.stream().map(m -> "part_" + m);
        String wanted = Stream.of(MODULES.stream(), efi ? Stream.<String>of() : BIOS_MODULES.stream(), parts).flatMap(s -> s)
                .collect(Collectors.joining(" "));
        HostTool.run("grub-mkrescue", "-d", modules.toString(), "--install-modules=" + wanted, "--fonts=",
                "--locales=", "--themes=", "-o", image.toString(), tree.toString());
        return image;
    }

    /** {@return a disk whose first sector reads the second by INT 13h, prints the text there by INT 10h, and powers off by APM} */
    static Path bootSector(Path dir, String text) throws IOException {
        Assembler a = new Assembler(AT, Mode.BITS16);
        a.xor(Gpr.AX, Gpr.AX);
        a.mov(Seg.DS, Gpr.AX);
        a.mov(Seg.SS, Gpr.AX);
        a.mov(Gpr.SP, AT);
        // DL is the disk that it came from, and stays that.
        a.mov(Gpr.SI, AT + PACKET);
        a.mov(Gpr.AX, 0x4200);
        a.int_(0x13);
        a.mov(Gpr.SI, AT + SECTOR);
        a.cld();
        Label next = a.bind("next");
        Label end = a.label("end");
        a.lods(1);
        a.test(Gpr.AL, Gpr.AL);
        a.j(Cond.E, end);
        a.mov(Gpr.AH, 0x0E);
        a.mov(Gpr.BX, 7);
        a.int_(0x10);
        a.jmp(next);
        a.bind(end);
        // SeaBIOS sends the last character to the serial line with the next tick of the timer: wait for some.
        a.mov(Gpr.AH, 0x86);
        a.mov(Gpr.CX, 3);
        a.mov(Gpr.DX, 0);
        a.int_(0x15);
        apm(a, 0x5301, 0, 0); // connect in real mode
        apm(a, 0x530E, 0, 0x0102); // as version 1.2
        apm(a, 0x5307, 1, 3); // all devices off
        Label stay = a.bind("stay");
        a.hlt();
        a.jmp(stay);
        a.padTo(PACKET);
        a.dw(16, 1, AT + SECTOR, 0); // one sector behind this one
        a.dq(1);
        a.padTo(SECTOR - 2);
        a.dw(0xAA55);
        byte[] disk = Arrays.copyOf(a.assemble(), DISK);
        byte[] line = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(line, 0, disk, SECTOR, line.length);
        return Files.write(dir.resolve("boot.img"), disk);
    }

    private static void apm(Assembler a, int function, int device, int argument) {
        a.mov(Gpr.AX, function);
        a.mov(Gpr.BX, device);
        a.mov(Gpr.CX, argument);
        a.int_(0x15);
    }
}
