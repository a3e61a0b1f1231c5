package dev.jvisor.ci.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What writes to a disk until it is killed: a process that says on its standard output, line by line, what it does. One object for one
 * process. A line that is cut short says nothing.
 */
public interface CrashLoad {
    /** {@return the command of the process} */
    List<String> command(Path directory) throws IOException;

    /** {@return whether the process is about to open the disk, or further} */
    boolean opening();

    /** {@return whether the disk is open and written to} */
    boolean ready();

    /** {@return whether the process has closed the disk in peace} */
    boolean closed();

    /** Asks the process to end in its own time. */
    default void stop(Process p) throws IOException {
        p.getOutputStream().close();
    }

    /** The process is dead, and this was its last line: what it may have done without saying so is reported as begun. */
    default void over() {
    }

    /**
     * Takes the next line.
     *
     * @throws CrashFailure when the process saw something that it should not
     */
    void line(String line);
}
