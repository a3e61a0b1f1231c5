package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.baremetal.BareMetalGuests;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code run --deterministic}: two runs of a guest are alike. */
@Tag("e2e")
class DeterministicEndToEndTest {
    @TempDir
    Path dir;

    @Test
    void twoRunsOfTwoProcessorsGiveTheSameTrace() throws Exception {
        Path guest = dir.resolve("guest");
        BareMetalGuests.find("timer-ipi", 2).orElseThrow().write(guest);
        Path[] traces = {dir.resolve("first"), dir.resolve("second")};
        String[] said = new String[traces.length];
        for (int k = 0; k < traces.length; k++) {
            Jvisor.Result r = Jvisor.run(Duration.ofMinutes(4), "", "run", "--deterministic", "--processors", "2", "--kernel", guest.toString(),
                    "--debug-exit", "--trace", "PORT,MMIO", "--trace-file", traces[k].toString(), "--timeout", "3m");
            assertEquals(1, r.exit(), r::toString); // the guest's 0, as debug exit tells it
            said[k] = r.out();
        }
        assertTrue(said[0].contains("OK processor 1"), said[0]);
        assertEquals(said[0], said[1]);
        assertTrue(Files.size(traces[0]) > 0);
        assertEquals(-1, Files.mismatch(traces[0], traces[1]), "first byte of the traces that differs");
    }

    /** The kernel prints the time of each line, so that equal output means equal time. */
    @Test
    @Tag("slow")
    @EnabledIfSystemProperty(named = LinuxSmpEndToEndTest.LONG, matches = "\\d+", disabledReason = LinuxSmpEndToEndTest.WHY)
    void twoBootsOfLinuxSayTheSameAtTheSameTime() throws Exception {
        try {
            DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
        String[] said = new String[2];
        for (int k = 0; k < said.length; k++) {
            Jvisor.Result r = Jvisor.run(Duration.ofMinutes(21), "", "run", "--deterministic", "--processors", "2", "--append",
                    "rdinit=/bin/busybox -- poweroff -f", "--timeout", "20m");
            assertEquals(0, r.exit(), r::toString);
            said[k] = r.out();
        }
        assertTrue(said[0].contains("Brought up 1 node, 2 CPUs"), said[0]);
        assertTrue(said[0].contains("as init process"), said[0]);
        assertEquals(said[0], said[1]);
    }

    @ParameterizedTest
    @CsvSource({"--backend, kvm", "--change-engine, 50ms", "--disk, pom.xml", "--gdb, 0"})
    void whatCannotBeDeterministicIsRefused(String option, String value) throws Exception {
        String path = value.endsWith(".xml") ? Jvisor.ROOT.resolve(value).toString() : value;
        Jvisor.Result r = Jvisor.run(Duration.ofMinutes(1), "", "run", "--deterministic", option, path);
        assertEquals(2, r.exit(), r::toString);
        assertTrue(r.err().contains("--deterministic") && r.err().contains(option), r::toString);
        assertEquals(1, r.err().lines().count(), r::toString);
    }
}
