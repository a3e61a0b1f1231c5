package dev.jvisor.tools.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.tools.Main;
import dev.jvisor.tools.options.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskVerbsTest {
    @TempDir
    Path dir;

    private String out = "";
    private String err = "";

    private int run(String line) {
        PrintStream oldOut = System.out;
        PrintStream oldErr = System.err;
        ByteArrayOutputStream o = new ByteArrayOutputStream();
        ByteArrayOutputStream e = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(o, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(e, true, StandardCharsets.UTF_8));
            return Main.run(("image " + line.replace("DIR", dir.toString())).split(" "));
        } finally {
            System.setOut(oldOut);
            System.setErr(oldErr);
            out = o.toString(StandardCharsets.UTF_8);
            err = e.toString(StandardCharsets.UTF_8);
        }
    }

    @Test
    void anImageGoesThroughAllVerbs() throws IOException {
        byte[] content = "jvisor disk test".repeat(64).getBytes(StandardCharsets.US_ASCII);
        Files.write(dir.resolve("a.raw"), content);
        assertEquals(ExitCode.OK, run("convert DIR/a.raw DIR/b.vhdx --format vhdx --block-size 1M"), () -> err);
        assertEquals(ExitCode.OK, run("resize DIR/b.vhdx 20M"), () -> err);
        assertEquals(ExitCode.OK, run("diff DIR/b.vhdx DIR/c.vhdx"), () -> err);
        assertEquals(ExitCode.OK, run("check DIR/c.vhdx"), () -> err);
        assertEquals(ExitCode.OK, run("info DIR/c.vhdx"), () -> err);
        assertTrue(out.contains("vhdx differencing") && out.contains("b.vhdx") && out.contains("20M"), out);
        assertEquals(ExitCode.OK, run("convert DIR/c.vhdx DIR/d.vhd --format vhd --type fixed"), () -> err);
        assertEquals(ExitCode.OK, run("merge DIR/c.vhdx"), () -> err);
        assertEquals(ExitCode.OK, run("resize DIR/d.vhd 1K --shrink"), () -> err);
        assertEquals(ExitCode.OK, run("convert DIR/d.vhd DIR/e.raw --format raw"), () -> err);
        assertEquals(new String(content, StandardCharsets.US_ASCII), Files.readString(dir.resolve("e.raw")));
        assertEquals(ExitCode.OK, run("create DIR/f.vhdx --format vhdx --size 10G --sector 4096"), () -> err);
        assertEquals(ExitCode.OK, run("create DIR/g.vhdx --format vhdx --type diff --parent DIR/f.vhdx"), () -> err);
    }

    @Test
    void aDiskThatIsInUseIsLeftAloneWithOneLineAndCodeTwo() throws IOException {
        assertEquals(ExitCode.OK, run("create DIR/a.vhdx --format vhdx --size 8M"), () -> err);
        assertEquals(ExitCode.OK, run("diff DIR/a.vhdx DIR/b.vhdx"), () -> err);
        byte[] parent;
        byte[] child;
        try (VirtualDisk disk = VirtualDisk.open(dir.resolve("b.vhdx"), DiskOptions.writable())) {
            parent = Files.readAllBytes(dir.resolve("a.vhdx"));
            child = Files.readAllBytes(dir.resolve("b.vhdx"));
            for (String line : new String[] {"resize DIR/b.vhdx 20M", "resize DIR/a.vhdx 20M", "merge DIR/b.vhdx", "check DIR/b.vhdx", "check DIR/b.vhdx --repair",
                "check DIR/a.vhdx --repair", "convert DIR/b.vhdx DIR/c.raw --format raw", "diff DIR/b.vhdx DIR/c.vhdx",
                "create DIR/c.vhdx --format vhdx --type diff --parent DIR/b.vhdx"}) {
                assertEquals(ExitCode.MISTAKE, run(line), () -> line + ": " + err);
                assertEquals(1, err.lines().count(), () -> line + ": " + err);
                assertTrue(err.contains(".vhdx: the disk is in use by another") && err.contains("end the other first"), () -> line + ": " + err);
            }
            // Who only looks is let in.
            assertEquals(ExitCode.OK, run("info DIR/b.vhdx"), () -> err);
            assertEquals(ExitCode.OK, run("check DIR/a.vhdx"), () -> err);
            assertEquals(ExitCode.OK, run("convert DIR/a.vhdx DIR/a.raw --format raw"), () -> err);
            assertEquals(8 << 20, disk.byteSize());
        }
        assertArrayEquals(parent, Files.readAllBytes(dir.resolve("a.vhdx")));
        assertArrayEquals(child, Files.readAllBytes(dir.resolve("b.vhdx")));
        assertTrue(Files.notExists(dir.resolve("c.raw")) && Files.notExists(dir.resolve("c.vhdx")));
        // A reader does not keep other readers out, but those who write.
        try (VirtualDisk disk = VirtualDisk.open(dir.resolve("b.vhdx"), DiskOptions.reading())) {
            assertEquals(ExitCode.OK, run("check DIR/b.vhdx"), () -> err);
            assertEquals(ExitCode.MISTAKE, run("resize DIR/b.vhdx 20M"), () -> err);
            assertEquals(ExitCode.MISTAKE, run("merge DIR/b.vhdx"), () -> err);
            assertEquals(8 << 20, disk.byteSize());
        }
        assertEquals(ExitCode.OK, run("merge DIR/b.vhdx"), () -> err);
    }

    @Test
    void mistakesAreOneLineAndCodeTwo() throws IOException {
        Files.write(dir.resolve("a.raw"), new byte[4096]);
        for (String line : new String[] {"create DIR/x --format vhdx", "create DIR/a.raw --format raw --size 1M", "create DIR/x --format vhd --size 3T",
            "create DIR/x --format vhd --size 1M --sector 4096", "create DIR/x --format vhdx --type diff --size 1M", "create DIR/x --format qcow2 --size 1M",
            "create DIR/x --format raw --size 1M --type dynamic", "create DIR/x --format vhdx --size 1M --block-size 3M", "create DIR/none/x --format raw --size 1M",
            "info DIR/none", "info DIR", "info DIR/a.raw --format vhdx", "convert DIR/none DIR/y --format raw", "resize DIR/a.raw 512", "resize DIR/a.raw 1000",
            "merge DIR/a.raw", "diff DIR/a.raw DIR/y", "check DIR/a.raw --format vhd"}) {
            assertEquals(ExitCode.MISTAKE, run(line), () -> line + ": " + err);
            assertEquals(1, err.lines().count(), () -> line + ": " + err);
            assertTrue(Files.notExists(dir.resolve("x")) && Files.notExists(dir.resolve("y")), line);
        }
    }
}
