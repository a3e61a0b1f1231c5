package dev.jvisor.tools;

import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.tools.options.UserMistake;
import java.io.PrintWriter;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry of the {@code jvisor} command: reads the command line, runs the verb, turns what went wrong into one line and an exit code. */
public final class Main {
    private Main() { }

    /** @param args the command line */
    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs one command and prints to the process's streams. {@return its exit code, see {@link ExitCode}} */
    public static int run(String... args) {
        boolean verbose = Arrays.stream(args).anyMatch(a -> a.equals("-v") || a.equals("--verbose"));
        Logging.configure(verbose);
        CommandLine line = new CommandLine(new JvisorCommand());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setOverwrittenOptionsAllowed(false);
        line.setParameterExceptionHandler((e, given) -> complain(e));
        line.setExecutionExceptionHandler((e, command, parsed) -> fault(e, command, verbose));
        return line.execute(args);
    }

    private static int complain(ParameterException e) {
        CommandLine command = e.getCommandLine();
        String what = e.getMessage().lines().findFirst().orElse("bad command line").strip();
        if (e instanceof UnmatchedArgumentException u) {
            var suggestions = u.getSuggestions();
            if (!suggestions.isEmpty()) {
                what += "; did you mean " + String.join(" or ", suggestions) + "?";
            }
        }
        String name = command.getCommandSpec().qualifiedName();
        PrintWriter err = command.getErr();
        err.println(name + ": " + what + " (see " + name + " --help)");
        err.flush();
        return ExitCode.MISTAKE;
    }

    private static int fault(Exception e, CommandLine command, boolean verbose) {
        PrintWriter err = command.getErr();
        String name = command.getCommandSpec().qualifiedName();
        if (e instanceof UserMistake) {
            err.println(name + ": " + e.getMessage());
            err.flush();
            return ExitCode.MISTAKE;
        }
        String message = e.getMessage() == null ? e.getClass().getName() : e.getMessage();
        err.println(name + ": host fault: " + message.lines().findFirst().orElse("").strip() + (verbose ? "" : " (-v shows where)"));
        if (verbose) {
            e.printStackTrace(err);
        }
        err.flush();
        return ExitCode.HOST_FAULT;
    }
}
