package dev.jvisor.guest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a program of the host in a test, with a time limit. */
public final class HostCommand {
    /** What a program did. */
    public record Result(int exitCode, String output) {
    }

    private HostCommand() {
    }

    /** Whether a program of this name is on the path. */
    public static boolean isPresent(String name) {
        for (String directory : System.getenv("PATH").split(":")) {
            if (Files.isExecutable(Path.of(directory, name))) {
                return true;
            }
        }
        return false;
    }

    /** Runs a program with nothing on its input. Output and errors are one text. */
    public static Result run(int timeoutSeconds, List<String> command) throws IOException, InterruptedException {
        return run(timeoutSeconds, "", command);
    }

    /** Runs a program with a text on its input, which then stays open until it ends. */
    public static Result run(int timeoutSeconds, String input, List<String> command) throws IOException, InterruptedException {
        Path log = Files.createTempFile("jvisor-host-command", ".log");
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
            try {
                if (input.isEmpty()) {
                    process.getOutputStream().close();
                } else {
                    process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
                    process.getOutputStream().flush();
                }
                if (!process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
                    throw new AssertionError(command + " did not end in " + timeoutSeconds + " s:\n" + text(log));
                }
                return new Result(process.exitValue(), text(log));
            } finally {
                process.destroyForcibly().waitFor();
            }
        } finally {
            Files.delete(log);
        }
    }

    private static String text(Path log) throws IOException {
        try (InputStream in = Files.newInputStream(log)) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }
}
