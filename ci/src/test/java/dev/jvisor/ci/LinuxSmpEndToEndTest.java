package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.ProgramBundle;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Linux on several processors of the software CPU, also when there are more of them than the host has. {@code ci/long-smp} runs more numbers
 * of processors, and stress-ng for some minutes.
 */
@Tag("e2e")
@Tag("slow")
class LinuxSmpEndToEndTest {
    static final String LONG = "jvisor.smp.minutes";
    static final String WHY = "long: ci/long-smp runs it";
    private static final long MINUTES = Long.getLong(LONG, 10);
    /** What checks its results itself, or makes processors talk to each other; two of each. */
    private static final String LOCKS = " --futex 2 --mutex 2 --sem 2 --atomic 2 --tlb-shootdown 2 --membarrier 2";

    @TempDir
    Path dir;

    private static DefaultImage image() {
        try {
            return DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            return abort("no packages for a guest: " + e.getMessage());
        }
    }

    @Test
    void eightProcessorsAreAllOnline() throws Exception {
        online(8);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    @EnabledIfSystemProperty(named = LONG, matches = "\\d+", disabledReason = WHY)
    void fewerProcessorsAreAllOnline(int processors) throws Exception {
        online(processors);
    }

    private void online(int processors) throws Exception {
        image();
        Jvisor.Result r = Jvisor.run(Duration.ofMinutes(15), "echo online: $(cat /sys/devices/system/cpu/online).\npoweroff -f\n", "run",
                "--backend", "software", "--processors", Integer.toString(processors), "--timeout", "14m");
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains("Brought up 1 node, " + processors + " CPUs"), r::toString);
        assertTrue(r.out().contains("online: 0-" + (processors - 1) + "."), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
    }

    /** Half of the time on arithmetic whose results are checked, half on locks and shootdowns. */
    @ParameterizedTest
    @ValueSource(ints = {2, 8})
    @EnabledIfSystemProperty(named = LONG, matches = "\\d+", disabledReason = WHY)
    void stressLeavesNothingInTheKernelsLog(int processors) throws Exception {
        DefaultImage guest = image();
        ProgramBundle stress;
        try {
            stress = ProgramBundle.build(DefaultImage.defaultCache(), "stress-ng", "usr/bin/stress-ng", line -> { });
        } catch (ImageException e) {
            abort("no stress-ng: " + e.getMessage());
            return;
        }
        String run = "cd /tmp; " + stress.path() + " --verify --metrics-brief --timeout " + MINUTES * 60 / 2 + "s";
        String typed = "dmesg -n 7; echo cpu says $(" + run + " --cpu 2 --cpu-method all >/dev/console 2>&1; echo $?).\n"
                + "echo locks say $(" + run + LOCKS + " >/dev/console 2>&1; echo $?).\npoweroff -f\n";
        Jvisor.Result r = Jvisor.run(Duration.ofMinutes(MINUTES + 20), typed, "run", "--backend", "software", "--kernel",
                guest.kernel().toString(), "--initrd", with(guest, stress).toString(), "--append", guest.commandLine(), "--processors",
                Integer.toString(processors), "--memory", "1G", "--timeout", MINUTES + 15 + "m");
        System.out.println(r.out().substring(Math.max(0, r.out().length() - 4000)));
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains("cpu says 0."), r::toString);
        assertTrue(r.out().contains("locks say 0."), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
    }

    private Path with(DefaultImage guest, ProgramBundle program) throws IOException {
        Path initrd = dir.resolve("initrd.cpio");
        try (OutputStream out = Files.newOutputStream(initrd)) {
            Files.copy(guest.initrd(), out);
            Files.copy(program.cpio(), out);
        }
        return initrd;
    }
}
