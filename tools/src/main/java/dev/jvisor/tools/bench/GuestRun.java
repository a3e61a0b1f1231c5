package dev.jvisor.tools.bench;

import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.tools.machine.Machine;
import dev.jvisor.tools.machine.MachineConfig;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.partition.InterceptTrace;
import dev.jvisor.vmm.partition.StopReason;
import java.io.IOException;
import java.time.Duration;

/** Runs a bare-metal guest to its end, with somebody looking at its intercepts. */
final class GuestRun {
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private GuestRun() { }

    /** {@return what the guest printed} @throws IOException when it did not end with code 0 */
    static String run(Backend backend, GuestProgram program, InterceptTrace trace) throws IOException, InterruptedException {
        ConsoleSerialBackend console = new ConsoleSerialBackend();
        try (Machine m = Machine.create(backend, MachineConfig.of(program), console)) {
            m.partition().trace(trace);
            m.partition().start();
            StopReason end = m.partition().awaitStop(LIMIT);
            if (end == null || end.kind() != StopReason.Kind.DEBUG_EXIT || end.code() != 0) {
                throw new IOException("guest " + program.name() + " on " + backend.name() + " ended badly: "
                        + (end == null ? "time-out" : end.kind() + " " + end.text()) + "; it printed: " + console.output().strip());
            }
            return console.output();
        }
    }
}
