package dev.jvisor.guest.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Finds packages of the distribution and downloads them with its own tools ({@code apt-cache}, {@code apt-get download})
 * into a directory of ours. Needs no root: where apt's lists of packages are missing or stale, it fetches lists into
 * that directory as well. A package that is there already is not downloaded again, and when apt can not be had, the
 * newest one that is there serves.
 */
public final class DebianPackages {
    /**
     * A package.
     *
     * @param name    its real name
     * @param version its version
     * @param deb     the file
     */
    public record Fetched(String name, String version, Path deb) {
    }

    private static final Pattern CANDIDATE = Pattern.compile("^\\s*Candidate:\\s*(\\S+)", Pattern.MULTILINE);
    private static final Pattern DEPENDS = Pattern.compile("^\\s*Depends:\\s*(\\S+)", Pattern.MULTILINE);
    /** A line of the kind that does not begin with "|", which marks an alternative to the next. */
    private static final Pattern FIRST_DEPENDS = Pattern.compile("^  (?:Pre)?Depends:\\s*([^\\s<]+)");
    /** A package's part of what {@code apt-cache policy} says. */
    private static final Pattern POLICY = Pattern.compile("^(\\S+):\\R\\s+Installed: .*\\R\\s+Candidate: (\\S+)", Pattern.MULTILINE);

    private final Path directory;
    private final CommandRunner runner;
    private final Consumer<String> progress;
    private boolean privateLists;

    /**
     * Makes the access.
     *
     * @param directory where packages are kept; made if missing
     * @param runner    how programs are run
     * @param progress  gets a line before anything that may take long
     */
    public DebianPackages(Path directory, CommandRunner runner, Consumer<String> progress) {
        this.directory = directory;
        this.runner = runner;
        this.progress = progress;
    }

    /**
     * Fetches the package a meta-package stands for: the first dependency whose name continues a prefix.
     *
     * @param meta   for example linux-image-cloud-amd64
     * @param prefix for example linux-image-
     * @return the real package
     * @throws ImageException if it can not be had
     */
    public Fetched fetchBehind(String meta, String prefix) throws ImageException {
        String flavour = meta.startsWith(prefix) ? meta.substring(prefix.length()) : meta;
        try {
            return fetchFresh(behind(meta, prefix));
        } catch (ImageException e) {
            return newestKept(name -> name.startsWith(prefix) && isFlavour(name.substring(prefix.length()), flavour), e);
        }
    }

    private String behind(String meta, String prefix) throws ImageException {
        requireApt(meta);
        candidate(meta);
        Matcher matcher = DEPENDS.matcher(run(apt("apt-cache", "depends", meta)).output());
        while (matcher.find()) {
            if (matcher.group(1).startsWith(prefix)) {
                return matcher.group(1);
            }
        }
        throw new ImageException("package " + meta + " depends on no package " + prefix + "*");
    }

    /** Whether "6.1.0-56-cloud-amd64" is of flavour "cloud-amd64"; "amd64" is not to match the cloud one. */
    private static boolean isFlavour(String release, String flavour) {
        return release.matches("[0-9.]+-[0-9]+-" + Pattern.quote(flavour));
    }

    /**
     * Fetches a package.
     *
     * @param name its name
     * @return the package
     * @throws ImageException if it can not be had
     */
    public Fetched fetch(String name) throws ImageException {
        try {
            return fetchFresh(name);
        } catch (ImageException e) {
            return newestKept(name::equals, e);
        }
    }

    /**
     * Fetches a package and those that it depends on, with few calls of apt.
     *
     * @param name its name
     * @param follow what a dependency's name must be like; of alternatives, the last counts
     * @return the packages, the named one first
     * @throws ImageException if one of them can not be had
     */
    List<Fetched> fetchWithDependencies(String name, Pattern follow) throws ImageException {
        requireApt(name);
        candidate(name);
        Map<String, String> versions = versions(closure(name, follow));
        List<String> missing = new ArrayList<>();
        for (Map.Entry<String, String> e : versions.entrySet()) {
            if (kept(e.getKey(), e.getValue()).isEmpty()) {
                missing.add(e.getKey() + "=" + e.getValue());
            }
        }
        if (!missing.isEmpty()) {
            progress.accept("downloading " + missing.size() + " packages for " + name);
            List<String> arguments = new ArrayList<>(List.of("download"));
            arguments.addAll(missing);
            run(apt("apt-get", arguments.toArray(String[]::new)));
        }
        List<Fetched> all = new ArrayList<>();
        for (Map.Entry<String, String> e : versions.entrySet()) {
            all.add(kept(e.getKey(), e.getValue()).orElseThrow(() -> new ImageException("cannot download package " + e.getKey())));
        }
        return all;
    }

    /** {@return a package, and what it depends on, and so on} */
    private Set<String> closure(String name, Pattern follow) throws ImageException {
        String output = run(apt("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
                "--no-replaces", "--no-enhances", name)).output();
        Map<String, List<String>> depends = new HashMap<>();
        List<String> current = List.of();
        for (String line : output.lines().toList()) {
            Matcher matcher = FIRST_DEPENDS.matcher(line);
            if (matcher.find()) {
                current.add(matcher.group(1));
            } else if (!line.isBlank() && !Character.isWhitespace(line.charAt(0)) && line.charAt(0) != '<') {
                current = depends.computeIfAbsent(line.strip(), n -> new ArrayList<>());
            }
        }
        Set<String> all = new LinkedHashSet<>(List.of(name));
        ArrayDeque<String> left = new ArrayDeque<>(all);
        while (!left.isEmpty()) {
            for (String d : depends.getOrDefault(left.poll(), List.of())) {
                if (follow.matcher(d).matches() && all.add(d)) {
                    left.add(d);
                }
            }
        }
        return all;
    }

    private Map<String, String> versions(Set<String> names) throws ImageException {
        List<String> arguments = new ArrayList<>(List.of("policy"));
        arguments.addAll(names);
        String output = run(apt("apt-cache", arguments.toArray(String[]::new))).output();
        Map<String, String> versions = new LinkedHashMap<>();
        Matcher matcher = POLICY.matcher(output);
        while (matcher.find()) {
            versions.put(matcher.group(1), matcher.group(2));
        }
        for (String name : names) {
            if (!versions.containsKey(name) || versions.get(name).equals("(none)")) {
                throw new ImageException("apt knows no package " + name);
            }
        }
        return versions;
    }

    private Fetched fetchFresh(String name) throws ImageException {
        requireApt(name);
        String version = candidate(name);
        Optional<Fetched> kept = kept(name, version);
        if (kept.isPresent()) {
            return kept.get();
        }
        progress.accept("downloading package " + name + " " + version);
        CommandRunner.Result result = run(apt("apt-get", "download", name + "=" + version));
        Optional<Fetched> loaded = kept(name, version);
        if (loaded.isEmpty() && !privateLists) {
            // The lists may be older than the archive, which then no longer has this version.
            updateLists();
            return fetchFresh(name);
        }
        return loaded.orElseThrow(() -> new ImageException("cannot download package " + name + ": " + lastLine(result.output())));
    }

    private String candidate(String name) throws ImageException {
        Optional<String> version = version(name);
        if (version.isEmpty() && !privateLists) {
            updateLists();
            version = version(name);
        }
        return version.orElseThrow(() -> new ImageException("apt knows no package " + name
                + "; images are built from Debian's packages, on other hosts give --kernel and --initrd"));
    }

    private Optional<String> version(String name) throws ImageException {
        Matcher matcher = CANDIDATE.matcher(run(apt("apt-cache", "policy", name)).output());
        return matcher.find() && !matcher.group(1).equals("(none)") ? Optional.of(matcher.group(1)) : Optional.empty();
    }

    private void updateLists() throws ImageException {
        privateLists = true;
        progress.accept("fetching the distribution's lists of packages");
        make(directory.resolve("apt/lists/partial"));
        make(directory.resolve("apt/cache/archives/partial"));
        CommandRunner.Result result = run(apt("apt-get", "update"));
        if (result.exitCode() != 0) {
            throw new ImageException("cannot fetch the distribution's lists of packages: " + lastLine(result.output()));
        }
    }

    private List<String> apt(String program, String... arguments) {
        List<String> command = new ArrayList<>(List.of(program, "-q", "-o", "APT::Sandbox::User=root"));
        if (privateLists) {
            command.addAll(List.of("-o", "Dir::State::lists=" + directory.resolve("apt/lists").toAbsolutePath(),
                    "-o", "Dir::Cache=" + directory.resolve("apt/cache").toAbsolutePath()));
        }
        command.addAll(List.of(arguments));
        return command;
    }

    private void requireApt(String name) throws ImageException {
        make(directory);
        try {
            if (runner.run(directory, List.of("apt-cache", "--version")).exitCode() == 0) {
                return;
            }
        } catch (IOException e) {
            // Not there: said below.
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
        throw new ImageException("no apt on this host to get package " + name
                + " with; images are built from Debian's packages, on other hosts give --kernel and --initrd");
    }

    private CommandRunner.Result run(List<String> command) throws ImageException {
        try {
            return runner.run(directory, command);
        } catch (IOException e) {
            throw new ImageException("cannot run " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static ImageException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new ImageException("interrupted", e);
    }

    private Optional<Fetched> kept(String name, String version) throws ImageException {
        return kept().stream().filter(p -> p.name().equals(name) && p.version().equals(version)).findFirst();
    }

    private Fetched newestKept(Predicate<String> name, ImageException why) throws ImageException {
        Fetched newest = kept().stream().filter(p -> name.test(p.name())).max(Comparator.comparing(DebianPackages::time))
                .orElseThrow(() -> why);
        progress.accept(why.getMessage() + "; using " + newest.name() + " " + newest.version() + " from before");
        return newest;
    }

    private static FileTime time(Fetched fetched) {
        try {
            return Files.getLastModifiedTime(fetched.deb());
        } catch (IOException e) {
            return FileTime.fromMillis(0);
        }
    }

    /** The packages in the directory. File names are name_version_architecture.deb with ':' as "%3a". */
    private List<Fetched> kept() throws ImageException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName().toString().endsWith(".deb")).sorted().flatMap(file -> {
                String[] parts = file.getFileName().toString().split("_");
                return parts.length == 3 ? Stream.of(new Fetched(parts[0], parts[1].replace("%3a", ":"), file)) : Stream.empty();
            }).toList();
        } catch (IOException e) {
            throw new ImageException("cannot read the directory " + directory + ": " + e.getMessage(), e);
        }
    }

    private static void make(Path path) throws ImageException {
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw new ImageException("cannot make the directory " + path + ": " + e.getMessage(), e);
        }
    }

    private static String lastLine(String output) {
        List<String> lines = output.lines().filter(line -> !line.isBlank()).toList();
        return lines.stream().filter(line -> line.startsWith("E:")).findFirst().orElse(lines.isEmpty() ? "no reason given" : lines.getLast());
    }
}
