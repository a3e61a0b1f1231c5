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
 * terminal would show it, without its escape sequences. Menus break their lines anywhere, so what is heard of them has no line ends either.
 * For one thread.
 */
final class Conversation implements AutoCloseable {
    /** Keys that terminals send. */
    static final String DOWN = "\u001b[B", ENTER = "\r", ESCAPE = "\u001b";

    private static final String ESCAPES = "\\x1b(?:\\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>c])";
    private static final Pattern OF_SHELLS = Pattern.compile(ESCAPES + "|\\r");
    private static final Pattern OF_MENUS = Pattern.compile(ESCAPES + "|[\\r\\n]");
    /** The rest of a sequence may be in what comes next. */
    private static final Pattern BROKEN_OFF = Pattern.compile("\\x1b(?:\\[[0-9;?=]*|[()])?\\z");
    private static final int TOLD = 6000;
    private static final long LOOK_EVERY_MS = 50;

    private final Process process;
    private final Path errors;
    private final Pattern unheard;
    private final long began = System.nanoTime();
    private final StringBuilder heard = new StringBuilder();
    private int read;
    private boolean over;
    private int questions;

    private Conversation(Process process, Path errors, Pattern unheard) {
        this.process = process;
        this.errors = errors;
        this.unheard = unheard;
    }

    /** Starts {@code ./jvisor} with these arguments and a shell in the guest. */
    static Conversation withJvisor(String... arguments) throws IOException {
        return start(jvisor(arguments), OF_SHELLS);
    }

    /** Starts {@code ./jvisor} with these arguments and a guest whose menus are worked by {@link #press}. */
    static Conversation withMenus(String... arguments) throws IOException {
        return start(jvisor(arguments), OF_MENUS);
    }

    /** Starts any command with a guest on its pipes. */
    static Conversation with(List<String> command) throws IOException {
        return start(command, OF_SHELLS);
    }

    private static List<String> jvisor(String... arguments) {
        return Stream.concat(Stream.of(Jvisor.ROOT.resolve("jvisor").toString()), Stream.of(arguments)).toList();
    }

    private static Conversation start(List<String> command, Pattern unheard) throws IOException {
        Path errors = Files.createTempFile("conversation", ".err");
        ProcessBuilder b = new ProcessBuilder(command).redirectError(errors.toFile());
        b.environment().put("JVISOR_BUILD", "never");
        Conversation c = new Conversation(b.start(), errors, unheard);
        Thread.ofPlatform().daemon().name("listener").start(c::listen);
        return c;
    }

    private void listen() {
        byte[] some = new byte[8192];
        String said = "";
        try (InputStream in = process.getInputStream()) {
            for (int n = in.read(some); n >= 0; n = in.read(some)) {
                said += new String(some, 0, n, StandardCharsets.ISO_8859_1);
                Matcher brokenOff = BROKEN_OFF.matcher(said);
                int whole = brokenOff.find() ? brokenOff.start() : said.length();
                synchronized (this) {
                    heard.append(unheard.matcher(said.substring(0, whole)).replaceAll(""));
                    notifyAll();
                }
                said = said.substring(whole);
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
                return said;
            }
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (over || left <= 0) {
                return fail("the guest " + (over ? "ended" : "did not come") + " without '" + text + "'; its last words:\n" + told());
            }
            wait(left);
        }
    }

    /** Waits until a file that the process writes, such as its screen, has {@code text} in it. */
    void expect(Path file, String text, Duration limit) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        boolean alive = true;
        while (!Files.exists(file) || !Files.readString(file).contains(text)) {
            if (!alive || System.nanoTime() - deadline > 0) {
                fail((alive ? "nothing of '" : "the guest ended without '") + text + "' in " + file + "; its last words:\n" + told());
            }
            Thread.sleep(LOOK_EVERY_MS);
            alive = process.isAlive();
        }
    }

    /** Types a line. */
    void type(String line) throws IOException {
        press(line + "\n");
    }

    /** Types keys: characters, {@link #ENTER} and the like. */
    void press(String keys) throws IOException {
        OutputStream out = process.getOutputStream();
        out.write(keys.getBytes(StandardCharsets.ISO_8859_1));
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
            return new Jvisor.Result(ended ? process.exitValue() : -1, heard.toString(),
                    Files.readString(errors, StandardCharsets.ISO_8859_1));
        }
    }

    private synchronized String told() throws IOException {
        return heard.substring(Math.max(0, heard.length() - TOLD)) + "\n--- stderr\n"
                + Files.readString(errors, StandardCharsets.ISO_8859_1);
    }

    /** {@return all that the guest has said} */
    synchronized String transcript() {
        return heard.toString();
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
    public void close() throws IOException, InterruptedException {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        Files.deleteIfExists(errors);
    }
}
