package dev.jvisor.ci;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution's Hyper-V drivers come, go and come again, and the guest's panic is told. {@link DriversLongSuite} has more, and kexec. */
@Tag("e2e")
@Tag("slow")
class DriversEndToEndTest {
    @TempDir
    Path dir;

    @Test
    void driversLoadAgainAndAgainAndAPanicIsTold() throws Exception {
        try (DriversScenario s = DriversScenario.boot(dir, 1)) {
            s.reloadStorvsc(3);
            s.reloadVmbus(3);
            s.panic();
        }
    }
}
