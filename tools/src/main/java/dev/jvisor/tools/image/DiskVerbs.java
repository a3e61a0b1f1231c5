package dev.jvisor.tools.image;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskInfo;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.devices.disk.DiskType;
import dev.jvisor.tools.options.ByteSize;
import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The verbs of {@code jvisor image} that work on disk images; the work is {@link DiskImages}. */
final class DiskVerbs {
    private DiskVerbs() { }

    private interface Work<T> {
        T run() throws IOException;
    }

    private static <T> T told(Work<T> work) {
        try {
            return work.run();
        } catch (IOException e) {
            throw new UserMistake(e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    /** What {@code --type} takes: shorter words than {@link DiskType}'s. */
    enum Kind {
        FIXED(DiskType.FIXED), DYNAMIC(DiskType.DYNAMIC), DIFF(DiskType.DIFFERENCING);

        final DiskType type;

        Kind(DiskType type) {
            this.type = type;
        }
    }

    /** The options that shape a new image. */
    static final class Shape {
        @Option(names = "--format", required = true, paramLabel = "raw|vhd|vhdx", description = "format of the new image")
        private DiskFormat format;

        @Option(names = "--type", paramLabel = "fixed|dynamic|diff", description = "raw is fixed, others are dynamic unless told; diff needs --parent")
        private Kind type;

        @Option(names = "--block-size", paramLabel = "SIZE", converter = ByteSize.Converter.class, description = "unit in which space is taken, for example 2M")
        private ByteSize blockSize;

        @Option(names = "--sector", paramLabel = "512|4096", description = "logical sector; vhdx only")
        private int sector;

        DiskSpec spec(long size, Path parent) {
            Kind kind = type != null ? type : parent != null ? Kind.DIFF : format == DiskFormat.RAW ? Kind.FIXED : Kind.DYNAMIC;
            if (kind == Kind.DIFF != (parent != null)) {
                throw new UserMistake(parent == null ? "--type diff needs --parent FILE" : "--parent goes with --type diff only");
            }
            if (format == DiskFormat.RAW && (kind != Kind.FIXED || blockSize != null)) {
                throw new UserMistake("--format raw has no blocks and no parent; vhd and vhdx have");
            }
            if (sector != 0 && sector != 512 && sector != 4096 || sector == 4096 && format != DiskFormat.VHDX) {
                throw new UserMistake("--sector " + sector + ": 512, or 4096 with --format vhdx");
            }
            long block = blockSize == null ? 0 : blockSize.bytes();
            if (block > 256 << 20) {
                throw new UserMistake("--block-size " + blockSize + ": at most 256M");
            }
            return new DiskSpec(format, kind.type, size, (int) block, sector, parent, Instant.now());
        }
    }

    /** {@code image create}. */
    @Command(name = "create", description = "Makes a disk image.", mixinStandardHelpOptions = true)
    static final class Create implements Callable<Integer> {
        @Parameters(paramLabel = "FILE")
        private Path file;

        @Mixin
        private Shape shape;

        @Option(names = "--size", paramLabel = "SIZE", converter = ByteSize.Converter.class, description = "size of the disk, for example 10G")
        private ByteSize size;

        @Option(names = "--parent", paramLabel = "FILE", description = "the image that a differencing one is based on")
        private Path parent;

        @Override
        public Integer call() {
            if (size == null && parent == null) {
                throw new UserMistake("--size is missing, for example --size 10G");
            }
            if (size != null && size.bytes() == 0) {
                throw new UserMistake("--size 0 is no disk");
            }
            DiskSpec spec = shape.spec(size == null ? 0 : size.bytes(), parent);
            return told(() -> {
                DiskImages.create(file, spec);
                return ExitCode.OK;
            });
        }
    }

    /** {@code image diff}. */
    @Command(name = "diff", description = "Makes a differencing child of an image, in the same format.", mixinStandardHelpOptions = true)
    static final class Diff implements Callable<Integer> {
        @Parameters(index = "0", paramLabel = "PARENT")
        private Path parent;

        @Parameters(index = "1", paramLabel = "CHILD")
        private Path child;

        @Override
        public Integer call() {
            return told(() -> {
                DiskFormat format = DiskImages.info(parent, null).format();
                if (format == DiskFormat.RAW) {
                    throw new UserMistake(parent + ": a raw image cannot be a parent; convert it to vhdx");
                }
                DiskImages.create(child, new DiskSpec(format, DiskType.DIFFERENCING, 0, 0, 0, parent, Instant.now()));
                return ExitCode.OK;
            });
        }
    }

    /** {@code image info}. */
    @Command(name = "info", description = "Tells what an image is.", mixinStandardHelpOptions = true)
    static final class Info implements Callable<Integer> {
        @Parameters(paramLabel = "FILE")
        private Path file;

        @Option(names = "--format", paramLabel = "raw|vhd|vhdx", description = "format of the image, found out unless told")
        private DiskFormat format;

        @Override
        public Integer call() {
            return told(() -> {
                DiskInfo i = DiskImages.info(file, format);
                line("image", file.toString());
                line("format", (i.format() + " " + i.type()).toLowerCase(Locale.ROOT));
                line("disk size", size(i.byteSize()));
                line("file size", size(i.fileSize()));
                line("own data", size(i.ownBytes()));
                if (i.blockSize() > 0) {
                    line("block size", size(i.blockSize()));
                }
                line("sectors", i.logicalSectorSize() + " logical, " + i.physicalSectorSize() + " physical");
                line("identity", i.id().toString());
                for (String parent : i.parents()) {
                    line("parent", parent);
                }
                return ExitCode.OK;
            });
        }

        private static void line(String name, String value) {
            System.out.printf("%-10s  %s%n", name, value);
        }

        private static String size(long bytes) {
            return new ByteSize(bytes) + " (" + bytes + " bytes)";
        }
    }

    /** {@code image convert}. */
    @Command(name = "convert", description = "Copies an image, with what its parents hold, into a new one.", mixinStandardHelpOptions = true)
    static final class Convert implements Callable<Integer> {
        @Parameters(index = "0", paramLabel = "SRC")
        private Path source;

        @Parameters(index = "1", paramLabel = "DST")
        private Path target;

        @Option(names = "--source-format", paramLabel = "raw|vhd|vhdx", description = "format of SRC, found out unless told")
        private DiskFormat sourceFormat;

        @Mixin
        private Shape shape;

        @Override
        public Integer call() {
            DiskSpec spec = shape.spec(0, null);
            return told(() -> {
                DiskImages.convert(source, sourceFormat, target, spec);
                return ExitCode.OK;
            });
        }
    }

    /** {@code image check}. */
    @Command(name = "check", description = "Looks for damage in an image and its parents.", mixinStandardHelpOptions = true)
    static final class Check implements Callable<Integer> {
        @Parameters(paramLabel = "FILE")
        private Path file;

        @Option(names = "--format", paramLabel = "raw|vhd|vhdx", description = "format of the image, found out unless told")
        private DiskFormat format;

        @Option(names = "--repair", description = "replay the log, mend what can be mended")
        private boolean repair;

        @Override
        public Integer call() {
            List<String> problems = told(() -> DiskImages.check(file, format, repair));
            if (problems.isEmpty()) {
                System.out.println(file + ": no errors");
                return ExitCode.OK;
            }
            problems.forEach(p -> System.err.println("jvisor image check: " + p));
            return ExitCode.MISTAKE;
        }
    }

    /** {@code image resize}. */
    @Command(name = "resize", description = "Gives a disk another size.", mixinStandardHelpOptions = true)
    static final class Resize implements Callable<Integer> {
        @Parameters(index = "0", paramLabel = "FILE")
        private Path file;

        @Parameters(index = "1", paramLabel = "SIZE", converter = ByteSize.Converter.class)
        private ByteSize size;

        @Option(names = "--format", paramLabel = "raw|vhd|vhdx", description = "format of the image, found out unless told")
        private DiskFormat format;

        @Option(names = "--shrink", description = "it may become smaller; what is beyond is lost")
        private boolean shrink;

        @Override
        public Integer call() {
            return told(() -> {
                DiskImages.resize(file, format, size.bytes(), shrink);
                return ExitCode.OK;
            });
        }
    }

    /** {@code image merge}. */
    @Command(name = "merge", description = "Writes what a differencing image holds into its parent; the child is of no use afterwards.",
        mixinStandardHelpOptions = true)
    static final class Merge implements Callable<Integer> {
        @Parameters(paramLabel = "CHILD")
        private Path child;

        @Override
        public Integer call() {
            Path parent = told(() -> DiskImages.merge(child));
            System.out.println("merged into " + parent + "; " + child + " can be deleted");
            return ExitCode.OK;
        }
    }
}
