package dev.jvisor.tools.bench;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.guest.disk.DiskPath;
import dev.jvisor.guest.disk.DiskWorkload;
import dev.jvisor.nativebindings.FileIo;
import dev.jvisor.tools.bench.BenchReport.Row;
import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.options.ByteSize;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.backend.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code jvisor bench disk}: the same workloads over synthetic storage, IDE with DMA and IDE with PIO, by the bare-metal disk guest or by fio
 * in a Linux guest, on an image in the host's page cache; beside each, what the host itself does with the same pattern on a raw file, which
 * is the limit.
 */
@Command(name = "disk", description = "Disk I/O, synthetic and emulated, beside the host's own.", mixinStandardHelpOptions = true)
final class BenchDisk extends BenchCommand.Benchmark {
    private static final int MIN_BLOCK = 512;
    private static final long MIB = 1 << 20;
    /** Seconds before each measurement, and before the first, when nothing is compiled yet. */
    private static final double SETTLE = 0.3, FIRST_WARM_UP = 4;

    @Option(names = "--backend", paramLabel = "auto|kvm|software", defaultValue = "auto", description = "the engine")
    private BackendChoice.Name backendName;

    @Option(names = "--guest", paramLabel = "bare|linux", defaultValue = "bare",
        description = "bare: a bare-metal guest with its own drivers; linux: fio on the distribution's kernel (default bare)")
    private Guest guest;

    @Option(names = "--path", paramLabel = "synthetic|ide-dma|ide-pio", split = ",", converter = PathName.class,
        description = "ways to the disk (default all)")
    private List<DiskPath> paths = List.of(DiskPath.values());

    @Option(names = "--pattern", paramLabel = "read|write|randread|randwrite|flushwrite", split = ",",
        description = "what is done; flushwrite flushes after every 7 random writes (default all)")
    private List<DiskPattern> patterns = List.of(DiskPattern.values());

    @Option(names = "--block", paramLabel = "SIZE", split = ",", converter = ByteSize.Converter.class, defaultValue = "4K,64K,1M",
        description = "bytes of a transfer, 512 to 1M (default 4K,64K,1M)")
    private List<ByteSize> blocks;

    @Option(names = "--depth", paramLabel = "N", split = ",", defaultValue = "1,8,32,64",
        description = "transfers at once, 1 to 64 (default 1,8,32,64); IDE has one")
    private List<Integer> depths;

    @Option(names = "--format", paramLabel = "raw|vhd|vhdx", defaultValue = "raw", description = "of the image (default raw)")
    private DiskFormat format;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "256M", converter = ByteSize.Converter.class,
        description = "of the disk (default 256M)")
    private ByteSize size;

    @Option(names = "--directory", paramLabel = "DIR", description = "where the image goes (default: where temporary files go)")
    private Path directory;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "1", description = "how long each is measured (default 1)")
    private double seconds;

    @Option(names = "--plot", paramLabel = "FILE.svg", description = "also draw the results")
    private Path plot;

    private String table;
    private List<Row> comparisons;

    /** Who does the I/O. */
    enum Guest {
        /** The bare-metal disk guest. */
        BARE,
        /** fio in a Linux guest. */
        LINUX
    }

    /** Paths by the name people use. */
    static final class PathName implements picocli.CommandLine.ITypeConverter<DiskPath> {
        @Override
        public DiskPath convert(String value) {
            return Stream.of(DiskPath.values()).filter(p -> p.text().equals(value)).findFirst().orElseThrow(
                () -> new picocli.CommandLine.TypeConversionException("'" + value + "' is unknown; write synthetic, ide-dma or ide-pio"));
        }
    }

    private void check() {
        for (ByteSize b : blocks) {
            if (b.bytes() < MIN_BLOCK || b.bytes() > DiskWorkload.MAX_BLOCK || Long.bitCount(b.bytes()) != 1) {
                throw new UserMistake("--block: " + b + " is not a power of two from 512 to 1M");
            }
        }
        for (int d : depths) {
            if (d < 1 || d > DiskWorkload.MAX_DEPTH) {
                throw new UserMistake("--depth: " + d + " is not between 1 and " + DiskWorkload.MAX_DEPTH);
            }
        }
        if (size.bytes() < 8 * MIB || size.bytes() % MIB != 0 || size.bytes() > 64L << 30) {
            throw new UserMistake("--size: " + size + " is not between 8M and 64G in whole megabytes");
        }
        if (!(seconds >= 0.1 && seconds <= 3600)) {
            throw new UserMistake("--seconds: " + seconds + " is not between 0.1 and 3600");
        }
        if (directory != null && !Files.isDirectory(directory)) {
            throw new UserMistake("--directory: " + directory + " is no directory");
        }
        if (plot != null && !Files.isWritable(plot.toAbsolutePath().getParent())) {
            throw new UserMistake("--plot: cannot write " + plot + "; name a file in a directory that you may write to");
        }
    }

    @Override
    BenchReport measure() throws IOException, InterruptedException {
        check();
        Path work = directory == null ? Files.createTempDirectory("jvisor-bench") : Files.createTempDirectory(directory, "jvisor-bench");
        Path raw = work.resolve("disk.img");
        Path image = format == DiskFormat.RAW ? raw : work.resolve("disk." + format.name().toLowerCase(Locale.ROOT));
        try (BackendChoice engine = BackendChoice.open(backendName)) {
            engine.announce();
            fill(raw);
            if (image != raw) {
                DiskImages.convert(raw, DiskFormat.RAW, image, DiskSpec.of(format, size.bytes(), Instant.now()));
            }
            List<DiskResult> results = guest == Guest.BARE ? measure(engine.backend(), raw, image) : fio(engine.backend(), raw, image);
            if (plot != null) {
                Files.writeString(plot, DiskPlot.svg(results, BenchReport.here("disk", List.of()).host() + ", backend " + engine.backend().name()));
            }
            comparisons = DiskReport.comparisons(results);
            table = DiskReport.table(results);
            List<Row> rows = new ArrayList<>(comparisons);
            rows.addAll(DiskReport.rows(results));
            return BenchReport.here("disk", rows);
        } finally {
            Files.deleteIfExists(image);
            Files.deleteIfExists(raw);
            Files.deleteIfExists(work);
        }
    }

    /** Contents that are no zeroes: reading holes would be no work. */
    private void fill(Path raw) throws IOException {
        try (Arena arena = Arena.ofConfined(); FileIo file = FileIo.create(raw.toString())) {
            MemorySegment buffer = arena.allocate(MIB, 4096);
            SplittableRandom random = new SplittableRandom(1);
            for (long i = 0; i < MIB / 8; i++) {
                buffer.setAtIndex(ValueLayout.JAVA_LONG, i, random.nextLong());
            }
            for (long at = 0; at < size.bytes(); at += MIB) {
                file.write(buffer, 0, MIB, at);
            }
        }
    }

    private List<DiskResult> measure(Backend backend, Path raw, Path image) throws IOException, InterruptedException {
        List<DiskResult> results = new ArrayList<>();
        double settle = Math.min(SETTLE, seconds);
        double warmUp = FIRST_WARM_UP * Math.min(1, seconds);
        for (DiskPattern pattern : patterns) {
            for (ByteSize block : blocks) {
                Map<Integer, Double> host = new HashMap<>();
                for (DiskPath path : paths) {
                    for (int depth : path == DiskPath.SYNTHETIC ? depths : List.of(1)) {
                        DiskWorkload w = pattern.workload((int) block.bytes(), depth, size.bytes());
                        if (!host.containsKey(depth)) {
                            host.put(depth, HostDisk.rate(w, raw, settle, seconds));
                        }
                        DiskResult r = DiskRun.run(backend, path, pattern, w, image, warmUp, seconds, host.get(depth));
                        results.add(r);
                        System.err.printf(Locale.ROOT, "jvisor: %s %s: %.0f MB/s, %.0f IOPS%n", r.path(), r.title(), r.megabytes(), r.rate());
                        warmUp = settle;
                    }
                }
            }
        }
        return results;
    }

    /** A boot for each path, and in it all workloads. */
    private List<DiskResult> fio(Backend backend, Path raw, Path image) throws IOException, InterruptedException {
        List<DiskResult> results = new ArrayList<>();
        for (DiskPath path : paths) {
            try (LinuxDisk linux = LinuxDisk.boot(backend, path, image)) {
                for (DiskPattern pattern : patterns) {
                    for (ByteSize block : blocks) {
                        for (int depth : path == DiskPath.SYNTHETIC ? depths : List.of(1)) {
                            DiskWorkload w = pattern.workload((int) block.bytes(), depth, size.bytes());
                            double host = HostDisk.rate(w, raw, Math.min(SETTLE, seconds), seconds);
                            DiskResult r = linux.run(pattern, w, seconds, host);
                            results.add(r);
                            System.err.printf(Locale.ROOT, "jvisor: %s %s: %.0f MB/s, %.0f IOPS%n", r.path(), r.title(), r.megabytes(), r.rate());
                        }
                    }
                }
            }
        }
        return results;
    }

    /** A line for each result, with all columns, and what is compared; all numbers as rows go to {@code --json}. */
    @Override
    String text(BenchReport report) {
        return table + "\n" + new BenchReport(report.benchmark(), report.host(), comparisons).table();
    }
}
