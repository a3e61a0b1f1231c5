package dev.jvisor.ci.crash;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** Kills writers at random moments and looks at what they leave. */
public final class CrashSuite {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int FRESH_AFTER = 8;
    private static final int MAX_WRITING_MS = 1000;

    private final Path directory;
    private final long seed;
    private final Random random;
    private final boolean qemu;
    private int images;
    private int kills;
    private int logs;
    private int unseen;
    private int guests;
    private long promises;

    /**
     * Makes a suite.
     *
     * @param directory for its images
     * @param seed of all that it does; when a writer is killed is a matter of its luck, too
     * @param qemu whether there is a qemu-img to ask
     */
    public CrashSuite(Path directory, long seed, boolean qemu) {
        this.directory = directory;
        this.seed = seed;
        this.random = new Random(seed);
        this.qemu = qemu;
    }

    /** {@return a new image} */
    public CrashImage image(ImageKind kind) throws IOException {
        return new CrashImage(kind, directory.resolve("image" + images++));
    }

    /** {@return changes that were promised so far} */
    public long promises() {
        return promises;
    }

    /** {@return what it has seen so far, in a line} */
    public String summary() {
        return kills + " kills (" + guests + " of a jvisor run) of " + images + " images, " + logs + " logs replayed, " + unseen
                + " dirty images opened by the next writer, " + promises + " promised changes, seed " + seed;
    }

    /**
     * One writer's life and what it leaves.
     *
     * @throws CrashFailure when something is wrong
     */
    public void killWriter(CrashImage image) throws IOException, InterruptedException {
        int epoch = image.nextEpoch();
        kill(image, epoch, new WriterLoad(image, epoch, random.nextLong()));
    }

    /**
     * The same, with a writer for whose image there is not always room.
     *
     * @param fileLimit bytes that no file of the writer may exceed (RLIMIT_FSIZE); 0 for none: the file system is small enough
     * @return changes that failed for want of space
     * @throws CrashFailure when something is wrong, a flush that failed included
     */
    public long killWriterWithoutRoom(CrashImage image, long fileLimit) throws IOException, InterruptedException {
        int epoch = image.nextEpoch();
        List<String> prefix = fileLimit == 0 ? List.of() : List.of("sh", "-c", "ulimit -f " + fileLimit / 512 + "; exec \"$@\"", "sh");
        WriterLoad load = new WriterLoad(image, epoch, random.nextLong(), prefix, true);
        kill(image, epoch, load);
        return load.failures();
    }

    /**
     * The same with a whole {@code jvisor run} and a guest of ours.
     *
     * @param jvisor the launcher
     * @param backend what the guest runs on
     * @throws CrashFailure when something is wrong
     */
    public void killGuest(CrashImage image, Path jvisor, String backend) throws IOException, InterruptedException {
        int epoch = image.nextEpoch();
        guests++;
        kill(image, epoch, new GuestLoad(image, epoch, random.nextLong(), jvisor, backend));
    }

    private void kill(CrashImage image, int epoch, CrashLoad load) throws IOException, InterruptedException {
        long before = image.model().promises();
        String when = run(image, load);
        kills++;
        promises += image.model().promises() - before;
        // Now and then the next writer finds the image as it is.
        if (random.nextInt(6) == 0) {
            unseen++;
            return;
        }
        CrashImage.Recovery recovery = CrashImage.Recovery.values()[random.nextInt(3)];
        try {
            image.verify(recovery, qemu && random.nextInt(3) == 0);
        } catch (CrashFailure e) {
            throw new CrashFailure(image.kind() + " (" + image.file() + "), seed " + seed + ", kill " + kills + ", writer " + epoch + " killed " + when
                    + ", recovery " + recovery + ": " + e.getMessage());
        }
        logs += image.wasLogged() ? 1 : 0;
    }

    /** Has a load run and kills it. {@return when it was killed, in words} */
    private String run(CrashImage image, CrashLoad load) throws IOException, InterruptedException {
        Path log = image.file().resolveSibling("writer.log");
        ProcessBuilder builder = new ProcessBuilder(load.command(image.file().getParent())).redirectError(log.toFile());
        builder.environment().put("JVISOR_BUILD", "never");
        Process p = builder.start();
        CrashFailure[] failure = new CrashFailure[1];
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                read(p, load);
            } catch (CrashFailure e) {
                failure[0] = e;
                kill(p);
            }
        });
        String when = "never";
        try {
            when = killAtSomeTime(p, load);
        } finally {
            kill(p);
            p.waitFor();
            reader.join();
        }
        if (failure[0] != null) {
            throw failure[0];
        }
        if (!load.opening()) {
            throw new CrashFailure("the writer did not start: " + Files.readString(log));
        }
        load.over();
        image.model().killed();
        return when;
    }

    /** SIGKILL. Process.destroyForcibly would close the pipe as well, with lines in it. */
    private static void kill(Process p) {
        p.toHandle().destroyForcibly();
    }

    /** Lines that are whole, to the end. */
    private static void read(Process p, CrashLoad load) {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.US_ASCII))) {
            StringBuilder line = new StringBuilder();
            for (int c = lines.read(); c >= 0; c = lines.read()) {
                if (c == '\n') {
                    load.line(line.toString());
                    line.setLength(0);
                } else {
                    line.append((char) c);
                }
            }
        } catch (IOException e) {
            throw new CrashFailure("the writer's lines cannot be read: " + e.getMessage());
        }
    }

    private String killAtSomeTime(Process p, CrashLoad load) throws InterruptedException, IOException {
        int kind = random.nextInt(10);
        long wait = random.nextInt(kind == 0 || kind == 1 ? 40 : MAX_WRITING_MS);
        await(p, kind == 0 ? load::opening : load::ready);
        if (kind == 1) {
            // While it closes the disk.
            Thread.sleep(random.nextInt(MAX_WRITING_MS));
            load.stop(p);
        }
        Thread.sleep(wait);
        return wait + " ms after " + (kind == 0 ? "it began to open" : kind == 1 ? "it was told to stop" : "it began to write");
    }

    private static void await(Process p, java.util.function.BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean() && p.isAlive()) {
            if (System.nanoTime() > end) {
                throw new CrashFailure("the writer does not get anywhere in " + PATIENCE.toSeconds() + " s");
            }
            Thread.sleep(1);
        }
    }

    /**
     * Kills so many, 200 unless told, and says how it went: every other one is a whole {@code jvisor run}. Arguments: the launcher, kills,
     * seed.
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        Path jvisor = Path.of(args[0]);
        int count = args.length > 1 ? Integer.parseInt(args[1]) : 200;
        long seed = args.length > 2 ? Long.parseLong(args[2]) : System.nanoTime();
        String backend = Files.isWritable(Path.of("/dev/kvm")) ? "kvm" : "software";
        boolean qemu = Stream.of(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, "qemu-img")));
        Path directory = Files.createTempDirectory("jvisor-crash");
        CrashSuite suite = new CrashSuite(directory, seed, qemu);
        Map<ImageKind, CrashImage> living = new EnumMap<>(ImageKind.class);
        Map<ImageKind, Integer> age = new EnumMap<>(ImageKind.class);
        System.out.println("long-crash: seed " + seed + (qemu ? "" : "; no qemu-img, so only our own look"));
        try {
            for (int i = 0; i < count; i++) {
                ImageKind kind = ImageKind.values()[i % ImageKind.values().length];
                int old = age.merge(kind, 1, Integer::sum);
                if (old == 1 || old > FRESH_AFTER) {
                    age.put(kind, 1);
                    living.put(kind, suite.image(kind));
                }
                // Each kind has its turn with either.
                if ((i / ImageKind.values().length + i) % 2 == 0) {
                    suite.killWriter(living.get(kind));
                } else {
                    suite.killGuest(living.get(kind), jvisor, backend);
                }
                if ((i + 1) % ImageKind.values().length == 0) {
                    System.out.println("long-crash: " + suite.summary());
                }
            }
        } catch (CrashFailure e) {
            System.out.println("long-crash: FAILED: " + e.getMessage());
            System.exit(1);
        }
        delete(directory);
        System.out.println("long-crash: passed: " + suite.summary());
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }
}
