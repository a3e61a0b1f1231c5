package dev.jvisor.ci;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs {@code ./jvisor} as a user does: a process with pipes for streams. What was built last is run; nothing is built. */
final class Jvisor {
    static final Path ROOT = Path.of(System.getProperty("jvisor.root"));

    /** How a run ended. {@code exit} is -1 when it had to be killed. */
    record Result(int exit, String out, String err) {
        /** {@return the lines on stderr that are not the JVM's doing} */
        List<String> errors() {
            return err.lines().filter(l -> !l.isBlank()).toList();
        }

        @Override
        public String toString() {
            return "exit=" + exit + "\n--- stdout\n" + out + "\n--- stderr\n" + err;
        }
    }

    private Jvisor() { }

    /** Runs it to its end. @param input typed at once, and then the pipe is closed; null for no input at all */
    static Result run(Duration limit, String input, String... args) throws IOException, InterruptedException {
        return start(limit, List.of(), input, args);
    }

    /** As {@link #run}, by way of another command, such as one that gives up privileges. */
    static Result start(Duration limit, List<String> prefix, String input, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(prefix);
        command.add(ROOT.resolve("jvisor").toString());
        command.addAll(List.of(args));
        Path out = Files.createTempFile("jvisor", ".out");
        Path err = Files.createTempFile("jvisor", ".err");
        try {
            ProcessBuilder b = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            b.environment().put("JVISOR_BUILD", "never");
            Process p = b.start();
            try (OutputStream in = p.getOutputStream()) {
                if (input != null) {
                    in.write(input.getBytes(StandardCharsets.UTF_8));
                }
            } catch (IOException e) {
                // It ended without reading: what it said tells more than this would.
            }
            boolean ended = p.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
            if (!ended) {
                p.destroyForcibly().waitFor();
            }
            return new Result(ended ? p.exitValue() : -1, Files.readString(out, StandardCharsets.ISO_8859_1),
                    Files.readString(err, StandardCharsets.ISO_8859_1));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** {@return whether a command is on the PATH} */
    static boolean has(String command) {
        for (String dir : System.getenv("PATH").split(":")) {
            if (Files.isExecutable(Path.of(dir, command))) {
                return true;
            }
        }
        return false;
    }

    /** {@return whether this process may use KVM} */
    static boolean hasKvm() {
        return Files.isReadable(Path.of("/dev/kvm")) && Files.isWritable(Path.of("/dev/kvm"));
    }
}
