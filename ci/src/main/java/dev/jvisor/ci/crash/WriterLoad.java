package dev.jvisor.ci.crash;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@link CrashWriter} as the load. Its lines:
 *
 * <pre>
 *  open                            the disk is about to be opened
 *  ready                           it is open
 *  i GENERATION w|z FIRST COUNT    a write or a zeroing of COUNT sectors is about to begin
 *  d GENERATION                    it is done        p GENERATION   ... and durable by itself
 *  e GENERATION WHAT               it has failed
 *  f NAME                          a flush is about to begin
 *  s NAME                          it is done        F NAME WHAT    it has failed
 *  g SECTORS                       a resize is about to begin
 *  G SECTORS                       it is done        r WHAT         it has failed, and there will be no other
 *  x WHAT                          something that should not be was read
 *  bye                             the disk is closed
 * </pre>
 */
public final class WriterLoad implements CrashLoad {
    private final CrashImage image;
    private final int epoch;
    private final long seed;
    private final List<String> prefix;
    private final boolean fullAllowed;
    private volatile boolean opening;
    private volatile boolean ready;
    private volatile boolean closed;
    private volatile long failures;

    /** Makes a load on a host that has room for all it writes. */
    public WriterLoad(CrashImage image, int epoch, long seed) {
        this(image, epoch, seed, List.of(), false);
    }

    /**
     * Makes a load.
     *
     * @param prefix the command that runs its command
     * @param fullAllowed whether changes may fail for want of space; flushes never may
     */
    public WriterLoad(CrashImage image, int epoch, long seed, List<String> prefix, boolean fullAllowed) {
        this.image = image;
        this.epoch = epoch;
        this.seed = seed;
        this.prefix = prefix;
        this.fullAllowed = fullAllowed;
    }

    @Override
    public List<String> command(Path directory) {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC", "-Xmx128m",
                "-XX:TieredStopAtLevel=1", "-Xshare:auto", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                CrashWriter.class.getName(), image.file().toString(), Integer.toString(epoch), Long.toString(seed)));
        return command;
    }

    @Override
    public boolean opening() {
        return opening;
    }

    @Override
    public boolean ready() {
        return ready;
    }

    @Override
    public boolean closed() {
        return closed;
    }

    /** {@return changes that failed for want of space} */
    public long failures() {
        return failures;
    }

    @Override
    public void line(String line) {
        DiskModel m = image.model();
        String[] w = line.split(" ", 5);
        switch (w[0]) {
            case "open" -> opening = true;
            case "ready" -> ready = true;
            case "i" -> {
                String[] tail = w[4].split(" ");
                m.begin(Long.parseLong(w[1]), w[2].equals("z"), Integer.parseInt(w[3]), Integer.parseInt(tail[0]));
            }
            case "d" -> m.done(Long.parseLong(w[1]));
            case "p" -> m.doneDurably(Long.parseLong(w[1]));
            case "e" -> {
                m.failed(Long.parseLong(w[1]));
                failed(line);
            }
            case "r" -> failed(line + " " + CrashWriter.FULL);
            case "f" -> m.beginFlush(Long.parseLong(w[1]));
            case "s" -> m.flushed(Long.parseLong(w[1]));
            case "F" -> {
                m.flushFailed(Long.parseLong(w[1]));
                throw new CrashFailure("a flush failed: " + line);
            }
            case "g" -> m.resizing(Long.parseLong(w[1]));
            case "G" -> m.resized(Long.parseLong(w[1]));
            case "x" -> throw new CrashFailure("the writer read: " + line);
            case "bye" -> {
                m.closed();
                closed = true;
            }
            default -> throw new CrashFailure("the writer says: " + line);
        }
    }

    private void failed(String line) {
        failures += line.endsWith(CrashWriter.FULL) ? 1 : 0;
        if (!line.endsWith(CrashWriter.GONE) && !(fullAllowed && line.endsWith(CrashWriter.FULL))) {
            throw new CrashFailure("the writer got an error: " + line);
        }
    }
}
