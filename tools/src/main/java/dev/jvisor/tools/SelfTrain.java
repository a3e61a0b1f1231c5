package dev.jvisor.tools;

import dev.jvisor.guest.baremetal.HelloGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** What the launcher runs once after a build, to record which classes a start needs. */
@Command(name = "self-train", hidden = true, description = "makes the start-up cache")
final class SelfTrain implements Callable<Integer> {
    @Override
    public Integer call() throws IOException {
        Path guest = Files.createTempFile("jvisor-train", ".elf");
        try {
            HelloGuest.program().write(guest);
            return Main.run("run", "--backend", "software", "--memory", "16M", "--kernel", guest.toString(), "--timeout", "20s");
        } finally {
            Files.delete(guest);
        }
    }
}
