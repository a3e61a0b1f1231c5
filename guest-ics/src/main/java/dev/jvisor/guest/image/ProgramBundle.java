package dev.jvisor.guest.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A program of the distribution with the shared libraries it needs, as a cpio archive that goes behind a guest's initramfs: Linux unpacks
 * one archive after the other.
 *
 * @param cpio the archive, not compressed
 * @param path of the program in the guest, absolute
 */
public record ProgramBundle(Path cpio, String path) {
    private static final Pattern LIBRARY = Pattern.compile("(?:usr/)?lib/x86_64-linux-gnu/(?:[^/]+/)?[^/]+\\.so[^/]*");
    /** Packages that a program's libraries are in, of all that it depends on. */
    private static final Pattern LIBRARY_PACKAGE = Pattern.compile("lib\\S+|zlib1g");
    private static final String LOADER = "ld-linux-x86-64.so.2";
    private static final String LIBRARIES = "lib/x86_64-linux-gnu/";

    /**
     * Builds a bundle, or finds it when it was built before.
     *
     * @param cache the cache directory, see {@link DefaultImage#defaultCache()}; made if missing
     * @param packageName the package with the program
     * @param program where the program is in the package, for example {@code usr/bin/fio}
     * @param progress gets a line before anything that may take long
     * @return the bundle
     * @throws ImageException if packages cannot be had, libraries are missing, or the cache cannot be written
     */
    public static ProgramBundle build(Path cache, String packageName, String program, Consumer<String> progress) throws ImageException {
        DebianPackages packages = new DebianPackages(cache.resolve("packages"), CommandRunner.ofProcesses(), progress);
        DebianPackages.Fetched main = packages.fetch(packageName);
        Path cpio = cache.resolve("bundles").resolve(packageName + "-" + main.version().replace(':', '_') + ".cpio");
        ProgramBundle bundle = new ProgramBundle(cpio, "/" + program);
        if (Files.isRegularFile(cpio)) {
            return bundle;
        }
        progress.accept("bundling " + packageName + " with its libraries");
        byte[] binary = file(main, program);
        Map<String, byte[]> libraries = new HashMap<>();
        for (DebianPackages.Fetched p : packages.fetchWithDependencies(packageName, LIBRARY_PACKAGE)) {
            DebArchive.read(p.deb(), path -> LIBRARY.matcher(path).matches(), Integer.MAX_VALUE,
                    (path, content) -> ElfLibraries.of(content).ifPresent(e -> libraries.putIfAbsent(
                            e.name().isEmpty() ? path.substring(path.lastIndexOf('/') + 1) : e.name(), content)));
        }
        try {
            Files.createDirectories(cpio.getParent());
            Path part = Files.createTempFile(cpio.getParent(), packageName, ".part");
            Files.write(part, archive(program, binary, needed(packageName, binary, libraries)));
            Files.move(part, cpio, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new ImageException("cannot write to " + cpio.getParent() + ": " + e.getMessage(), e);
        }
        return bundle;
    }

    private static byte[] file(DebianPackages.Fetched p, String path) throws ImageException {
        List<byte[]> found = new ArrayList<>();
        DebArchive.read(p.deb(), path::equals, 1, (at, content) -> found.add(content));
        if (found.isEmpty()) {
            throw new ImageException("package " + p.deb() + " has no " + path + " in it");
        }
        return found.getFirst();
    }

    /** Of all libraries, those that are needed, by name. */
    private static Map<String, byte[]> needed(String name, byte[] binary, Map<String, byte[]> libraries) throws ImageException {
        Map<String, byte[]> chosen = new LinkedHashMap<>();
        ArrayDeque<byte[]> left = new ArrayDeque<>(List.of(binary));
        while (!left.isEmpty()) {
            ElfLibraries e = ElfLibraries.of(left.poll()).orElseThrow(() -> new ImageException("package " + name + " has no program for x86-64"));
            for (String library : e.needed()) {
                byte[] content = libraries.get(library);
                if (content == null) {
                    throw new ImageException("package " + name + " needs " + library + ", which no package it depends on has");
                }
                if (chosen.putIfAbsent(library, content) == null) {
                    left.add(content);
                }
            }
        }
        if (!chosen.containsKey(LOADER) && libraries.containsKey(LOADER)) {
            chosen.put(LOADER, libraries.get(LOADER));
        }
        return chosen;
    }

    private static byte[] archive(String program, byte[] binary, Map<String, byte[]> libraries) {
        Map<String, byte[]> files = new TreeMap<>();
        files.put(program, binary);
        libraries.forEach((name, content) -> files.put(name.equals(LOADER) ? "lib64/" + name : LIBRARIES + name, content));
        CpioWriter cpio = new CpioWriter();
        files.forEach((path, content) -> {
            for (int slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
                if (!cpio.contains(path.substring(0, slash))) {
                    cpio.directory(path.substring(0, slash), 0755);
                }
            }
            cpio.file(path, 0755, content);
        });
        return cpio.finish();
    }
}
