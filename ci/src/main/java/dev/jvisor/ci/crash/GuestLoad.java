package dev.jvisor.ci.crash;

import dev.jvisor.guest.disk.CrashGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A whole {@code jvisor run} as the load, with {@link CrashGuest} writing over VMBus. The guest says only which round is promised; what a
 * round is, and that no more than two of them are under way, is known.
 */
public final class GuestLoad implements CrashLoad {
    /** Rounds that may have been reported without our hearing of it: as many as are done while a line is on its way. */
    private static final int UNHEARD = 32;

    private final CrashImage image;
    private final Path jvisor;
    private final String backend;
    private final long seed;
    private final long generation;
    private final CrashGuest.Plan plan;
    private final Map<Long, List<CrashGuest.Change>> underway = new HashMap<>();
    private final int sectors;
    private long rounds;
    private volatile boolean ready;

    /** Makes a load. @param jvisor the launcher */
    public GuestLoad(CrashImage image, int epoch, long seed, Path jvisor, String backend) {
        this.image = image;
        this.jvisor = jvisor;
        this.backend = backend;
        this.seed = seed;
        generation = (long) epoch << 32;
        sectors = (int) (CrashImage.BYTES / image.kind().sectorBytes());
        plan = new CrashGuest.Plan(sectors, image.kind().sectorBytes(), seed, generation);
    }

    @Override
    public List<String> command(Path directory) throws IOException {
        Path kernel = directory.resolve("guest.elf");
        Files.deleteIfExists(kernel);
        CrashGuest.program(sectors, image.kind().sectorBytes(), seed, generation).write(kernel);
        String format = image.kind().format().name().toLowerCase(Locale.ROOT);
        return List.of(jvisor.toString(), "run", "--backend", backend, "--kernel", kernel.toString(), "--memory",
                CrashGuest.MEMORY_BYTES / 1024 + "K", "--disk", image.file() + ",format=" + format, "--timeout", "5m");
    }

    @Override
    public boolean opening() {
        return ready;
    }

    @Override
    public boolean ready() {
        return ready;
    }

    @Override
    public boolean closed() {
        return false;
    }

    @Override
    public void stop(Process p) {
        p.toHandle().destroy();
    }

    @Override
    public void line(String line) {
        String[] w = line.strip().split(" ");
        switch (w[0]) {
            case "ready" -> {
                beginRound();
                beginRound();
                ready = true;
            }
            case "s" -> {
                long round = Long.parseLong(w[1]);
                List<CrashGuest.Change> changes = underway.remove(round);
                if (changes == null) {
                    throw new CrashFailure("the guest says that round " + round + " is done");
                }
                DiskModel m = image.model();
                changes.forEach(c -> m.done(c.generation()));
                m.beginFlush(round);
                m.flushed(round);
                beginRound();
            }
            default -> throw new CrashFailure("the guest says: " + line);
        }
    }

    @Override
    public void over() {
        // What the guest printed last was still on its way through the serial port.
        for (int i = 0; i < UNHEARD; i++) {
            beginRound();
        }
    }

    private void beginRound() {
        List<CrashGuest.Change> changes = plan.next();
        underway.put(rounds++, changes);
        changes.forEach(c -> image.model().begin(c.generation(), c.zero(), c.first(), c.count()));
    }
}
