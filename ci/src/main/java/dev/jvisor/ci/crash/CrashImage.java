package dev.jvisor.ci.crash;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskOptions;
import dev.jvisor.devices.disk.DiskRequest;
import dev.jvisor.devices.disk.DiskRequest.Op;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.devices.disk.DiskStatus;
import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.guest.disk.SectorPattern;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

/** An image that lives through many kills, and what is known of its content. */
public final class CrashImage {
    /** Bytes of a disk at first: no multiple of a block, so that the last one is cut. */
    public static final long BYTES = (20 << 20) + (300 << 10);
    /** Bytes it never exceeds. */
    public static final long MAX_BYTES = 28 << 20;
    private static final int CHUNK = 1 << 20;
    private static final int MAX_WRONG = 5;

    private final ImageKind kind;
    private final Path file;
    private final DiskModel model;
    private final int sectorBytes;
    private int epoch;
    private boolean logged;

    /** Makes an image in a directory of its own; ancestors have content, in part. */
    public CrashImage(ImageKind kind, Path directory) throws IOException {
        this.kind = kind;
        sectorBytes = kind.sectorBytes();
        model = new DiskModel((int) (MAX_BYTES / sectorBytes));
        Files.createDirectories(directory);
        Path last = null;
        for (int i = 0; i < kind.ancestors(); i++) {
            Path ancestor = directory.resolve("ancestor" + i);
            kind.create(ancestor, last, BYTES);
            populate(ancestor, i + 1);
            last = ancestor;
        }
        file = directory.resolve("disk");
        kind.create(file, last, BYTES);
        model.resized(BYTES / sectorBytes);
        for (long at = 0; at < BYTES; at += sectorBytes) {
            int sector = (int) (at / sectorBytes);
            long generation = 0;
            for (int i = 0; i < kind.ancestors(); i++) {
                generation = inAncestor(sector, i + 1) ? i + 1 : generation;
            }
            model.settle(sector, generation);
        }
    }

    /** Rows of sectors with and without content, in an ancestor's own rhythm. */
    private static boolean inAncestor(int sector, int generation) {
        return sector / (37 * generation) % 3 == 0;
    }

    private void populate(Path ancestor, int generation) throws IOException {
        try (Arena arena = Arena.ofShared(); VirtualDisk disk = VirtualDisk.open(ancestor, DiskOptions.writable())) {
            Transfers t = new Transfers(arena, disk);
            int row = 37 * generation;
            for (int first = 0; first < BYTES / sectorBytes; first += 3 * row) {
                int count = (int) Math.min(row, BYTES / sectorBytes - first);
                for (int i = 0; i < count; i++) {
                    SectorPattern.fill(t.memory, (long) i * sectorBytes, sectorBytes, first + i, generation);
                }
                t.run(Op.WRITE, (long) first * sectorBytes, count * sectorBytes);
            }
        }
    }

    /** {@return what it is} */
    public ImageKind kind() {
        return kind;
    }

    /** {@return where it is} */
    public Path file() {
        return file;
    }

    /** {@return what it may hold} */
    public DiskModel model() {
        return model;
    }

    /** {@return the number of the next writer, from 1; part of its generations} */
    public int nextEpoch() {
        return ++epoch;
    }

    /** {@return whether the last look found a log to replay} */
    public boolean wasLogged() {
        return logged;
    }

    /** How an image is brought back. */
    public enum Recovery {
        /** Opened for writing, as a guest's disk is. */
        OPEN,
        /** Opened for reading: the log is replayed all the same. */
        OPEN_READ_ONLY,
        /** By {@code image check --repair}, before it is opened. */
        REPAIR;

        private DiskOptions options() {
            return this == OPEN_READ_ONLY ? DiskOptions.reading() : DiskOptions.writable();
        }
    }

    /**
     * Opens the image after its writer is gone, compares all of it with the model, and checks it. From then on it is known what it holds.
     *
     * @param qemu whether qemu-img has a look too: at a copy before our own recovery, and at the image after it
     * @throws CrashFailure when something is wrong
     */
    public void verify(Recovery recovery, boolean qemu) throws IOException, InterruptedException {
        List<String> before = DiskImages.check(file, kind.format(), false);
        logged = before.stream().anyMatch(p -> p.contains("log"));
        Path theirs = qemu && kind.known() ? recoverByQemu() : null;
        if (recovery == Recovery.REPAIR) {
            expectNothing("image check --repair", DiskImages.check(file, kind.format(), true));
        }
        long sectors;
        try (Arena arena = Arena.ofShared();
                VirtualDisk disk = VirtualDisk.open(file, recovery.options())) {
            sectors = disk.byteSize() / sectorBytes;
            if (!model.mayHave(sectors)) {
                throw new CrashFailure("the disk has " + sectors + " sectors; it may have " + model.sizes());
            }
            compare(new Transfers(arena, disk), (int) sectors);
        } catch (IOException e) {
            throw new CrashFailure("does not open: " + e.getMessage());
        }
        model.resized(sectors);
        for (int i = (int) sectors; i < model.maxSectors(); i++) {
            model.settle(i, 0);
        }
        if (recovery == Recovery.OPEN_READ_ONLY) {
            // What is harmless, such as a footer that is missing, is mended by who opens for writing.
            VirtualDisk.open(file, DiskOptions.writable()).close();
        }
        expectNothing("image check", DiskImages.check(file, kind.format(), false));
        if (theirs != null) {
            compareByQemu(theirs, sectors * sectorBytes);
        }
    }

    private void compare(Transfers t, int sectors) throws IOException {
        List<String> wrong = new ArrayList<>();
        int perChunk = CHUNK / sectorBytes;
        for (int first = 0; first < sectors; first += perChunk) {
            int count = Math.min(perChunk, sectors - first);
            t.run(Op.READ, (long) first * sectorBytes, count * sectorBytes);
            for (int i = 0; i < count; i++) {
                long generation = SectorPattern.generation(t.memory, (long) i * sectorBytes, sectorBytes, first + i);
                if (!model.allows(first + i, generation)) {
                    String is = generation == 0 ? "is zeroes" : SectorPattern.describe(t.memory, (long) i * sectorBytes, sectorBytes);
                    wrong.add("sector " + (first + i) + " " + is + "; it may hold " + model.allowed(first + i));
                }
                model.settle(first + i, Math.max(0, generation));
            }
        }
        if (!wrong.isEmpty()) {
            List<String> some = wrong.subList(0, Math.min(MAX_WRONG, wrong.size()));
            throw new CrashFailure(wrong.size() + " sectors are wrong: " + String.join("\n  ", some));
        }
    }

    private static void expectNothing(String what, List<String> problems) {
        if (!problems.isEmpty()) {
            throw new CrashFailure(what + ": " + problems);
        }
    }

    /** Has qemu-img replay the log in a copy. {@return what it makes of the disk, as a raw image} */
    private Path recoverByQemu() throws IOException, InterruptedException {
        Path copy = file.resolveSibling("copy");
        Path raw = file.resolveSibling("copy.raw");
        command("cp", "--sparse=always", file.toString(), copy.toString());
        if (kind.qemuName().equals("vhdx")) {
            command("qemu-img", "check", "-r", "all", "-f", "vhdx", copy.toString());
        }
        command("qemu-img", "convert", "-f", kind.qemuName(), "-O", "raw", copy.toString(), raw.toString());
        Files.delete(copy);
        return raw;
    }

    /** Their disk is ours, and they find our image in order. */
    private void compareByQemu(Path theirs, long bytes) throws IOException, InterruptedException {
        Path ours = file.resolveSibling("ours.raw");
        Files.deleteIfExists(ours);
        DiskImages.convert(file, kind.format(), ours, DiskSpec.of(DiskFormat.RAW, 0, Instant.EPOCH));
        if (Files.size(theirs) != bytes || Files.mismatch(ours, theirs) >= 0) {
            throw new CrashFailure("qemu-img finds something else on the disk from byte " + Files.mismatch(ours, theirs));
        }
        if (kind.qemuName().equals("vhdx")) {
            command("qemu-img", "check", "-f", "vhdx", file.toString());
        }
        command("qemu-img", "compare", "-f", "raw", "-F", kind.qemuName(), ours.toString(), file.toString());
        Files.delete(theirs);
        Files.delete(ours);
    }

    private static void command(String... words) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(words).redirectErrorStream(true).start();
        p.getOutputStream().close();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (p.waitFor() != 0) {
            throw new CrashFailure(String.join(" ", words) + ": " + said.strip());
        }
    }

    /** Requests one after the other. */
    private final class Transfers {
        private final MemorySegment memory;
        private final VirtualDisk disk;
        private final Semaphore done = new Semaphore(0);
        private final DiskRequest request;

        Transfers(Arena arena, VirtualDisk disk) {
            memory = arena.allocate(CHUNK, 4096);
            this.disk = disk;
            request = new DiskRequest(memory, 1, r -> done.release());
        }

        void run(Op op, long at, int bytes) {
            request.begin(op, at, bytes).add(0, bytes);
            disk.submit(request);
            done.acquireUninterruptibly();
            if (request.status() != DiskStatus.OK) {
                throw new CrashFailure(op + " of " + bytes + " bytes at " + at + ": " + request.status());
            }
        }
    }
}
