package dev.jvisor.tools.gdb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The GDB of this machine understands the description of the registers and drives a target. */
@Timeout(120)
class RealGdbTest {
    @Test
    void readsWritesBreaksAndSteps() throws Exception {
        assumeTrue(Arrays.stream(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, "gdb"))), "no gdb");
        FakeTarget target = new FakeTarget();
        target.states[0].rip = 0x1100;
        target.states[0].gpr[0] = 0x1234;
        target.states[0].efer = 0xD01;
        target.states[0].ymm[0] = 0x5678;
        target.states[0].ymm[5 * 4 + 2] = 0x9ABC;
        target.memory[0x10] = 0x42;
        try (GdbServer server = new GdbServer(target, 0)) {
            List<String> command = List.of("gdb", "-nx", "-batch", "-ex", "set confirm off", "-ex", "target remote 127.0.0.1:" + server.port(),
                    "-ex", "info threads", "-ex", "printf \"rip=%lx rax=%lx efer=%lx\\n\", $rip, $rax, $efer",
                    "-ex", "p/x $xmm0.v2_int64[0]", "-ex", "printf \"ymm5=%lx\\n\", $ymm5.v4_int64[2]", "-ex", "set $ymm6.v4_int64[3] = 77",
                    "-ex", "x/1xb 0x1010", "-ex", "set {char}0x1020 = 7", "-ex", "set $rbx = 99",
                    "-ex", "stepi", "-ex", "printf \"now=%lx\\n\", $rip", "-ex", "monitor",
                    "-ex", "watch *(int *)0x1040", "-ex", "rwatch *(char *)0x1050", "-ex", "continue", "-ex", "delete", "-ex", "hbreak *0x1200", "-ex", "detach");
            Process gdb = new ProcessBuilder(command).redirectErrorStream(true).start();
            gdb.getOutputStream().close();
            String said = new String(gdb.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            gdb.waitFor();
            assertTrue(said.contains("rip=1100 rax=1234 efer=d01"), said);
            assertTrue(said.contains("0x5678"), said);
            assertTrue(said.contains("ymm5=9abc"), said);
            assertEquals(77, target.states[0].ymm[6 * 4 + 3], said);
            assertTrue(said.contains("0x42"), said);
            assertTrue(said.contains("now=1101"), said);
            assertTrue(said.contains("registers of VP 0"), said);
            assertTrue(said.contains("VP 1"), said);
            assertTrue(said.contains("Hardware watchpoint 1: *(int *)0x1040"), said);
            assertTrue(said.contains("New value = 1"), said);
            assertEquals(7, target.memory[0x20]);
            assertEquals(99, target.states[0].gpr[3]);
            assertEquals(Set.of(), target.breakpoints.getLast());
        }
    }
}
