package dev.jvisor.tools.bench;

import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.guest.disk.DiskPath;
import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import dev.jvisor.guest.image.ProgramBundle;
import dev.jvisor.tools.bench.DiskRun.Moment;
import dev.jvisor.tools.machine.DiskConfig;
import dev.jvisor.tools.machine.Machine;
import dev.jvisor.tools.machine.MachineConfig;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.loader.KernelImage;
import dev.jvisor.vmm.loader.LoaderException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A Linux guest with fio and one disk: the distribution's own kernel and drivers, hv_storvsc or ata_piix. It is booted once for a path and
 * runs workload after workload, typed into its shell.
 */
final class LinuxDisk implements AutoCloseable {
    private static final Duration BOOT = Duration.ofMinutes(5);
    private static final Duration RUN = Duration.ofMinutes(2);
    private static final long MEMORY = 1L << 30;
    /** Said by the shell, but not by the echo of what was typed. */
    private static final String SAY = "echo said-$((6*7))-";
    private static final String SAID = "said-42-";

    private final DiskPath path;
    private final String program;
    private final Path initrd;
    private final ConsoleSerialBackend console;
    private final Machine machine;

    private LinuxDisk(DiskPath path, String program, Path initrd, ConsoleSerialBackend console, Machine machine) {
        this.path = path;
        this.program = program;
        this.initrd = initrd;
        this.console = console;
        this.machine = machine;
    }

    /**
     * Boots the guest to its shell.
     *
     * @throws UserMistake when there are no packages to make it of
     */
    static LinuxDisk boot(Backend backend, DiskPath path, Path image) throws IOException, InterruptedException {
        Path cache = DefaultImage.defaultCache();
        DefaultImage guest;
        ProgramBundle fio;
        KernelImage kernel;
        try {
            guest = DefaultImage.build(cache, KernelFlavour.GENERIC, List.of("ata_piix", "sd_mod"), LinuxDisk::tell);
            fio = ProgramBundle.build(cache, "fio", "usr/bin/fio", LinuxDisk::tell);
            kernel = KernelImage.open(guest.kernel());
        } catch (ImageException | LoaderException e) {
            throw new UserMistake("--guest: no Linux guest with fio: " + e.getMessage());
        }
        Path initrd = Files.createTempFile("jvisor-fio", ".cpio");
        try (OutputStream out = Files.newOutputStream(initrd)) {
            Files.copy(guest.initrd(), out);
            Files.copy(fio.cpio(), out);
        }
        String line = guest.commandLine() + (path == DiskPath.IDE_PIO ? " libata.dma=0" : "");
        DiskConfig disk = DiskConfig.of(image, path == DiskPath.SYNTHETIC ? DiskConfig.Bus.SCSI : DiskConfig.Bus.IDE);
        MachineConfig config = MachineConfig.of(d -> {
            d.memoryBytes = MEMORY;
            d.kernel = kernel;
            d.initrd = initrd;
            d.commandLine = line;
            d.disks = List.of(disk);
        });
        ConsoleSerialBackend console = new ConsoleSerialBackend();
        LinuxDisk linux = new LinuxDisk(path, fio.path(), initrd, console, Machine.create(backend, config, console));
        try {
            linux.machine.partition().start();
            linux.prepare(path);
            return linux;
        } catch (IOException | InterruptedException | RuntimeException e) {
            linux.close();
            throw e;
        }
    }

    private static void tell(String line) {
        System.err.println("jvisor: " + line);
    }

    private void prepare(DiskPath path) throws IOException, InterruptedException {
        String module = path == DiskPath.SYNTHETIC ? "hv_storvsc" : "ata_piix";
        type("modprobe " + module + "; modprobe sd_mod; until [ -b /dev/sda ]; do sleep 0.1; done; stty -echo; " + SAY + "ready", "ready", BOOT);
    }

    private void type(String line, String mark, Duration limit) throws IOException, InterruptedException {
        console.type(line + "\n");
        if (!console.awaitOutput(SAID + mark, limit)) {
            String all = console.output().strip();
            throw new IOException("the Linux guest did not get to '" + mark + "'; it printed: " + all.substring(Math.max(0, all.length() - 1000)));
        }
    }

    /** Runs fio for a while, after a short run that does not count. */
    DiskResult run(DiskPattern pattern, DiskWorkload w, double seconds, double hostRate) throws IOException, InterruptedException {
        String job = program + " --name=job --filename=/dev/sda --thread --direct=1 --ioengine=libaio --time_based --norandommap --invalidate=0"
                + " --rw=" + (pattern.random ? "rand" : "") + pattern.operation.name().toLowerCase(Locale.ROOT) + " --bs=" + w.blockBytes()
                + " --iodepth=" + w.depth() + " --size=" + w.areaBytes() + (w.flushEvery() > 0 ? " --fdatasync=" + (w.flushEvery() - 1) : "")
                + " --output-format=json --output=/tmp/fio.json --runtime=";
        type(job + "500ms >/dev/null 2>&1; " + SAY + "warm", "warm", RUN);
        int from = console.output().length();
        Moment begin = Moment.of(machine, path);
        type(job + (long) (seconds * 1000) + "ms 2>&1; " + SAY + "done", "done", RUN.plusSeconds((long) seconds));
        Moment end = Moment.of(machine, path);
        type("cat /tmp/fio.json; " + SAY + "json", "json", RUN);
        return result(pattern, w, json(console.output().substring(from)), begin, end, hostRate);
    }

    private static JsonNode json(String printed) throws IOException {
        int start = printed.indexOf('{');
        int stop = printed.lastIndexOf('}');
        if (start < 0 || stop < start) {
            throw new IOException("fio wrote no results: " + printed.strip());
        }
        JsonNode job = JsonMapper.builder().build().readTree(printed.substring(start, stop + 1)).path("jobs").path(0);
        if (job.path("error").asInt() != 0) {
            throw new IOException("fio failed with error " + job.path("error").asInt());
        }
        return job;
    }

    private DiskResult result(DiskPattern pattern, DiskWorkload w, JsonNode job, Moment begin, Moment end, double hostRate) {
        JsonNode side = job.path(pattern.operation.name().toLowerCase(Locale.ROOT));
        JsonNode percentiles = side.path("clat_ns").path("percentile");
        return new DiskResult(path.text() + " (Linux)", pattern, w, side.path("runtime").asLong() / 1e3, side.path("total_ios").asLong(),
                job.path("sync").path("total_ios").asLong(), new DiskResult.Latency(percentiles.path("50.000000").asDouble() / 1e3,
                        percentiles.path("99.000000").asDouble() / 1e3, percentiles.path("99.900000").asDouble() / 1e3),
                end.intercepts() - begin.intercepts(), end.interrupts() - begin.interrupts(), (end.cpuNs() - begin.cpuNs()) / 1e9, hostRate);
    }

    @Override
    public void close() throws IOException {
        machine.close();
        Files.deleteIfExists(initrd);
    }
}
