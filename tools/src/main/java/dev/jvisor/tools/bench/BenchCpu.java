package dev.jvisor.tools.bench;

import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.UserComputeGuest;
import dev.jvisor.tools.bench.BenchReport.Row;
import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.partition.InterceptTrace;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code jvisor bench cpu}: how fast a guest's user mode computes. The user-compute guest runs its loop at CPL3; the baseline is the same
 * bytes as a Linux process on the host. Both are timed in CPU time, alternating, so that what else the host does falls out.
 */
@Command(name = "cpu", description = "Compute at CPL3 in a guest, beside the same loop as a process on the host.", mixinStandardHelpOptions = true)
final class BenchCpu extends BenchCommand.Benchmark {
    /** Instructions of one round of the loop. */
    private static final int INSTRUCTIONS = 12;
    private static final long WARM_UP = 2_000_000;

    @Option(names = "--backend", paramLabel = "auto|kvm|software", defaultValue = "auto", description = "the engine")
    private BackendChoice.Name backendName;

    @Option(names = "--iterations", paramLabel = "N", description = "rounds of the loop (default 300 million on KVM, 20 million on the software CPU)")
    private Long iterations;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "how often each is measured; the median counts")
    private int runs;

    /** Reads the VP thread's CPU clock at the guest's two marks. */
    private static final class Marks implements InterceptTrace {
        private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        private long begin;
        private long end;

        @Override
        public void port(int vp, boolean write, int port, int size, int value, boolean known) {
            if (port == UserComputeGuest.MARK_PORT && value == 1) {
                begin = threads.getCurrentThreadCpuTime();
            } else if (port == UserComputeGuest.MARK_PORT && value == 2) {
                end = threads.getCurrentThreadCpuTime();
            }
        }
    }

    @Override
    BenchReport measure() throws IOException, InterruptedException {
        if (runs < 1) {
            throw new UserMistake("--runs: " + runs + " is none; give 1 or more");
        }
        try (BackendChoice engine = BackendChoice.open(backendName)) {
            engine.announce();
            Backend backend = engine.backend();
            long n = iterations != null ? iterations : backend.name().equals("kvm") ? 300_000_000 : 20_000_000;
            if (n < 1) {
                throw new UserMistake("--iterations: " + n + " is none; give 1 or more");
            }
            double[] guest = new double[runs];
            double[] host = new double[runs];
            // A JIT has to see the loop before it can be measured.
            guest(backend, Math.min(n, WARM_UP));
            for (int i = 0; i < runs; i++) {
                guest[i] = guest(backend, n);
                HostLoop.Result h = HostLoop.run(n);
                if (h.checksum() != UserComputeGuest.checksum(n)) {
                    throw new IOException("the host computed 0x" + Long.toHexString(h.checksum()) + ", which is wrong");
                }
                host[i] = h.cpuNs();
            }
            double g = median(guest);
            double h = median(host);
            return BenchReport.here("cpu", List.of(
                    Row.less(backend.name() + " user-mode loop", g / n, "ns/round", "host process", h / n),
                    Row.more(backend.name() + " user-mode rate", n * INSTRUCTIONS * 1e3 / g, "MIPS", "host process", n * INSTRUCTIONS * 1e3 / h)));
        }
    }

    private static double guest(Backend backend, long n) throws IOException, InterruptedException {
        GuestProgram program = UserComputeGuest.program(n, false);
        Marks marks = new Marks();
        String said = GuestRun.run(backend, program, marks);
        String sum = Long.toHexString(UserComputeGuest.checksum(n));
        if (!said.contains(sum)) {
            throw new IOException("the guest's checksum is not 0x" + sum + ": " + said.strip());
        }
        return marks.end - marks.begin;
    }
}
