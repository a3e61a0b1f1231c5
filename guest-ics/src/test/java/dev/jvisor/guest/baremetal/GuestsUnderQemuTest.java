package dev.jvisor.guest.baremetal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.guest.HostCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bare-metal guests print what they should on another implementation of the machine: QEMU's TCG. */
class GuestsUnderQemuTest {
    @TempDir
    private Path directory;

    @BeforeEach
    void qemuIsThere() {
        Assumptions.assumeTrue(HostCommand.isPresent("qemu-system-x86_64"), "qemu-system-x86_64 is not installed");
    }

    private String run(int processors, int exitCode, List<String> kernel) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", "max", "-m", "64", "-smp",
                String.valueOf(processors), "-serial", "stdio", "-display", "none", "-no-reboot", "-device",
                "isa-debug-exit,iobase=0xf4,iosize=1"));
        command.addAll(kernel);
        HostCommand.Result result = HostCommand.run(120, command);
        String output = result.output().replace("\r", "");
        assertEquals(exitCode, result.exitCode(), output);
        return output;
    }

    private String run(GuestProgram guest, boolean multiboot, int processors, int exitCode) throws IOException, InterruptedException {
        Path file = directory.resolve(guest.name());
        Files.write(file, multiboot ? guest.toMultiboot() : guest.toElf());
        return run(processors, exitCode, List.of("-kernel", file.toString()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void hello(boolean multiboot) throws IOException, InterruptedException {
        assertEquals(HelloGuest.LINE + "\n", run(HelloGuest.program(), multiboot, 1, 1));
    }

    @Test
    void helloFromRealMode() throws IOException, InterruptedException {
        Path file = directory.resolve("sector");
        HelloGuest.realModeProgram().write(file);
        assertEquals(HelloGuest.REAL_MODE_LINE + "\n", run(1, 1, List.of("-drive", "format=raw,file=" + file)));
    }

    @Test
    void exitStorm() throws IOException, InterruptedException {
        assertEquals("""
                exit-storm: start
                exit-storm: 1234 port writes
                exit-storm: 77 MMIO reads
                exit-storm: 77 MMIO writes
                exit-storm: OK
                """, run(ExitStormGuest.program(1234, 77, ExitStormGuest.DEFAULT_MMIO_ADDRESS, false), false, 1, 1));
    }

    @Test
    void exitStormOfNothing() throws IOException, InterruptedException {
        String output = run(ExitStormGuest.program(0, 0, ExitStormGuest.DEFAULT_MMIO_ADDRESS, true), true, 1, 1);
        assertTrue(output.matches("(?s).*: 0 port writes, cycles \\d+\n.*: 0 MMIO reads, cycles \\d+\n.*"), output);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 1_000_003})
    void userCompute(long iterations) throws IOException, InterruptedException {
        assertEquals("user-compute: " + iterations + " iterations at CPL3\nuser-compute: loop done, back by INT3\nuser-compute: checksum 0x"
                + String.format("%016x", UserComputeGuest.checksum(iterations)) + "\n",
                run(UserComputeGuest.program(iterations, false), iterations == 2, 1, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void timerIpi(int processors) throws IOException, InterruptedException {
        StringBuilder expected = new StringBuilder("timer-ipi: start, processors " + processors + "\n" + """
                timer-ipi: OK local APIC timer, one-shot
                timer-ipi: OK local APIC timer, periodic, 10 ticks
                timer-ipi: OK PIT through PIC, 10 ticks
                timer-ipi: OK PIT through I/O APIC, 10 ticks
                timer-ipi: OK IPI to self
                """);
        for (int i = 1; i < processors; i++) {
            expected.append("timer-ipi: OK processor ").append(i).append(", 10 IPIs each way\n");
        }
        assertEquals(expected.append("timer-ipi: OK\n").toString(), run(TimerIpiGuest.program(processors), processors == 2, processors, 1));
    }

    @Test
    void anExceptionNobodyExpectsIsPrintedAndEndsTheGuest() throws IOException, InterruptedException {
        BootPrologue boot = new BootPrologue();
        boot.start();
        boot.enterLongMode(false);
        long rip = boot.assembler().here();
        boot.assembler().ud2();
        String output = run(boot.finish("crash"), false, 1, 255);
        assertTrue(output.startsWith("PANIC vector=6 error=0000000000000000 rip=" + String.format("%016x", rip)), output);
    }
}
