package dev.jvisor.guest.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The default Linux guest: Debian's cloud kernel and a busybox shell on the serial console. Leaving the shell, or
 * {@code poweroff}, powers the partition off. Where the guest finds VMBus it loads the Hyper-V drivers.
 *
 * @param kernel      bzImage
 * @param initrd      initramfs, not compressed: that spares the guest's processor the work
 * @param commandLine kernel command line
 * @param release     of the kernel, as uname -r says it
 */
public record DefaultImage(Path kernel, Path initrd, String commandLine, String release) {
    /** Kernel command line of the guests built here. */
    public static final String COMMAND_LINE = "console=ttyS0";

    private static final String CURRENT = "default-image";

    /** {@return the directory images are kept in: jvisor in XDG_CACHE_HOME, or in ~/.cache} */
    public static Path defaultCache() {
        return ImageBuilder.defaultCache();
    }

    /**
     * Finds the image built last, without asking for newer packages.
     *
     * @param cache the cache directory
     * @return the image, or empty when there is none
     */
    public static Optional<DefaultImage> cached(Path cache) {
        try {
            List<String> lines = Files.readAllLines(cache.resolve(CURRENT));
            if (lines.size() != 2) {
                return Optional.empty();
            }
            Path directory = cache.resolve("images").resolve(lines.get(0));
            DefaultImage image = new DefaultImage(directory.resolve("vmlinuz"), directory.resolve("initrd.cpio"), COMMAND_LINE, lines.get(1));
            return Files.isRegularFile(image.kernel) && Files.isRegularFile(image.initrd) ? Optional.of(image) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Builds the image of the distribution's newest kernel, or finds it when it was built before.
     *
     * @param cache the cache directory; made if missing
     * @return the image
     * @throws ImageException if packages can not be had, or the cache not be written
     */
    public static DefaultImage build(Path cache) throws ImageException {
        return build(cache, line -> { });
    }

    /**
     * Builds the image of the distribution's newest kernel, or finds it when it was built before.
     *
     * @param cache    the cache directory; made if missing
     * @param progress gets a line before anything that may take long
     * @return the image
     * @throws ImageException if packages can not be had, or the cache not be written
     */
    public static DefaultImage build(Path cache, Consumer<String> progress) throws ImageException {
        ImageBuilder.Built built = new ImageBuilder(cache, CommandRunner.ofProcesses(), progress)
                .build("default", KernelFlavour.CLOUD, "default-init.sh", true, List.of());
        try {
            Files.writeString(cache.resolve(CURRENT), built.kernel().getParent().getFileName() + "\n" + built.release() + "\n");
        } catch (IOException e) {
            throw new ImageException("cannot write to " + cache + ": " + e.getMessage(), e);
        }
        return new DefaultImage(built.kernel(), built.initrd(), COMMAND_LINE, built.release());
    }

    /**
     * Builds the same guest with another kernel and more modules, which its user loads; or finds it. It does not become the default.
     *
     * @param cache    the cache directory; made if missing
     * @param flavour  which kernel
     * @param modules  names of modules; what they need comes along
     * @param progress gets a line before anything that may take long
     * @return the image
     * @throws ImageException if packages can not be had, or the cache not be written
     */
    public static DefaultImage build(Path cache, KernelFlavour flavour, List<String> modules, Consumer<String> progress) throws ImageException {
        ImageBuilder.Built built = new ImageBuilder(cache, CommandRunner.ofProcesses(), progress)
                .build("drivers", flavour, "default-init.sh", true, modules);
        return new DefaultImage(built.kernel(), built.initrd(), COMMAND_LINE, built.release());
    }
}
