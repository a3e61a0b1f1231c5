package dev.jvisor.tools;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** What the launcher runs once after a build, to record which classes a start needs. */
@Command(name = "self-train", hidden = true, description = "makes the start-up cache")
final class SelfTrain implements Callable<Integer> {
    @Override
    public Integer call() {
        return Main.run("--help");
    }
}
