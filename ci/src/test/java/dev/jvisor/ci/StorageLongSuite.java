package dev.jvisor.ci;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@link StorageEndToEndTest} with 200 MB copied on a dynamic VHDX and on the third of a differencing chain. Run by {@code ci/long-storage}. */
@Tag("e2e")
@Tag("long")
class StorageLongSuite {
    @TempDir
    Path dir;

    @Test
    void twoHundredMegabytesSurviveCopyRemountAndTheLookFromOutside() throws Exception {
        StorageScenario.assumePossible();
        StorageScenario s = new StorageScenario(dir, 200, Duration.ofMinutes(60));
        s.makeImages();
        s.guestWritesToEachKind();
        s.guestWritesToTheThirdOfAChain();
    }
}
