package dev.jvisor.guest.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Builds a kernel file and an initramfs from packages into a cache directory:
 *
 * <pre>
 *   CACHE/packages/*.deb
 *   CACHE/images/NAME-RELEASE-KEY/vmlinuz, initrd.cpio
 * </pre>
 *
 * <p>KEY is made of package versions, init script and the builder's version; what is there under it is not built again.
 * Files appear under their names only when they are whole, so several builders may run at once.
 */
final class ImageBuilder {
    /** Raise it when a change here gives another image from the same inputs. */
    private static final int VERSION = 1;
    /** What the guest loads when it finds VMBus; what they need comes along. */
    private static final List<String> HYPERV_MODULES = List.of("hv_vmbus", "hv_utils", "hv_storvsc", "sd_mod", "hv_netvsc",
            "hyperv_keyboard", "hv_balloon", "crct10dif_generic", "crc64_rocksoft_generic");
    private static final Pattern LIKELY = Pattern.compile("kernel/(drivers/(hv|ata|net/hyperv|scsi|input/serio)|lib|crypto|block)/[^/]+");
    private static final String BUSYBOX = "bin/busybox";

    /**
     * What was built.
     *
     * @param kernel  bzImage
     * @param initrd  cpio, not compressed
     * @param release of the kernel
     */
    record Built(Path kernel, Path initrd, String release) {
    }

    private final Path cache;
    private final CommandRunner runner;
    private final Consumer<String> progress;
    private final DebianPackages packages;

    ImageBuilder(Path cache, CommandRunner runner, Consumer<String> progress) {
        this.cache = cache;
        this.runner = runner;
        this.progress = progress;
        packages = new DebianPackages(cache.resolve("packages"), runner, progress);
    }

    /** {@return where images are kept unless somebody says otherwise: jvisor in XDG_CACHE_HOME or ~/.cache} */
    static Path defaultCache() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && xdg.startsWith("/") ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("jvisor");
    }

    /**
     * Builds, or finds what was built.
     *
     * @param name        first part of the directory's name
     * @param flavour     which kernel
     * @param script      name of the init script's resource
     * @param withModules whether the Hyper-V modules go in
     * @param more        names of other modules that go in then
     */
    Built build(String name, KernelFlavour flavour, String script, boolean withModules, List<String> more) throws ImageException {
        DebianPackages.Fetched kernelPackage = packages.fetchBehind(flavour.metaPackage(), "linux-image-");
        DebianPackages.Fetched busyboxPackage = packages.fetch("busybox-static");
        String init = resource(script);
        String release = kernelPackage.name().substring("linux-image-".length());
        List<String> inputs = new ArrayList<>(List.of(kernelPackage.version(), busyboxPackage.version(), init, String.valueOf(VERSION)));
        inputs.addAll(more);
        String key = key(inputs);
        Path directory = cache.resolve("images").resolve(name + "-" + release + "-" + key);
        Built built = new Built(directory.resolve("vmlinuz"), directory.resolve("initrd.cpio"), release);
        if (Files.isRegularFile(built.kernel()) && Files.isRegularFile(built.initrd())) {
            return built;
        }
        progress.accept("building image " + name + " with Linux " + release);
        try {
            Files.createDirectories(directory);
            Initramfs initramfs = initramfs(busyboxPackage, init);
            byte[] kernel = withModules ? kernelAndModules(kernelPackage, release, initramfs, more) : kernel(kernelPackage, release);
            write(built.kernel(), kernel);
            write(built.initrd(), initramfs.toBytes());
        } catch (IOException e) {
            throw new ImageException("cannot write the image to " + directory + ": " + e.getMessage(), e);
        }
        return built;
    }

    private Initramfs initramfs(DebianPackages.Fetched busyboxPackage, String init) throws ImageException, IOException {
        List<byte[]> found = new ArrayList<>();
        DebArchive.read(busyboxPackage.deb(), path -> path.equals(BUSYBOX) || path.equals("usr/" + BUSYBOX), 1, (path, content) -> found.add(content));
        if (found.isEmpty()) {
            throw new ImageException("package " + busyboxPackage.deb() + " has no " + BUSYBOX + " in it");
        }
        return new Initramfs(found.getFirst(), applets(found.getFirst()), init);
    }

    /** Asks the program itself; it is made for this host's processor, as the guest's is the same. */
    private List<String> applets(byte[] busybox) throws IOException, ImageException {
        Path program = Files.createTempFile(cache, "busybox", "");
        try {
            Files.write(program, busybox);
            if (!program.toFile().setExecutable(true)) {
                throw new ImageException("cannot make " + program + " executable");
            }
            CommandRunner.Result result = runner.run(cache, List.of(program.toAbsolutePath().toString(), "--list"));
            if (result.exitCode() != 0 || result.output().isBlank()) {
                throw new ImageException("busybox --list failed: exitCode=" + result.exitCode());
            }
            return result.output().lines().map(String::strip).filter(line -> line.matches("[\\w\\[.-]+")).toList();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ImageException("interrupted", e);
        } finally {
            Files.deleteIfExists(program);
        }
    }

    private static byte[] kernel(DebianPackages.Fetched kernelPackage, String release) throws ImageException {
        Map<String, byte[]> found = new HashMap<>();
        DebArchive.read(kernelPackage.deb(), path -> path.equals("boot/vmlinuz-" + release), 1, found::put);
        return onlyKernel(kernelPackage, found, release);
    }

    /**
     * Which modules are needed stands in the modules, and to keep them all would be too much: those where the needed ones
     * are likely to be are kept, and the package is read once more if that was a bad guess.
     */
    private static byte[] kernelAndModules(DebianPackages.Fetched kernelPackage, String release, Initramfs initramfs, List<String> more)
            throws ImageException {
        String vmlinuz = "boot/vmlinuz-" + release;
        Map<String, byte[]> found = new HashMap<>();
        KernelModules modules = new KernelModules();
        DebArchive.read(kernelPackage.deb(), path -> path.equals(vmlinuz) || modulePath(path, release) != null, Integer.MAX_VALUE,
                (path, content) -> {
                    String module = modulePath(path, release);
                    if (module != null) {
                        modules.add(module, content);
                    }
                    if (module == null || LIKELY.matcher(module).matches()) {
                        found.put(module == null ? path : module, content);
                    }
                });
        List<String> wanted = new ArrayList<>(HYPERV_MODULES);
        wanted.addAll(more);
        List<KernelModules.Module> chosen = modules.closure(wanted);
        Set<String> missing = chosen.stream().map(KernelModules.Module::path).filter(path -> !found.containsKey(path)).collect(Collectors.toSet());
        if (!missing.isEmpty()) {
            DebArchive.read(kernelPackage.deb(), path -> missing.contains(String.valueOf(modulePath(path, release))), missing.size(),
                    (path, content) -> found.put(modulePath(path, release), content));
        }
        initramfs.modules(release, modules, chosen, found);
        return onlyKernel(kernelPackage, found, release);
    }

    private static byte[] onlyKernel(DebianPackages.Fetched kernelPackage, Map<String, byte[]> found, String release) throws ImageException {
        byte[] kernel = found.get("boot/vmlinuz-" + release);
        if (kernel == null) {
            throw new ImageException("package " + kernelPackage.deb() + " has no boot/vmlinuz-" + release + " in it");
        }
        return kernel;
    }

    /** The part of a path below lib/modules/RELEASE if it is a module's, or null. */
    private static String modulePath(String path, String release) {
        String root = "lib/modules/" + release + "/";
        int at = path.startsWith("usr/" + root) ? 4 : 0;
        return path.startsWith(root, at) && path.endsWith(".ko") ? path.substring(at + root.length()) : null;
    }

    private static String resource(String name) {
        try (InputStream in = ImageBuilder.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException("resource not readable: name=" + name, e);
        }
    }

    private static String key(List<String> parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String part : parts) {
                digest.update(part.getBytes(StandardCharsets.UTF_8));
                digest.update((byte) 0);
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 6);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static void write(Path file, byte[] content) throws IOException {
        Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
        Files.write(part, content);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
