package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution's own ata_piix and libata on the emulated IDE controller: what the guest reads and writes is what is in the image. */
@Tag("e2e")
@Tag("slow")
class IdeEndToEndTest {
    private static final Duration LIMIT = Duration.ofMinutes(10);
    private static final int SIZE = 8 << 20;
    private static final int WRITTEN_AT = 1000 * 4096;
    private static final int WRITTEN = 96 * 4096;

    @TempDir
    Path dir;
    private DefaultImage guest;

    @BeforeEach
    void guest() {
        try {
            guest = DefaultImage.build(DefaultImage.defaultCache(), KernelFlavour.GENERIC, List.of("ata_piix", "sd_mod"), line -> { });
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** {@return what the guest said} */
    private String readsAndWrites(String parameters, String transfer) throws Exception {
        byte[] before = new byte[SIZE];
        new Random(5).nextBytes(before);
        Path image = dir.resolve("disk.img");
        Files.write(image, before);
        String script = """
                modprobe ata_piix; modprobe sd_mod
                for i in 1 2 3 4 5 6 7 8 9 10 11 12; do [ -b /dev/sda ] || sleep 1; done
                sha256sum /dev/sda
                yes jvisor ide | dd of=/dev/sda bs=4096 seek=1000 count=96 iflag=fullblock conv=fsync 2>/dev/null && echo "written $((6*7))"
                sync; echo 3 > /proc/sys/vm/drop_caches
                dd if=/dev/sda bs=4096 skip=1000 count=96 2>/dev/null | sha256sum
                dmesg | grep -e ata1 -e 'sd 0' -e ata_piix
                cat /sys/class/ata_device/dev1.0/xfer_mode
                poweroff -f
                """;
        Jvisor.Result r = Jvisor.run(LIMIT, script, "run", "--backend", "software", "--kernel", guest.kernel().toString(), "--initrd",
                guest.initrd().toString(), "--append", guest.commandLine() + parameters, "--disk", image + ",bus=ide,format=raw", "--timeout", "9m");
        assertEquals(0, r.exit(), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
        byte[] pattern = "jvisor ide\n".repeat(WRITTEN / 11 + 1).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        byte[] written = Arrays.copyOf(pattern, WRITTEN);
        assertTrue(r.out().contains("XFER_" + transfer), r::toString);
        assertTrue(r.out().contains(sha256(before) + "  /dev/sda"), r::toString);
        assertTrue(r.out().contains("written 42"), r::toString);
        assertTrue(r.out().contains(sha256(written) + "  -"), r::toString);
        byte[] after = Files.readAllBytes(image);
        System.arraycopy(written, 0, before, WRITTEN_AT, WRITTEN);
        assertArrayEquals(before, after);
        return r.out();
    }

    @Test
    void byDma() throws Exception {
        readsAndWrites("", "MW_DMA_2");
    }

    @Test
    void byPio() throws Exception {
        readsAndWrites(" libata.dma=0", "PIO_4");
    }
}
