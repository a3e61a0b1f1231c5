package dev.jvisor.tools;

import dev.jvisor.tools.bench.BenchCommand;
import dev.jvisor.tools.image.ImageCommand;
import dev.jvisor.tools.info.InfoCommand;
import dev.jvisor.tools.run.RunCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code jvisor} command itself: help, version, and the list of verbs. */
@Command(name = "jvisor", description = "Runs x86-64 guests on KVM or on a CPU written in Java.", mixinStandardHelpOptions = true,
    versionProvider = JvisorCommand.Version.class, synopsisSubcommandLabel = "VERB",
    subcommands = {RunCommand.class, InfoCommand.class, BenchCommand.class, ImageCommand.class, SelfTrain.class})
final class JvisorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-v", "--verbose"}, scope = ScopeType.INHERIT, description = "say more on stderr; show where a host fault happened")
    private boolean verbose;

    @Override
    public Integer call() {
        throw new CommandLine.ParameterException(spec.commandLine(), "a verb is missing, for example 'jvisor run'");
    }

    /** The version of the build, and of the JVM it runs on. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String built = JvisorCommand.class.getPackage().getImplementationVersion();
            return new String[] {"jvisor " + (built == null ? "0.1.0-SNAPSHOT" : built) + " (Java " + Runtime.version().feature() + ")"};
        }
    }
}
