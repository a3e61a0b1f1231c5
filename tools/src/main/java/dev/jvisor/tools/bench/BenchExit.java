package dev.jvisor.tools.bench;

import dev.jvisor.guest.baremetal.ExitStormGuest;
import dev.jvisor.tools.bench.BenchReport.Row;
import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.partition.InterceptTrace;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code jvisor bench exit}: what an intercept costs, from the guest's instruction to the device and back, by the exit-storm guest. Wall
 * clock between the first and the last access of a kind, on the VP's thread.
 */
@Command(name = "exit", description = "The cost of a port and of an MMIO intercept.", mixinStandardHelpOptions = true)
final class BenchExit extends BenchCommand.Benchmark {
    @Option(names = "--backend", paramLabel = "auto|kvm|software", defaultValue = "auto", description = "the engine")
    private BackendChoice.Name backendName;

    @Option(names = "--count", paramLabel = "N", description = "accesses of each kind (default 100000 on KVM, 2 million on the software CPU)")
    private Long count;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "how often it is measured; the median counts")
    private int runs;

    /** Counts one kind of access and keeps the times of the first and the last. */
    private static final class Span {
        private long seen;
        private long first;
        private long last;

        void hit(long expected) {
            if (seen++ == 0) {
                first = System.nanoTime();
            } else if (seen == expected) {
                last = System.nanoTime();
            }
        }

        double nsEach() {
            return (double) (last - first) / (seen - 1);
        }
    }

    private static final class Spans implements InterceptTrace {
        private final long expected;
        private final Span port = new Span();
        private final Span read = new Span();
        private final Span write = new Span();

        Spans(long expected) {
            this.expected = expected;
        }

        @Override
        public void port(int vp, boolean isWrite, int number, int size, int value, boolean known) {
            if (number == ExitStormGuest.PORT) {
                port.hit(expected);
            }
        }

        @Override
        public void mmio(int vp, boolean isWrite, long gpa, int size, long value, boolean known) {
            if (gpa == ExitStormGuest.DEFAULT_MMIO_ADDRESS) {
                (isWrite ? write : read).hit(expected);
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
            long n = count != null ? count : backend.name().equals("kvm") ? 100_000 : 2_000_000;
            if (n < 2) {
                throw new UserMistake("--count: " + n + " is too few; give 2 or more");
            }
            double[] port = new double[runs];
            double[] read = new double[runs];
            double[] write = new double[runs];
            for (int i = -1; i < runs; i++) {
                Spans s = new Spans(n);
                GuestRun.run(backend, ExitStormGuest.program(n, n, ExitStormGuest.DEFAULT_MMIO_ADDRESS, false), s);
                if (i >= 0) { // the first warms up
                    port[i] = s.port.nsEach();
                    read[i] = s.read.nsEach();
                    write[i] = s.write.nsEach();
                }
            }
            List<Row> rows = new ArrayList<>();
            rows.add(Row.alone(backend.name() + " port write", median(port), "ns"));
            rows.add(Row.alone(backend.name() + " MMIO read", median(read), "ns"));
            rows.add(Row.alone(backend.name() + " MMIO write", median(write), "ns"));
            return BenchReport.here("exit", rows);
        }
    }
}
