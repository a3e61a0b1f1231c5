package dev.jvisor.tools.machine;

import dev.jvisor.guest.baremetal.HelloGuest;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmm.loader.KernelImage;
import dev.jvisor.vmm.loader.LoaderException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;

/** What {@code run} boots when no kernel was named: the default image, made on first use, else the built-in bare-metal guest. */
public final class DefaultGuest {
    private DefaultGuest() { }

    /**
     * Chooses and, where need be, builds.
     *
     * @param config what the options say so far
     * @param append more for the kernel command line; null for nothing
     * @param err where progress and disappointment are told, a line each
     */
    public static MachineConfig configure(MachineConfig config, String append, PrintStream err) {
        Path cache = DefaultImage.defaultCache();
        DefaultImage image;
        try {
            Optional<DefaultImage> cached = DefaultImage.cached(cache);
            image = cached.isPresent() ? cached.get() : DefaultImage.build(cache, line -> err.println("jvisor: " + line));
        } catch (ImageException e) {
            err.println("jvisor: no default guest (" + e.getMessage() + "); running the built-in bare-metal guest instead");
            return config.with(d -> d.kernel = MachineConfig.image(HelloGuest.program()));
        }
        try {
            String line = append == null ? image.commandLine() : image.commandLine() + " " + append;
            KernelImage kernel = KernelImage.open(image.kernel());
            return config.with(d -> {
                d.kernel = kernel;
                d.initrd = image.initrd();
                d.commandLine = line;
            });
        } catch (LoaderException e) {
            throw new UserMistake("the default guest's kernel is damaged: " + e.getMessage() + "; remove " + cache);
        }
    }
}
