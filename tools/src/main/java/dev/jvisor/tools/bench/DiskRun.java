package dev.jvisor.tools.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.disk.DiskGuest;
import dev.jvisor.guest.disk.DiskPath;
import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.tools.machine.DiskConfig;
import dev.jvisor.tools.machine.Machine;
import dev.jvisor.tools.machine.MachineConfig;
import dev.jvisor.vmbus.server.VmbusCounter;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.partition.InterceptTrace;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.partition.VpCounters;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** One run of the disk guest: warms up, measures, and reads what the guest has noted. */
final class DiskRun implements InterceptTrace {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final long HIGHEST_NS = TimeUnit.MINUTES.toNanos(5);

    /**
     * What counts, at one moment.
     *
     * @param ns a clock
     * @param cpuNs CPU time of this process so far
     * @param intercepts times a VP has left the guest so far
     * @param interrupts times the device has interrupted the guest so far
     */
    record Moment(long ns, long cpuNs, long intercepts, long interrupts) {
        private static final OperatingSystemMXBean SYSTEM = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

        static Moment of(Machine machine, DiskPath path) {
            VpCounters c = machine.partition().counters();
            long intercepts = c.portReads + c.portWrites + c.mmioReads + c.mmioWrites + c.msrReads + c.msrWrites + c.halts;
            long interrupts = path == DiskPath.SYNTHETIC ? machine.vmbus().counter(VmbusCounter.INTERRUPTS)
                    : machine.motherboard().ide().metrics().interrupts();
            return new Moment(System.nanoTime(), SYSTEM.getProcessCpuTime(), intercepts, interrupts);
        }
    }

    private final CountDownLatch ready = new CountDownLatch(1);
    private final CountDownLatch began = new CountDownLatch(1);
    private final DiskPath path;
    private Machine machine;
    private Moment begin;
    private Moment end;

    private DiskRun(DiskPath path) {
        this.path = path;
    }

    /**
     * Runs a workload.
     *
     * @param warmUp seconds that do not count
     * @param seconds that do
     * @param hostRate what the host reaches, for the result
     * @throws IOException when the guest did not end as it should
     */
    static DiskResult run(Backend backend, DiskPath path, DiskPattern pattern, DiskWorkload w, Path image, double warmUp, double seconds,
            double hostRate) throws IOException, InterruptedException {
        return new DiskRun(path).measure(backend, pattern, w, image, warmUp, seconds, hostRate);
    }

    private DiskResult measure(Backend backend, DiskPattern pattern, DiskWorkload w, Path image, double warmUp, double seconds, double hostRate)
            throws IOException, InterruptedException {
        GuestProgram program = DiskGuest.program(path, w);
        DiskConfig disk = DiskConfig.of(image, path == DiskPath.SYNTHETIC ? DiskConfig.Bus.SCSI : DiskConfig.Bus.IDE);
        MachineConfig config = MachineConfig.of(program).with(d -> {
            d.memoryBytes = DiskGuest.memoryBytes(w);
            d.disks = List.of(disk);
        });
        ConsoleSerialBackend console = new ConsoleSerialBackend();
        try (Machine m = Machine.create(backend, config, console)) {
            machine = m;
            m.partition().trace(this);
            m.partition().start();
            MemorySegment control = m.partition().gpa().ram(DiskGuest.CONTROL, 4096);
            if (ready.await(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                TimeUnit.MICROSECONDS.sleep((long) (warmUp * 1e6));
                control.set(ValueLayout.JAVA_INT, DiskGuest.PHASE, DiskGuest.MEASURING);
                // The guest looks when a transfer is done, which may take long when the host writes back what went before.
                began.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
                TimeUnit.MICROSECONDS.sleep((long) (seconds * 1e6));
                control.set(ValueLayout.JAVA_INT, DiskGuest.PHASE, DiskGuest.STOP);
            }
            StopReason stop = m.partition().awaitStop(LIMIT);
            if (stop == null || stop.kind() != StopReason.Kind.DEBUG_EXIT || stop.code() != 0 || begin == null || end == null) {
                throw new IOException("guest " + program.name() + " on " + backend.name() + " ended badly: "
                        + (stop == null ? "time-out" : stop.kind() + " " + stop.text()) + "; it printed: " + console.output().strip());
            }
            long transfers = control.get(ValueLayout.JAVA_LONG, DiskGuest.DONE);
            long ticks = control.get(ValueLayout.JAVA_LONG, DiskGuest.TSC_END) - control.get(ValueLayout.JAVA_LONG, DiskGuest.TSC_BEGIN);
            return new DiskResult(path.text(), pattern, w, (end.ns - begin.ns) / 1e9, transfers, control.get(ValueLayout.JAVA_LONG, DiskGuest.FLUSHES),
                    latencies(m, transfers, (double) (end.ns - begin.ns) / ticks), end.intercepts - begin.intercepts,
                    end.interrupts - begin.interrupts, (end.cpuNs - begin.cpuNs) / 1e9, hostRate);
        }
    }

    private static DiskResult.Latency latencies(Machine m, long transfers, double nsPerTick) {
        Histogram h = new Histogram(HIGHEST_NS, 3);
        int n = (int) Math.min(transfers, DiskGuest.MAX_LATENCIES);
        MemorySegment table = m.partition().gpa().ram(DiskGuest.LATENCIES, 4L * DiskGuest.MAX_LATENCIES);
        for (int i = 0; i < n; i++) {
            h.recordValue(Math.min(HIGHEST_NS, (long) (Integer.toUnsignedLong(table.getAtIndex(ValueLayout.JAVA_INT, i)) * nsPerTick)));
        }
        return new DiskResult.Latency(h.getValueAtPercentile(50) / 1e3, h.getValueAtPercentile(99) / 1e3, h.getValueAtPercentile(99.9) / 1e3);
    }

    @Override
    public void port(int vp, boolean write, int port, int size, int value, boolean known) {
        if (port != DiskGuest.MARK_PORT) {
            return;
        }
        switch (value) {
            case DiskGuest.READY -> ready.countDown();
            case DiskGuest.BEGIN -> {
                begin = now();
                began.countDown();
            }
            case DiskGuest.END -> end = now();
            default -> { }
        }
    }

    private Moment now() {
        return Moment.of(machine, path);
    }
}
