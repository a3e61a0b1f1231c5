package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A guest on the far end of a process' pipes, talked to as a person would: wait for a prompt, answer it. What the guest says is kept as the
 * terminal would show it, without its escape sequences. For one thread.
 */
final class Conversation implements AutoCloseable {
    private static final Pattern ESCAPES = Pattern.compile("\\x1b(?:\\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])|\\r");
    private static final int TOLD = 6000;

    private final Process process;
    private final Path errors;
    private final long began = System.nanoTime();
    private final StringBuilder heard = new StringBuilder();
    private int read;
    private boolean over;
    private int questions;

    private Conversation(Process process, Path errors) {
        this.process = process;
        this.errors = errors;
    }

    /** Starts {@code ./jvisor} with these arguments. */
    static Conversation withJvisor(String... arguments) throws IOException {
        return with(Stream.concat(Stream.of(Jvisor.ROOT.resolve("jvisor").toString()), Stream.of(arguments)).toList());
    }

    /** Starts any command with a guest on its pipes. */
    static Conversation with(List<String> command) throws IOException {
        Path errors = Files.createTempFile("conversation", ".err");
        ProcessBuilder b = new ProcessBuilder(command).redirectError(errors.toFile());
        b.environment().put("JVISOR_BUILD", "never");
        Conversation c = new Conversation(b.start(), errors);
        Thread.ofPlatform().daemon().name("listener").start(c::listen);
        return c;
    }

    private void listen() {
        byte[] some = new byte[8192];
        try (InputStream in = process.getInputStream()) {
            for (int n = in.read(some); n >= 0; n = in.read(some)) {
                synchronized (this) {
                    heard.append(new String(some, 0, n, StandardCharsets.ISO_8859_1));
                    notifyAll();
                }
            }
        } catch (IOException e) {
            // The process is gone, as below.
        }
        synchronized (this) {
            over = true;
            notifyAll();
        }
    }

    /** Waits until the guest says {@code text}, after what was waited for before. {@return what it said up to there} */
    synchronized String expect(String text, Duration limit) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (true) {
            int at = heard.indexOf(text, read);
            if (at >= 0) {
                String said = heard.substring(read, at);
                read = at + text.length();
                return ESCAPES.matcher(said).replaceAll("");
            }
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (over || left <= 0) {
                return fail("the guest " + (over ? "ended" : "did not come") + " without '" + text + "'; its last words:\n" + tail() + "\n--- stderr\n"
                        + Files.readString(errors, StandardCharsets.ISO_8859_1));
            }
            wait(left);
        }
    }

    /** Types a line. */
    void type(String line) throws IOException {
        OutputStream out = process.getOutputStream();
        out.write((line + "\n").getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    /** Has the guest's shell run a command. {@return what the command printed} */
    String ask(String command, Duration limit) throws IOException, InterruptedException {
        int n = ++questions;
        // What is echoed when the line is typed is not what the shell will say.
        type("echo begin-$((" + n + "*1)); " + command + "; echo end-$((" + n + "*1))");
        expect("begin-" + n, limit);
        return expect("end-" + n, limit).strip();
    }

    /** Waits for the process to end. {@return its exit code, all that the guest said, and what came on stderr} */
    Jvisor.Result end(Duration limit) throws IOException, InterruptedException {
        boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        synchronized (this) {
            while (!over) {
                wait();
            }
            return new Jvisor.Result(ended ? process.exitValue() : -1, ESCAPES.matcher(heard).replaceAll(""),
                    Files.readString(errors, StandardCharsets.ISO_8859_1));
        }
    }

    private String tail() {
        return ESCAPES.matcher(heard.substring(Math.max(0, heard.length() - TOLD))).replaceAll("");
    }

    /** {@return all that the guest has said} */
    synchronized String transcript() {
        return ESCAPES.matcher(heard).replaceAll("");
    }

    /** {@return since it was started} */
    Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** {@return processor time of all the process' threads, of those it has started and that still run too} */
    Duration cpu() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .map(p -> p.info().totalCpuDuration().orElse(Duration.ZERO)).reduce(Duration.ZERO, Duration::plus);
    }

    @Override
    public void close() throws IOException {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        Files.deleteIfExists(errors);
    }
}
