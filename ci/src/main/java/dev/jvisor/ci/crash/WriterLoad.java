package dev.jvisor.ci.crash;

import java.nio.file.Path;
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
 *  G SECTORS                       it is done
 *  x WHAT                          something that should not be was read
 *  bye                             the disk is closed
 * </pre>
 */
public final class WriterLoad implements CrashLoad {
    private final CrashImage image;
    private final int epoch;
    private final long seed;
    private final boolean errorsAllowed;
    private volatile boolean opening;
    private volatile boolean ready;
    private volatile boolean closed;
    private volatile long failures;

    /** Makes a load. @param errorsAllowed whether changes may fail, as they do on a full disk */
    public WriterLoad(CrashImage image, int epoch, long seed, boolean errorsAllowed) {
        this.image = image;
        this.epoch = epoch;
        this.seed = seed;
        this.errorsAllowed = errorsAllowed;
    }

    @Override
    public List<String> command(Path directory) {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC", "-Xmx128m", "-XX:TieredStopAtLevel=1",
                "-Xshare:auto", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), CrashWriter.class.getName(),
                image.file().toString(), Integer.toString(epoch), Long.toString(seed));
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

    /** {@return changes and flushes that failed} */
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
            case "f" -> m.beginFlush(Long.parseLong(w[1]));
            case "s" -> m.flushed(Long.parseLong(w[1]));
            case "F" -> {
                m.flushFailed(Long.parseLong(w[1]));
                failed(line);
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
        failures++;
        if (!errorsAllowed && !line.endsWith(CrashWriter.GONE)) {
            throw new CrashFailure("the writer got an error: " + line);
        }
    }
}
