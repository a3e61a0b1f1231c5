package dev.jvisor.guest.image;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs a program of the host. Tests put a fake in its place. */
@FunctionalInterface
public interface CommandRunner {
    /**
     * What a program did.
     *
     * @param exitCode its exit code
     * @param output   standard output and standard error, as one text
     */
    record Result(int exitCode, String output) {
    }

    /**
     * Runs a program to its end.
     *
     * @param directory the working directory
     * @param command   the program and its arguments
     * @return what it did
     * @throws IOException          if it can not be started
     * @throws InterruptedException if the thread is interrupted; the program is ended then
     */
    Result run(Path directory, List<String> command) throws IOException, InterruptedException;

    /** {@return a runner that starts processes, with nothing on their input and the C locale} */
    static CommandRunner ofProcesses() {
        return (directory, command) -> {
            ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
            builder.environment().put("LC_ALL", "C");
            builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
            Process process = builder.start();
            try (var output = process.getInputStream()) {
                String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
                return new Result(process.waitFor(), text);
            } finally {
                process.destroy();
            }
        };
    }
}
