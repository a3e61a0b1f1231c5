package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.ci.crash.CrashImage;
import dev.jvisor.ci.crash.CrashSuite;
import dev.jvisor.ci.crash.ImageKind;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** "Does kill -9 lose a flushed write, or an image?" A few kills of each sort; {@code ci/long-crash} does more. */
@Tag("e2e")
class CrashTest {
    @TempDir
    Path dir;

    @ParameterizedTest
    @EnumSource(names = {"RAW", "VHD_DYNAMIC", "VHD_CHILD", "VHDX_DYNAMIC", "VHDX_CHILD_4K"})
    void everyFlushedWriteOutlivesAKillAtAnyMoment(ImageKind kind) throws Exception {
        long seed = System.nanoTime();
        System.out.println("CrashTest " + kind + " seed=" + seed);
        CrashSuite suite = new CrashSuite(dir, seed, Jvisor.has("qemu-img"));
        CrashImage image = suite.image(kind);
        suite.killWriter(image);
        // A VHDX that grows has most to lose: also under a whole run.
        if (kind == ImageKind.VHDX_DYNAMIC) {
            suite.killGuest(image, Jvisor.ROOT.resolve("jvisor"), Jvisor.hasKvm() ? "kvm" : "software");
        }
        suite.killWriter(image);
        // Those that were killed before they had begun do not count.
        for (int i = 0; i < 5 && suite.promises() == 0; i++) {
            suite.killWriter(image);
        }
        assertTrue(suite.promises() > 0, "nothing was promised: " + suite.summary());
    }

    @ParameterizedTest
    @EnumSource(names = {"VHD_CHILD", "VHDX_CHILD"})
    void aFileThatMayNotGrowFailsWritesButNoFlushAndLosesNothing(ImageKind kind) throws Exception {
        long seed = System.nanoTime();
        System.out.println("CrashTest, limited file, " + kind + " seed=" + seed);
        CrashSuite suite = new CrashSuite(dir, seed, false);
        CrashImage image = suite.image(kind);
        untilFull(suite, image, 8 << 20);
    }

    @ParameterizedTest
    @EnumSource(names = {"RAW", "VHDX_DYNAMIC"})
    void aFullFileSystemFailsWritesButNoFlushAndLosesNothing(ImageKind kind) throws Exception {
        Path small = Files.createDirectory(dir.resolve("small"));
        // A VHDX needs some 4 MiB before it holds anything.
        String size = kind == ImageKind.RAW ? "size=3m" : "size=6m";
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", size, "tmpfs", small.toString()).start();
        assumeTrue(mount.waitFor() == 0, "cannot mount a small file system");
        try {
            long seed = System.nanoTime();
            System.out.println("CrashTest, small file system, " + kind + " seed=" + seed);
            CrashSuite suite = new CrashSuite(small, seed, false);
            untilFull(suite, suite.image(kind), 0);
        } finally {
            new ProcessBuilder("umount", small.toString()).start().waitFor();
        }
    }

    private static void untilFull(CrashSuite suite, CrashImage image, long fileLimit) throws Exception {
        long failures = 0;
        for (int i = 0; i < 10 && (failures == 0 || suite.promises() == 0); i++) {
            failures += suite.killWriterWithoutRoom(image, fileLimit);
        }
        assertTrue(failures > 0 && suite.promises() > 0, "failures " + failures + ", " + suite.summary());
        // And with room again.
        if (fileLimit > 0) {
            suite.killWriter(image);
        }
    }
}
