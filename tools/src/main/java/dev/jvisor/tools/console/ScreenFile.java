package dev.jvisor.tools.console;

import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file that shows what is on a guest's text screen, for guests that write nowhere else. It is replaced as a whole when the screen has changed,
 * looked at five times a second, and a last time at the end.
 */
public final class ScreenFile implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ScreenFile.class);
    private static final long PERIOD_MS = 200;

    private final Path file;
    private final Path next;
    private final Supplier<String> screen;
    private final Thread watcher;
    private String shown;

    private ScreenFile(Path file, Supplier<String> screen) {
        this.file = file;
        next = file.resolveSibling(file.getFileName() + ".next");
        this.screen = screen;
        watcher = Thread.ofPlatform().daemon().name("screen").unstarted(this::watch);
    }

    /**
     * Writes the screen, and begins to watch it.
     *
     * @param screen gives what is on it, as UTF-16; called on a thread of this
     * @throws UserMistake when the file cannot be written
     */
    public static ScreenFile open(Path file, Supplier<String> screen) {
        ScreenFile s = new ScreenFile(file, screen);
        try {
            if (Files.isDirectory(file)) {
                throw new IOException("a directory");
            }
            s.show();
        } catch (IOException e) {
            throw new UserMistake("--screen: cannot write " + file + "; name a file in a directory that you may write to");
        }
        s.watcher.start();
        return s;
    }

    private void show() throws IOException {
        String now = screen.get();
        if (!now.equals(shown)) {
            shown = now;
            Files.writeString(next, now, StandardCharsets.UTF_8);
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(PERIOD_MS);
                show();
            }
        } catch (InterruptedException e) {
            // The end.
        } catch (IOException e) {
            LOG.warn("the screen is shown no longer in {}: {}", file, e.toString());
        }
    }

    /** Writes what is on the screen at the end. */
    @Override
    public void close() {
        watcher.interrupt();
        try {
            watcher.join();
            show();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.warn("the screen is not shown in {}: {}", file, e.toString());
        }
    }
}
