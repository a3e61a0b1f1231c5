package dev.jvisor.ci;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * A run of {@code ./jvisor} whose menus are worked by keys: text of the guest's is waited for, and answered. What a terminal would do with the
 * text is left out: colours, places and line ends are dropped, words stay. For shells there is {@link Conversation}.
 */
final class MenuSession implements AutoCloseable {
    /** Keys that terminals send. */
    static final String DOWN = "\u001b[B", ENTER = "\r", ESCAPE = "\u001b";

    private static final Pattern CONTROLS = Pattern.compile("\u001b\\[[0-9;?=]*[A-Za-z]|\u001bc|[\r\n]");
    private static final long LOOK_EVERY_MS = 50;

    private final Process process;
    private final long deadlineNs;
    private final Path err = Files.createTempFile("jvisor", ".err");
    private final StringBuilder said = new StringBuilder();
    private final Thread reader;
    private int heard;

    /** Starts it. @param limit for the whole conversation */
    MenuSession(Duration limit, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(Jvisor.ROOT.resolve("jvisor").toString()));
        command.addAll(Arrays.asList(args));
        ProcessBuilder b = new ProcessBuilder(command).redirectError(err.toFile());
        b.environment().put("JVISOR_BUILD", "never");
        process = b.start();
        deadlineNs = System.nanoTime() + limit.toNanos();
        reader = Thread.ofVirtual().start(this::read);
    }

    private void read() {
        byte[] some = new byte[4096];
        try (InputStream in = process.getInputStream()) {
            for (int n = in.read(some); n >= 0; n = in.read(some)) {
                synchronized (said) {
                    said.append(new String(some, 0, n, StandardCharsets.ISO_8859_1));
                }
            }
        } catch (IOException e) {
            // It was ended in the middle.
        }
    }

    private String words() {
        synchronized (said) {
            return CONTROLS.matcher(said).replaceAll("");
        }
    }

    /** Waits for text that comes after what was waited for before. */
    void await(String text) throws InterruptedException {
        for (int at; (at = words().indexOf(text, heard)) < 0; pause(text)) { }
        heard = words().indexOf(text, heard) + text.length();
    }

    /** Waits for text in a file that the run writes. */
    void await(Path file, String text) throws IOException, InterruptedException {
        while (!Files.exists(file) || !Files.readString(file).contains(text)) {
            pause(text);
        }
    }

    private void pause(String text) throws InterruptedException {
        boolean alive = process.isAlive();
        if (!alive) {
            reader.join();
        }
        if (System.nanoTime() > deadlineNs || !alive && words().indexOf(text, heard) < 0) {
            throw new AssertionError((alive ? "nothing of '" : "it ended before '") + text + "'\n" + this);
        }
        Thread.sleep(LOOK_EVERY_MS);
    }

    /** Types keys. */
    void type(String keys) throws IOException {
        OutputStream in = process.getOutputStream();
        in.write(keys.getBytes(StandardCharsets.ISO_8859_1));
        in.flush();
    }

    /** {@return the exit code, when it has ended by itself} */
    int exit() throws InterruptedException {
        if (!process.waitFor(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            throw new AssertionError("it does not end\n" + this);
        }
        reader.join();
        return process.exitValue();
    }

    @Override
    public String toString() {
        String e;
        try {
            e = Files.readString(err, StandardCharsets.ISO_8859_1);
        } catch (IOException x) {
            e = x.toString();
        }
        return "--- said, controls left out\n" + words() + "\n--- stderr\n" + e;
    }

    /** Kills it if it still runs. */
    @Override
    public void close() throws IOException, InterruptedException {
        process.destroyForcibly().waitFor();
        reader.join();
        Files.delete(err);
    }
}
