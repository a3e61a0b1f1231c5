package dev.jvisor.tools.bench;

import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.tools.bench.BenchReport.Row;
import dev.jvisor.tools.machine.BackendChoice;
import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code jvisor bench boot}: the default guest from the start of the process to an answer from its shell, and to power-off, beside
 * {@code qemu-system-x86_64 -accel tcg} with the same kernel, initramfs, command line, memory and input; alternating, wall clock.
 */
@Command(name = "boot", description = "The default guest's boot to its shell and power-off, beside QEMU TCG with the same files.",
    mixinStandardHelpOptions = true)
final class BenchBoot extends BenchCommand.Benchmark {
    private static final String QEMU = "qemu-system-x86_64";
    private static final String ANSWER = "shell-is-up-42";
    /** The answer must not be seen in the echo of the question. */
    private static final String INPUT = "echo shell-is-up-$((6*7))\npoweroff -f\n";
    private static final long LIMIT_SECONDS = 600;

    @Option(names = "--backend", paramLabel = "auto|kvm|software", defaultValue = "software", description = "the engine (default software)")
    private BackendChoice.Name backendName;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "boots of each; the median counts")
    private int runs;

    @Option(names = "--no-unpack", description = "let the kernel unpack itself, as under QEMU")
    private boolean noUnpack;

    /** Seconds from the start of the process. */
    private record Times(double shell, double off) { }

    @Override
    BenchReport measure() throws IOException, InterruptedException {
        if (runs < 1) {
            throw new UserMistake("--runs: " + runs + " is none; give 1 or more");
        }
        DefaultImage image;
        try {
            image = DefaultImage.build(DefaultImage.defaultCache(), line -> System.err.println("jvisor: " + line));
        } catch (ImageException e) {
            throw new UserMistake("no default guest to boot: " + e.getMessage());
        }
        String engine = backendName.name().toLowerCase(Locale.ROOT);
        List<String> ours = jvisor(image, engine);
        boolean qemu = onPath(QEMU);
        if (!qemu) {
            System.err.println("jvisor: no " + QEMU + " to compare with (Debian: apt-get install qemu-system-x86)");
        }
        double[] shell = new double[runs];
        double[] off = new double[runs];
        double[] qemuShell = new double[runs];
        double[] qemuOff = new double[runs];
        for (int i = 0; i < runs; i++) {
            Times t = boot(ours);
            shell[i] = t.shell;
            off[i] = t.off;
            if (qemu) {
                Times q = boot(qemu(image));
                qemuShell[i] = q.shell;
                qemuOff[i] = q.off;
            }
            System.err.printf(Locale.ROOT, "jvisor: run %d of %d: %s shell %.1f s, off %.1f s%s%n", i + 1, runs, engine, shell[i], off[i],
                    qemu ? String.format(Locale.ROOT, "; QEMU TCG shell %.1f s, off %.1f s", qemuShell[i], qemuOff[i]) : "");
        }
        List<Row> rows = new ArrayList<>();
        rows.add(row(engine + " to shell", median(shell), qemu, median(qemuShell)));
        rows.add(row(engine + " to power-off", median(off), qemu, median(qemuOff)));
        return BenchReport.here("boot", rows);
    }

    private static Row row(String name, double value, boolean qemu, double baseline) {
        return qemu ? Row.less(name, value, "s", "QEMU TCG", baseline) : Row.alone(name, value, "s");
    }

    /** {@return this very JVM again, with {@code run}} */
    private List<String> jvisor(DefaultImage image, String engine) {
        List<String> c = new ArrayList<>();
        c.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        c.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        c.addAll(List.of("-p", System.getProperty("jdk.module.path"), "-m", "dev.jvisor.tools/dev.jvisor.tools.Main", "run", "--backend", engine,
                "--kernel", image.kernel().toString(), "--initrd", image.initrd().toString(), "--append", image.commandLine()));
        if (noUnpack) {
            c.add("--no-unpack");
        }
        return c;
    }

    private static List<String> qemu(DefaultImage image) {
        return List.of(QEMU, "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
                "-kernel", image.kernel().toString(), "-initrd", image.initrd().toString(), "-append", image.commandLine());
    }

    private static boolean onPath(String command) {
        for (String dir : System.getenv("PATH").split(":")) {
            if (Files.isExecutable(Path.of(dir, command))) {
                return true;
            }
        }
        return false;
    }

    private static Times boot(List<String> command) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Process p = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try {
            Thread.ofPlatform().daemon().start(() -> stopLate(p));
            OutputStream in = p.getOutputStream();
            in.write(INPUT.getBytes(StandardCharsets.US_ASCII));
            in.flush();
            StringBuilder said = new StringBuilder();
            double shell = -1;
            byte[] piece = new byte[4096];
            InputStream out = p.getInputStream();
            int n;
            while ((n = out.read(piece)) >= 0) {
                said.append(new String(piece, 0, n, StandardCharsets.ISO_8859_1));
                if (shell < 0 && said.indexOf(ANSWER) >= 0) {
                    shell = (System.nanoTime() - start) / 1e9;
                }
            }
            int code = p.waitFor();
            if (shell < 0 || code != 0) {
                String text = said.toString().strip();
                throw new IOException(command.getFirst() + " ended with " + code + (shell < 0 ? " before its shell answered" : "")
                        + "; the end of what it said: " + text.substring(Math.max(0, text.length() - 300)).replace('\n', '|'));
            }
            return new Times(shell, (System.nanoTime() - start) / 1e9);
        } finally {
            p.destroyForcibly();
        }
    }

    private static void stopLate(Process p) {
        try {
            if (!p.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                p.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
