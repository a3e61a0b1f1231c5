package dev.jvisor.ci;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The distribution's own hv_storvsc on our disks: what a guest writes into ext4 file systems on a raw disk, on dynamic VHDX and on a chain of
 * three differencing ones is found on the host. {@link StorageLongSuite} is the same with larger files.
 */
@Tag("e2e")
@Tag("slow")
class StorageEndToEndTest {
    @TempDir
    Path dir;

    @Test
    void ext4SurvivesTheTripThroughTheGuestOnEveryKindOfImage() throws Exception {
        StorageScenario.assumePossible();
        StorageScenario s = new StorageScenario(dir, 24, Duration.ofMinutes(10));
        s.makeImages();
        s.guestWritesToEachKind();
        s.guestWritesToTheThirdOfAChain();
    }
}
