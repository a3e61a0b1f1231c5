package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.image.CheckInit;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The distribution's unmodified kernels on the software CPU, through the command line. */
@Tag("e2e")
@Tag("slow")
class LinuxEndToEndTest {
    private static final Duration LIMIT = Duration.ofMinutes(15);
    private static final List<String> TROUBLE = List.of("Oops", "BUG:", "WARNING:", "Call Trace", "lost interrupt", "soft lockup", "rcu_sched",
            "Firmware Bug", "unchecked MSR access", CheckInit.COMPLAINTS);

    @TempDir
    Path dir;

    /** {@code poweroff} asks the init for it, {@code poweroff -f} the kernel. */
    @ParameterizedTest
    @CsvSource({"1, poweroff -f", "2, poweroff"})
    void theDefaultGuestTakesCommandsFromAPipe(int processors, String end) throws Exception {
        try {
            DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
        Jvisor.Result r = Jvisor.run(LIMIT, "echo six times seven is $((6*7))\n" + end + "\n", "run", "--backend", "software",
                "--processors", Integer.toString(processors), "--timeout", "14m");
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains("six times seven is 42"), r::toString);
        noTrouble(r.out());
    }

    @Test
    void theCloudKernelComputesWhatItDoesOnQemu() throws Exception {
        sameAsOnQemu(KernelFlavour.CLOUD, 1);
    }

    @Test
    void theCloudKernelComputesTheSameOnTwoProcessors() throws Exception {
        sameAsOnQemu(KernelFlavour.CLOUD, 2);
    }

    @Test
    void theGenericKernelComputesWhatItDoesOnQemu() throws Exception {
        sameAsOnQemu(KernelFlavour.GENERIC, 1);
    }

    static void noTrouble(String console) {
        for (String t : TROUBLE) {
            assertFalse(console.contains(t), () -> t + " in:\n" + console);
        }
    }

    private void sameAsOnQemu(KernelFlavour flavour, int processors) throws Exception {
        CheckInit guest;
        try {
            guest = CheckInit.build(DefaultImage.defaultCache(), flavour, line -> { });
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
            return;
        }
        Jvisor.Result r = Jvisor.run(LIMIT, "", "run", "--backend", "software", "--kernel", guest.kernel().toString(),
                "--initrd", guest.initrd().toString(), "--append", guest.commandLine(), "--processors",
                Integer.toString(processors), "--timeout", "14m");
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains("Brought up 1 node, " + processors + " CPU"), r::toString);
        assertTrue(r.out().contains(CheckInit.END), r::toString);
        noTrouble(r.out());
        Map<String, String> ours = CheckInit.results(r.out());
        assumeTrue(Jvisor.has("qemu-system-x86_64"), "the guest ran, but there is no QEMU to compare with");
        Map<String, String> theirs = CheckInit.results(qemu(guest));
        assertFalse(theirs.isEmpty());
        assertEquals(theirs, ours);
    }

    private String qemu(CheckInit guest) throws Exception {
        Path out = dir.resolve("qemu.txt");
        Process p = new ProcessBuilder("qemu-system-x86_64", "-accel", "tcg", "-m", "512", "-display", "none", "-monitor", "none",
                "-serial", "file:" + out, "-no-reboot", "-kernel", guest.kernel().toString(), "-initrd", guest.initrd().toString(),
                "-append", guest.commandLine()).redirectErrorStream(true).redirectOutput(dir.resolve("qemu.log").toFile()).start();
        try {
            assertTrue(p.waitFor(LIMIT.toMinutes(), TimeUnit.MINUTES), "QEMU did not end");
        } finally {
            p.destroyForcibly();
        }
        return Files.readString(out, StandardCharsets.ISO_8859_1);
    }
}
