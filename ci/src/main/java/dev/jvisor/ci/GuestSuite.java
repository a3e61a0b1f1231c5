package dev.jvisor.ci;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Runs test images of a public guest test suite on jvisor and on QEMU's TCG and compares what passes. Run from source by
 * {@code ci/guest-suite}, so it uses nothing but the JDK.
 */
public final class GuestSuite {
    /** What the suite's configuration does not say: memory in MiB. */
    private static final int MEMORY = 512;
    private static final Pattern RESULT = Pattern.compile("^(PASS|FAIL|SKIP|XFAIL)\\b.*", Pattern.MULTILINE);
    private static final Pattern MEMORY_OPTION = Pattern.compile("-m\\s+(\\d+)([gG]?)");

    /**
     * One way to run an image.
     *
     * @param name of the section in the configuration, or of the image
     * @param image file
     * @param processors number of virtual processors
     * @param memory RAM in MiB
     * @param arguments the guest's command line
     * @param environment file of the suite's own switches, handed over as first module; null for none
     */
    public record Case(String name, Path image, int processors, int memory, String arguments, Path environment) { }

    /**
     * What an image said.
     *
     * @param passed number of PASS lines
     * @param skipped number of SKIP lines
     * @param failures the FAIL lines
     * @param end how the run ended, empty if the guest came to its own end
     * @param seconds how long it ran
     */
    public record Outcome(int passed, int skipped, List<String> failures, String end, long seconds) {
        /** {@return passed and total, as in 3/4; skipped tests and an untimely end are told} */
        public String text() {
            return passed + "/" + (passed + failures.size()) + (skipped > 0 ? ", " + skipped + " skipped" : "") + (end.isEmpty() ? "" : ", " + end);
        }

        /** {@return whether this is less than another} */
        public boolean below(Outcome other) {
            return passed < other.passed || !end.isEmpty() && other.end.isEmpty();
        }
    }

    private final Path root;
    private final String backend;
    private final Duration limit;
    private final Path logs;

    private static volatile Process running;

    private GuestSuite(Path root, String backend, Duration limit, Path logs) {
        this.root = root;
        this.backend = backend;
        this.limit = limit;
        this.logs = logs;
    }

    /** @param args the tree's root, then options and the directory as {@code ci/guest-suite} explains them */
    public static void main(String[] args) throws IOException, InterruptedException {
        String backend = "software";
        boolean qemu = Stream.of(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, "qemu-system-x86_64")));
        Pattern only = Pattern.compile("");
        Path logs = null;
        Path dir = null;
        int seconds = 600;
        for (int i = 1; i < args.length; i++) {
            boolean last = i + 1 == args.length;
            switch (args[i]) {
                case "--no-qemu" -> qemu = false;
                case "--backend" -> backend = last ? mistake("--backend wants software or kvm") : args[++i];
                case "--only" -> only = Pattern.compile(last ? mistake("--only wants a regular expression") : args[++i]);
                case "--timeout" -> seconds = Integer.parseInt(last ? mistake("--timeout wants seconds") : args[++i]);
                case "--logs" -> logs = Path.of(last ? mistake("--logs wants a directory") : args[++i]);
                default -> dir = Path.of(args[i]);
            }
        }
        if (dir == null || !Files.isDirectory(dir)) {
            mistake("name the directory that the images are in");
        }
        if (logs != null) {
            Files.createDirectories(logs);
        }
        GuestSuite suite = new GuestSuite(Path.of(args[0]), backend, Duration.ofSeconds(seconds), logs);
        List<Case> cases = new ArrayList<>();
        for (Case c : cases(dir)) {
            if (only.matcher(c.name).find()) {
                cases.add(c);
            }
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (running != null) {
                running.destroy();
            }
        }));
        System.exit(suite.run(cases, qemu) ? 0 : 1);
    }

    private static String mistake(String what) {
        System.err.println("ci/guest-suite: " + what);
        System.exit(2);
        return null;
    }

    /**
     * {@return the ways to run the images of a directory: one for each section of its {@code unittests.cfg} whose image is there and that does
     * not say that it is not for everyday, then one for each image that no section names}
     */
    public static List<Case> cases(Path dir) throws IOException {
        List<Case> cases = new ArrayList<>();
        Path configuration = dir.resolve("unittests.cfg");
        if (Files.exists(configuration)) {
            sections(Files.readAllLines(configuration)).forEach((name, s) -> {
                Path image = dir.resolve(s.getOrDefault("file", ""));
                if (Files.isRegularFile(image) && !(" " + s.getOrDefault("groups", "") + " ").contains(" nodefault ")) {
                    cases.add(new Case(name, image, processors(s), memory(s), arguments(s), environment(dir, name)));
                }
            });
        }
        try (Stream<Path> files = Files.list(dir)) {
            for (Path image : files.filter(f -> f.toString().endsWith(".flat")).sorted().toList()) {
                if (cases.stream().noneMatch(c -> c.image.equals(image))) {
                    String name = image.getFileName().toString().replaceFirst("\\.flat$", "");
                    cases.add(new Case(name, image, 1, MEMORY, "", environment(dir, name)));
                }
            }
        }
        return cases;
    }

    private static Path environment(Path dir, String name) {
        Path file = dir.resolve(name + ".env");
        return Files.isRegularFile(file) ? file : null;
    }

    private static Map<String, Map<String, String>> sections(List<String> lines) {
        Map<String, Map<String, String>> sections = new LinkedHashMap<>();
        Map<String, String> current = new LinkedHashMap<>();
        for (String l : lines) {
            String line = l.strip();
            if (line.startsWith("[") && line.endsWith("]")) {
                current = sections.computeIfAbsent(line.substring(1, line.length() - 1), n -> new LinkedHashMap<>());
            } else if (!line.startsWith("#") && line.contains("=")) {
                int at = line.indexOf('=');
                current.put(line.substring(0, at).strip(), line.substring(at + 1).strip());
            }
        }
        return sections;
    }

    /** An expression of the suite's shell scripts asks for several: two are that. */
    private static int processors(Map<String, String> section) {
        String n = section.getOrDefault("smp", "1");
        return n.matches("\\d+") ? Integer.parseInt(n) : 2;
    }

    private static int memory(Map<String, String> section) {
        Matcher m = MEMORY_OPTION.matcher(section.getOrDefault("qemu_params", ""));
        return m.find() ? Integer.parseInt(m.group(1)) * (m.group(2).isEmpty() ? 1 : 1024) : MEMORY;
    }

    private static String arguments(Map<String, String> section) {
        String a = section.getOrDefault("test_args", "");
        return a.length() > 1 && (a.startsWith("\"") || a.startsWith("'")) ? a.substring(1, a.length() - 1) : a;
    }

    /** {@return what an image's output says} */
    public static Outcome outcome(String output, String end, long seconds) {
        int passed = 0;
        int skipped = 0;
        List<String> failures = new ArrayList<>();
        Matcher m = RESULT.matcher(output.replace("\r", ""));
        while (m.find()) {
            switch (m.group(1)) {
                case "PASS", "XFAIL" -> passed++;
                case "SKIP" -> skipped++;
                default -> failures.add(m.group());
            }
        }
        return new Outcome(passed, skipped, failures, end, seconds);
    }

    /** {@return whether nothing was below QEMU} */
    private boolean run(List<Case> cases, boolean qemu) throws IOException, InterruptedException {
        System.out.println("| test | jvisor, " + backend + " | s |" + (qemu ? " QEMU TCG | s |" : ""));
        System.out.println("| --- | --- | --- |" + (qemu ? " --- | --- |" : ""));
        StringBuilder details = new StringBuilder();
        boolean good = true;
        for (Case c : cases) {
            Outcome ours = execute(c, "jvisor", jvisor(c));
            Outcome theirs = qemu ? execute(c, "qemu", qemu(c)) : null;
            boolean below = theirs != null && ours.below(theirs);
            good &= !below;
            System.out.println("| " + c.name + " | " + (below ? "**" + ours.text() + "**" : ours.text()) + " | " + ours.seconds
                    + (qemu ? " | " + theirs.text() + " | " + theirs.seconds : "") + " |");
            if (!ours.failures.isEmpty()) {
                details.append('\n').append(c.name).append(":\n");
                ours.failures.forEach(f -> details.append("  ").append(f).append('\n'));
            }
        }
        System.out.print(details);
        return good;
    }

    private List<String> jvisor(Case c) {
        List<String> command = new ArrayList<>(List.of(root.resolve("jvisor").toString(), "run", "--backend", backend, "--kernel",
                c.image.toString(), "--processors", Integer.toString(c.processors), "--memory", c.memory + "M", "--timeout",
                limit.toSeconds() + "s", "--test-devices", "--debug-exit", "--no-restart", "--append", c.arguments));
        if (c.environment != null) {
            command.addAll(List.of("--initrd", c.environment.toString()));
        }
        return command;
    }

    private static List<String> qemu(Case c) {
        List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "max", "-m",
                Integer.toString(c.memory), "-smp", Integer.toString(c.processors), "-no-reboot", "-nodefaults", "-display", "none", "-serial",
                "stdio", "-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-kernel", c.image.toString(), "-append",
                c.arguments));
        if (c.environment != null) {
            command.addAll(List.of("-initrd", c.environment.toString()));
        }
        return command;
    }

    private Outcome execute(Case c, String who, List<String> command) throws IOException, InterruptedException {
        Path out = logs == null ? Files.createTempFile("guest-suite", ".out") : logs.resolve(c.name + "." + who);
        try {
            ProcessBuilder b = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile())
                    .redirectInput(Path.of("/dev/null").toFile());
            b.environment().put("JVISOR_BUILD", "never");
            long began = System.nanoTime();
            Process p = b.start();
            running = p;
            // jvisor keeps to the limit by itself, and then says where it was.
            boolean ended = p.waitFor(limit.toSeconds() + 20, TimeUnit.SECONDS);
            if (!ended) {
                p.destroyForcibly().waitFor();
            }
            long seconds = (System.nanoTime() - began + 500_000_000) / 1_000_000_000;
            String output = Files.readString(out, StandardCharsets.ISO_8859_1);
            // Codes that a guest gives through its port are odd; 3 may be that, or a crash, which jvisor tells of.
            String end = !ended || p.exitValue() == 4 && who.equals("jvisor") ? "timed out"
                    : output.contains("jvisor: the guest crashed") ? "crashed"
                    : output.contains("Unhandled exception") || output.contains("assert failed") ? "aborted" : (p.exitValue() & 1) == 0 ? "ended with " + p.exitValue() : "";
            return outcome(output, end, seconds);
        } finally {
            if (logs == null) {
                Files.delete(out);
            }
        }
    }
}
