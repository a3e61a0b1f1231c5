package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.SupervisorMixGuest;
import dev.jvisor.guest.baremetal.TimerIpiGuest;
import dev.jvisor.guest.baremetal.UserComputeGuest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A guest that goes from KVM to the software CPU and back in the middle of its work says what it says on one of them. */
@Tag("e2e")
class EngineChangeEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(180);
    private static final long ITERATIONS = 200_000_000;
    private static final int MOST_RUNS = 10;
    private static final Pattern CHANGES = Pattern.compile("the engine was changed (\\d+) times");

    @TempDir
    Path dir;

    @BeforeEach
    void needsKvm() {
        assumeTrue(Jvisor.hasKvm(), "no /dev/kvm that we may use");
    }

    static Stream<Arguments> guests() {
        return Stream.of("kvm", "software").flatMap(supervisor -> Stream.of(
                Arguments.of(UserComputeGuest.program(ITERATIONS, false), supervisor),
                // An instruction for the other engine takes KVM some thousand times as long as one in software.
                Arguments.of(SupervisorMixGuest.program(supervisor.equals("kvm") ? 8000 : 200_000), supervisor),
                Arguments.of(TimerIpiGuest.program(2), supervisor)));
    }

    /** {@return what it says on one engine} */
    private String alone(GuestProgram g) throws Exception {
        if (!g.name().equals("user-compute")) {
            return run(g, "--backend", "software").out();
        }
        // So long for the interpreter that it is computed here.
        return "user-compute: %d iterations at CPL3\r\nuser-compute: loop done, back by INT3\r\nuser-compute: checksum 0x%016x\r\n".formatted(
                ITERATIONS, UserComputeGuest.checksum(ITERATIONS));
    }

    private Jvisor.Result run(GuestProgram g, String... more) throws Exception {
        Path file = dir.resolve(g.name());
        g.write(file);
        return Jvisor.run(LIMIT, "", Stream.concat(Stream.of("run", "-v", "--kernel", file.toString(), "--processors", "2", "--debug-exit",
                "--timeout", "150s"), Stream.of(more)).toArray(String[]::new));
    }

    @ParameterizedTest
    @MethodSource("guests")
    void aHundredChangesLeaveTheOutputAsItIs(GuestProgram g, String supervisor) throws Exception {
        int wanted = g.name().equals("timer-ipi") ? 5 : 100;
        int changes = 0;
        String alone = alone(g);
        // One run has far more, unless the host is busy and gives the thread that asks for them little time.
        for (int runs = 0; changes < wanted && runs < MOST_RUNS; runs++) {
            Jvisor.Result r = run(g, "--backend", "kvm", "--supervisor", supervisor, "--change-engine", "2ms");
            assertEquals(1, r.exit(), r::toString);
            assertEquals(alone, r.out());
            Matcher m = CHANGES.matcher(r.err());
            assertTrue(m.find(), r::toString);
            changes += Integer.parseInt(m.group(1));
        }
        assertTrue(changes >= wanted, "changes " + changes);
    }
}
