package dev.jvisor.guest.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.guest.HostCommand;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The images that are built boot, on another implementation of the machine, and do what they promise. */
@Tag("slow")
class LinuxGuestsUnderQemuTest {
    /** The kernel empties the UART's FIFO when it starts; what is lost is taken from this comment. */
    private static final String LEAD = "# ".repeat(40) + "\n";

    @BeforeEach
    void qemuIsThere() {
        Assumptions.assumeTrue(HostCommand.isPresent("qemu-system-x86_64"), "qemu-system-x86_64 is not installed");
    }

    private static String boot(Path kernel, Path initrd, String commandLine, String input) throws IOException, InterruptedException {
        HostCommand.Result result = HostCommand.run(300, input, List.of("qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", "max", "-m",
                "256", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", kernel.toString(), "-initrd", initrd.toString(),
                "-append", commandLine));
        assertEquals(0, result.exitCode(), result.output());
        return result.output().replace("\r", "");
    }

    private static DefaultImage defaultImage() {
        try {
            return DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            return Assumptions.abort("the default image can not be built here: " + e.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"poweroff", "exit"})
    void theDefaultGuestRunsAShellAndPowersOff(String ending) throws IOException, InterruptedException {
        DefaultImage image = defaultImage();
        String console = boot(image.kernel(), image.initrd(), image.commandLine(), LEAD + "echo six times seven is $((6*7))\ntty\n" + ending + "\n");
        assertTrue(console.contains("jvisor: Linux " + image.release() + " is up, 1 processor(s)"), console);
        assertTrue(console.contains("\nsix times seven is 42\n"), console);
        assertTrue(console.contains("\n/dev/ttyS0\n"), console);
        assertFalse(console.contains("can't access tty; job control turned off"), console);
        assertTrue(console.contains("reboot: Power down"), console);
    }

    @Test
    void whatWasBuiltIsFoundAgain() {
        DefaultImage image = defaultImage();
        assertEquals(image, DefaultImage.cached(DefaultImage.defaultCache()).orElseThrow());
        assertEquals(image, defaultImage());
    }

    @Test
    void theCheckGuestGivesAllItsResults() throws IOException, InterruptedException {
        CheckInit check;
        try {
            check = CheckInit.build(DefaultImage.defaultCache(), KernelFlavour.CLOUD, line -> { });
        } catch (ImageException e) {
            check = Assumptions.abort("the check guest can not be built here: " + e.getMessage());
        }
        String console = boot(check.kernel(), check.initrd(), check.commandLine() + " quiet", "");
        assertTrue(console.contains("CHECK begin " + check.release()) && console.contains(CheckInit.END), console);
        assertFalse(console.contains(CheckInit.COMPLAINTS), console);
        Map<String, String> results = CheckInit.results(console);
        assertTrue(results.size() > 30, console);
        results.forEach((name, value) -> assertFalse(value.isEmpty(), name + " is empty:\n" + console));
        // Some that can be known without running it.
        assertEquals("-9223372036854775808", results.get("sh-wrap"));
        assertEquals("3.141592653589793238462643383276", results.get("bc-pi"));
        assertEquals("1.4142135623730950488016887242096980785696", results.get("bc-sqrt"));
        assertEquals("15511210043330985984000000", results.get("dc-fact"));
        assertEquals("2.7182818284590455,0.9489846193555862,1.7320508075688772", results.get("awk-series"));
        assertEquals(results.get("sha256"), results.get("gzip"));
        assertEquals(results.get("sha256"), results.get("bzip2"));
        assertEquals("ok", results.get("done"));
    }
}
