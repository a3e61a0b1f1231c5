package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.jvisor.guest.image.CpioWriter;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.ProgramBundle;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Linux on several processors of the software CPU, also when there are more of them than the host has. {@code ci/long-smp} runs more numbers
 * of processors, and stress-ng and the kernel's lock torture for some minutes.
 */
@Tag("e2e")
@Tag("slow")
class LinuxSmpEndToEndTest {
    static final String LONG = "jvisor.smp.minutes";
    static final String WHY = "long: ci/long-smp runs it";
    static final String MODULES = "jvisor.smp.modules";
    private static final long MINUTES = Long.getLong(LONG, 10);
    /** What checks its results itself, or makes processors talk to each other; two of each. */
    private static final String LOCKS = " --futex 2 --mutex 2 --sem 2 --atomic 2 --tlb-shootdown 2 --membarrier 2";
    private static final List<String> TORTURED = List.of("spin_lock", "spin_lock_irq", "rw_lock", "rw_lock_irq", "mutex_lock", "ww_mutex_lock",
            "rtmutex_lock", "rwsem_lock", "percpu_rwsem_lock");

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

    /** Arithmetic whose results are checked, and locks and shootdowns, all at the same time. */
    @ParameterizedTest
    @ValueSource(ints = {2, 8})
    @EnabledIfSystemProperty(named = LONG, matches = "\\d+", disabledReason = WHY)
    void stressLeavesNothingInTheKernelsLog(int processors) throws Exception {
        ProgramBundle stress;
        try {
            stress = ProgramBundle.build(DefaultImage.defaultCache(), "stress-ng", "usr/bin/stress-ng", line -> { });
        } catch (ImageException e) {
            abort("no stress-ng: " + e.getMessage());
            return;
        }
        String said = minutesIn(image(), processors, Files.readAllBytes(stress.cpio()), "cd /tmp; echo stress says $(" + stress.path()
                + " --verify --metrics-brief --timeout " + MINUTES * 60 + "s --cpu 2 --cpu-method all" + LOCKS + " >/dev/console 2>&1; echo $?).\n");
        assertTrue(said.contains("stress says 0."), said);
    }

    /** The kernel's own torture of its locks, each kind for its part of the time. The distribution leaves the modules out. */
    @ParameterizedTest
    @ValueSource(ints = {2, 8})
    @EnabledIfSystemProperty(named = MODULES, matches = ".+", disabledReason = "needs modules: ci/long-smp --modules DIR")
    void everyKindOfLockStandsTorture(int processors) throws Exception {
        CpioWriter modules = new CpioWriter();
        modules.directory("torture", 0755);
        for (String m : List.of("torture.ko", "locktorture.ko")) {
            modules.file("torture/" + m, 0644, Files.readAllBytes(Path.of(System.getProperty(MODULES), m)));
        }
        long seconds = Math.max(5, MINUTES * 60 / TORTURED.size());
        String said = minutesIn(image(), processors, modules.finish(), "cd /torture; insmod torture.ko; for t in " + String.join(" ", TORTURED)
                + "; do insmod locktorture.ko torture_type=$t stat_interval=15 && sleep " + seconds + " && rmmod locktorture; done\n");
        for (String kind : TORTURED) {
            assertTrue(said.contains(kind + "-torture:--- End of test: SUCCESS"), () -> kind + ":\n" + said);
        }
    }

    /** Has a guest do what takes {@link #MINUTES}. {@return what its console said, in which there is no trouble} */
    private String minutesIn(DefaultImage guest, int processors, byte[] more, String typed) throws Exception {
        Path initrd = dir.resolve("initrd.cpio");
        try (OutputStream out = Files.newOutputStream(initrd)) {
            Files.copy(guest.initrd(), out);
            out.write(more);
        }
        Jvisor.Result r = Jvisor.run(Duration.ofMinutes(MINUTES + 20), "dmesg -n 7\n" + typed + "poweroff -f\n", "run", "--backend", "software",
                "--kernel", guest.kernel().toString(), "--initrd", initrd.toString(), "--append", guest.commandLine(), "--processors",
                Integer.toString(processors), "--memory", "1G", "--timeout", MINUTES + 15 + "m");
        System.out.println(r.out().substring(Math.max(0, r.out().length() - 4000)));
        assertEquals(0, r.exit(), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
        return r.out();
    }
}
