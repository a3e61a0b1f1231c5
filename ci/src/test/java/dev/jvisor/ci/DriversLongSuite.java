package dev.jvisor.ci;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@link DriversEndToEndTest} for longer, with kexec, on one processor and on two. Run by {@code ci/long-storage}. */
@Tag("e2e")
@Tag("long")
class DriversLongSuite {
    private static final int ROUNDS = 20;

    @TempDir
    Path dir;

    @Test
    void driversSurviveTwentyReloadsAndKexec() throws Exception {
        goesOn(1);
    }

    @Test
    void driversSurviveTwentyReloadsAndKexecOnTwoProcessors() throws Exception {
        goesOn(2);
    }

    private void goesOn(int processors) throws Exception {
        try (DriversScenario s = DriversScenario.boot(dir, processors)) {
            s.reloadStorvsc(ROUNDS);
            s.reloadVmbus(ROUNDS);
            s.kexec();
            s.reloadStorvsc(2);
            s.reloadVmbus(2);
            s.kexec();
            s.panic();
        }
    }
}
