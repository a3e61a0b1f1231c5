package dev.jvisor.tools.image;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.tools.options.ExitCode;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jvisor image build|list}, and the verbs of {@link DiskVerbs}. */
@Command(name = "image", description = "Builds and lists guests; creates, checks and converts disk images.", mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "build|list|create|info|convert|check|resize|diff|merge",
    subcommands = {ImageCommand.Build.class, ImageCommand.ListImages.class, DiskVerbs.Create.class, DiskVerbs.Info.class, DiskVerbs.Convert.class,
        DiskVerbs.Check.class, DiskVerbs.Resize.class, DiskVerbs.Diff.class, DiskVerbs.Merge.class})
public final class ImageCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    /** Made by the command line. */
    public ImageCommand() { }

    @Override
    public Integer call() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what: build, list, create, info, convert, check, resize, diff or merge");
    }

    /** {@code image build NAME}. */
    @Command(name = "build", description = "Builds a guest from the distribution's packages, or finds it built.", mixinStandardHelpOptions = true)
    static final class Build implements Callable<Integer> {
        @Parameters(paramLabel = "NAME", description = "default: the Linux guest that 'run' boots")
        private String name;

        @Override
        public Integer call() {
            if (!name.equals("default")) {
                throw new UserMistake("no image '" + name + "'; there is 'default'");
            }
            try {
                print(DefaultImage.build(DefaultImage.defaultCache(), line -> System.err.println("jvisor: " + line)));
            } catch (ImageException e) {
                throw new UserMistake(e.getMessage());
            }
            return ExitCode.OK;
        }
    }

    /** {@code image list}. */
    @Command(name = "list", description = "Shows the guests that have been built.", mixinStandardHelpOptions = true)
    static final class ListImages implements Callable<Integer> {
        @Override
        public Integer call() {
            Path cache = DefaultImage.defaultCache();
            Optional<DefaultImage> image = DefaultImage.cached(cache);
            image.ifPresentOrElse(ImageCommand::print, () -> System.err.println("jvisor: no images in " + cache
                    + "; 'jvisor image build default' makes one"));
            return ExitCode.OK;
        }
    }

    private static void print(DefaultImage i) {
        System.out.printf("default  Linux %s%n  kernel  %s (%s)%n  initrd  %s (%s)%n  append  %s%n", i.release(), i.kernel(), size(i.kernel()),
                i.initrd(), size(i.initrd()), i.commandLine());
    }

    private static String size(Path file) {
        try {
            return (Files.size(file) + (1 << 19) >> 20) + " MB";
        } catch (IOException e) {
            return "missing";
        }
    }
}
