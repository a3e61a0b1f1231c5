package dev.jvisor.tools.bench;

import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code jvisor bench WHAT}. */
@Command(name = "bench", description = "Measures, beside a baseline.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "cpu|exit|boot|disk",
    subcommands = {BenchCpu.class, BenchExit.class, BenchBoot.class, BenchDisk.class})
public final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    /** Made by the command line. */
    public BenchCommand() { }

    @Override
    public Integer call() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what to measure: cpu, exit, boot or disk");
    }

    /** What all benchmarks have: rows in, table and JSON out. */
    abstract static class Benchmark implements Callable<Integer> {
        @Option(names = "--json", paramLabel = "FILE", description = "also write the results there, for machines")
        private Path json;

        /** {@return the results} */
        abstract BenchReport measure() throws Exception;

        /** {@return the results for people} */
        String text(BenchReport report) {
            return report.table();
        }

        @Override
        public final Integer call() throws Exception {
            if (json != null && !Files.isWritable(json.toAbsolutePath().getParent())) {
                throw new UserMistake("--json: cannot write " + json + "; name a file in a directory that you may write to");
            }
            BenchReport report = measure();
            System.out.print(text(report));
            if (json != null) {
                try {
                    Files.writeString(json, report.json());
                } catch (IOException e) {
                    throw new UserMistake("--json: cannot write " + json + " (" + e.getMessage() + ")");
                }
            }
            return ExitCode.OK;
        }

        /** {@return the middle value; the mean of the two middle ones of an even number} */
        static double median(double... values) {
            double[] v = values.clone();
            java.util.Arrays.sort(v);
            return v.length % 2 == 1 ? v[v.length / 2] : (v[v.length / 2 - 1] + v[v.length / 2]) / 2;
        }
    }
}
