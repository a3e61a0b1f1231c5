package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.litmus.LitmusGuest;
import dev.jvisor.guest.litmus.LitmusTest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The memory system as several processors see it: litmus tests as guest code, on both engines. {@code -Djvisor.litmus.batches=N} takes more
 * rounds than the few that CI does; see {@code ci/long-litmus}.
 */
@Tag("e2e")
class LitmusEndToEndTest {
    private static final int BATCHES = Integer.getInteger("jvisor.litmus.batches", 5);
    /** Seconds: generous, since a turn of the host's scheduler may be needed wherever one processor waits for another. */
    private static final int LIMIT = 120 + 4 * BATCHES;
    /** What the software CPU does not promise, see the package documentation of {@code dev.jvisor.vmm.x86.cpu}. */
    private static final Set<String> NOT_PROMISED = Set.of("CMPXCHG16B-whole+lower", "CMPXCHG16B-whole+upper");

    @TempDir
    Path dir;

    private static List<LitmusTest> promised(int leastProcessors) {
        return LitmusGuest.allTests().stream().filter(t -> t.processors() >= leastProcessors && !NOT_PROMISED.contains(t.name())).toList();
    }

    private void run(GuestProgram guest, int processors, String... engine) throws Exception {
        Path file = dir.resolve(guest.name());
        guest.write(file);
        List<String> args = new ArrayList<>(List.of("run", "--kernel", file.toString(), "--processors", Integer.toString(processors),
                "--memory", "64M", "--debug-exit", "--timeout", LIMIT + "s"));
        args.addAll(List.of(engine));
        Jvisor.Result r = Jvisor.run(Duration.ofSeconds(LIMIT + 60L), "", args.toArray(String[]::new));
        // What was seen: outcomes with * show that stores are seen late, as they may be.
        r.out().lines().filter(l -> l.contains("*") || l.startsWith("litmus: SB ")).forEach(System.out::println);
        assertTrue(!r.out().contains("FORBIDDEN"), r::toString);
        assertTrue(r.out().contains("litmus: OK"), r::toString);
        assertEquals(1, r.exit(), r::toString); // the guest's 0, as debug exit tells it
    }

    @Test
    void twoProcessorsOfTheSoftwareCpuKeepX86Order() throws Exception {
        run(LitmusGuest.supervisor(2, BATCHES, promised(2)), 2, "--backend", "software");
    }

    @Test
    void fourProcessorsOfTheSoftwareCpuKeepX86Order() throws Exception {
        run(LitmusGuest.user(4, BATCHES, promised(3)), 4, "--backend", "software");
    }

    @Test
    void twoProcessorsOfKvmKeepX86Order() throws Exception {
        assumeTrue(Jvisor.hasKvm(), "no /dev/kvm that we may use");
        // Split locks are left out: a host's kernel may make the thread that executes one sleep, to spare others the locked bus.
        List<LitmusTest> tests = LitmusGuest.allTests().stream().filter(t -> !t.name().contains("+across")).toList();
        run(LitmusGuest.user(2, BATCHES, tests), 2, "--backend", "kvm");
    }
}
