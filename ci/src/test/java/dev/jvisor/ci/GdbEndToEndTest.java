package dev.jvisor.ci;

import static dev.jvisor.guest.asm.Gpr.EAX;
import static dev.jvisor.guest.asm.Mem.mem;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.baremetal.EntryMode;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.PowerOff;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** GDB breaks into, steps and looks at a guest that the command line runs. */
@Tag("e2e")
@Timeout(180)
class GdbEndToEndTest {
    private static final int ROUNDS = 1000;
    private static final long COUNTER = 0x200000;

    @TempDir
    Path dir;

    @Test
    void breaksStepsAndReadsMemoryOnTheSoftwareCpu() throws Exception {
        assumeTrue(Jvisor.has("gdb"), "no gdb");
        Assembler a = new Assembler(0x100000, Mode.BITS32);
        a.xor(EAX, EAX);
        Label loop = a.bind("loop");
        a.inc(EAX);
        a.mov(mem(COUNTER).dword(), EAX);
        a.cmp(EAX, ROUNDS);
        a.j(Cond.NE, loop);
        Label done = a.bind("done");
        PowerOff.emit(a, 0);
        GuestProgram guest = new GuestProgram("loop", a.assemble(), 0x100000, 0x100000, EntryMode.PROTECTED_32);
        Path file = dir.resolve("loop.elf");
        guest.write(file);

        ProcessBuilder b = new ProcessBuilder(Jvisor.ROOT.resolve("jvisor").toString(), "run", "--backend", "software", "--kernel",
                file.toString(), "--debug-exit", "--gdb", "0", "--timeout", "120s");
        b.environment().put("JVISOR_BUILD", "never");
        Process jvisor = b.start();
        try {
            BufferedReader err = new BufferedReader(new InputStreamReader(jvisor.getErrorStream(), StandardCharsets.UTF_8));
            String line;
            do {
                line = err.readLine();
                assertTrue(line != null, "jvisor ended before it waited for GDB");
            } while (!line.contains("target remote :"));
            String port = line.substring(line.lastIndexOf(':') + 1).strip();
            String at = "*0x" + Long.toHexString(loop.address());
            Process gdb = new ProcessBuilder(List.of("gdb", "-nx", "-batch", "-ex", "set confirm off", "-ex", "target remote 127.0.0.1:" + port,
                    "-ex", "printf \"start=%x\\n\", $rip", "-ex", "break " + at, "-ex", "continue", "-ex", "continue", "-ex", "continue",
                    "-ex", "printf \"third=%d memory=%d\\n\", $eax, *(int*)0x200000", "-ex", "stepi", "-ex", "printf \"stepped=%d\\n\", $eax",
                    "-ex", "delete", "-ex", "break *0x" + Long.toHexString(done.address()), "-ex", "continue",
                    "-ex", "printf \"end=%d memory=%d\\n\", $eax, *(int*)0x200000", "-ex", "delete", "-ex", "continue"))
                    .redirectErrorStream(true).start();
            gdb.getOutputStream().close();
            String said = new String(gdb.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(said.contains("start=100000"), said);
            assertTrue(said.contains("third=2 memory=2"), said);
            assertTrue(said.contains("stepped=3"), said);
            assertTrue(said.contains("end=1000 memory=1000"), said);
            assertTrue(said.contains("exited with code 01"), said);
            assertTrue(jvisor.waitFor(60, TimeUnit.SECONDS), "jvisor did not end");
            assertEquals(1, jvisor.exitValue());
        } finally {
            jvisor.destroyForcibly();
        }
    }
}
