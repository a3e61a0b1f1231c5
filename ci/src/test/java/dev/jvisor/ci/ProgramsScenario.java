package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Programs that are run in a Debian guest and on the host alike: the same files, compiled once, in the same system with the same libraries. The
 * guest's half finds them on a second disk and leaves there what comes of them; the host's half is run in the system's archive.
 */
final class ProgramsScenario {
    private static final Duration BOOT = Duration.ofMinutes(30);
    private static final Duration SUITES = Duration.ofHours(4);
    private static final List<String> SCRIPTS = List.of("run", "outside", "openssl-tests", "libcrypto.py");

    private final Path dir;
    private final Path system;
    private final Path debian;
    private final Path programs;
    private final String seed;
    private final int rounds;

    /**
     * Compiles what has to be.
     *
     * @param dir where to work
     * @param debian a disk of {@code ci/make-debian-disk}'s, with its kernel and initial file system beside it
     * @param system the archive of what is on it
     * @param openssl a directory in which OpenSSL and its tests were built, or null
     * @param seed of the random input
     * @param rounds how often each function is called
     */
    ProgramsScenario(Path dir, Path debian, Path system, Path openssl, String seed, int rounds) throws Exception {
        this.dir = dir;
        this.debian = debian;
        this.system = system;
        this.seed = seed;
        this.rounds = rounds;
        // What runs as another user of a name space of its own has to get in.
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
        programs = Files.createDirectories(dir.resolve("programs"));
        for (String script : SCRIPTS) {
            resource(script, programs);
        }
        for (String source : List.of("driven.h", "strings.c", "mathematics.c")) {
            resource(source, dir);
        }
        compile(dir, "strings", programs.resolve("strings"));
        compile(dir, "mathematics", programs.resolve("mathematics"));
        if (openssl != null) {
            Path to = Files.createDirectories(programs.resolve("openssl"));
            HostTool.run("sh", "-c", "set -e; cd \"$0\"; tar --exclude='*.o' --exclude='*.d' --exclude='*.c' -cf - libcrypto.so* libssl.so* providers/*.so"
                    + " apps/openssl test | tar -C \"$1\" -xf -", openssl.toString(), to.toString());
        }
    }

    /** Copies a file that lies with the tests. */
    static void resource(String name, Path to) throws IOException {
        try (InputStream in = ProgramsScenario.class.getResourceAsStream("programs/" + name)) {
            Files.write(to.resolve(name), in.readAllBytes());
        }
    }

    /** Compiles one of the programs that drive glibc: its calls must reach the library, and its plain loops stay loops. */
    static void compile(Path sources, String name, Path to, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of("gcc", "-O2", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-fno-tree-vectorize",
                "-frounding-math", "-o", to.toString()));
        command.addAll(List.of(more));
        command.addAll(List.of(sources.resolve(name + ".c").toString(), "-lmvec", "-lm"));
        HostTool.run(command.toArray(String[]::new));
    }

    /** Runs suites on the host. {@return the directory with what came of them} */
    Path onTheHost(List<String> suites) throws Exception {
        Path archive = dir.resolve("programs.tar");
        HostTool.run("tar", "-C", programs.toString(), "-cf", archive.toString(), ".");
        Path came = Files.createTempFile(dir, "host", ".tar");
        Path said = Files.createTempFile(dir, "host", ".err");
        List<String> command = new ArrayList<>(List.of("mmdebstrap", "--unshare-helper", "sh", programs.resolve("outside").toString(), system.toString(),
                archive.toString(), seed, Integer.toString(rounds)));
        command.addAll(suites);
        Process p = new ProcessBuilder(command).redirectOutput(came.toFile()).redirectError(said.toFile()).start();
        assertTrue(p.waitFor(SUITES.toMinutes(), TimeUnit.MINUTES), "the host's half does not end");
        assertEquals(0, p.exitValue(), Files.readString(said, StandardCharsets.ISO_8859_1));
        Path out = Files.createTempDirectory(dir, "host");
        HostTool.run("tar", "-C", out.toString(), "-xf", came.toString());
        return out;
    }

    /** Runs suites in a guest. {@return the directory with what came of them} @param level what {@code --cpu} is told */
    Path inAGuest(String level, List<String> suites) throws Exception {
        Path child = Files.createTempFile(dir, "debian", ".vhdx");
        Files.delete(child);
        HostTool.image("diff", debian, child);
        Path disk = programsDisk();
        String base = debian.toString().substring(0, debian.toString().lastIndexOf('.'));
        try (Conversation guest = Conversation.withJvisor("run", "--backend", "software", "--memory", "1G", "--cpu", level, "--kernel",
                base + ".vmlinuz", "--initrd", base + ".initrd", "--append", "root=LABEL=jvisor-root rw console=ttyS0 init=/bin/sh", "--disk",
                child.toString(), "--disk", disk.toString(), "--timeout", SUITES.toMinutes() + "m")) {
            guest.expect("# ", BOOT);
            guest.ask("mkdir -p /programs && mount LABEL=jvisor-programs /programs && mount -t tmpfs tmpfs /tmp && mkdir -p /dev/shm"
                    + " && mount -t tmpfs tmpfs /dev/shm", BOOT);
            Duration booted = guest.cpu();
            String code = guest.ask("env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh /programs/run " + seed + " " + rounds + " "
                    + String.join(" ", suites) + "; echo code $?", SUITES);
            System.out.printf("long-programs: --cpu %s: %d s of processor time, %d s of it to the shell%n", level, guest.cpu().toSeconds(),
                    booted.toSeconds());
            assertTrue(code.endsWith("code 0"), guest::transcript);
            guest.ask("cd /; umount /programs", BOOT);
            guest.type("sync; poweroff -f -f");
            Jvisor.Result r = guest.end(BOOT);
            assertEquals(0, r.exit(), r::toString);
            LinuxEndToEndTest.noTrouble(r.out());
        }
        Path out = Files.createTempDirectory(dir, "guest");
        HostTool.run("debugfs", "-R", "rdump /out " + out, disk.toString());
        Files.delete(child);
        Files.delete(disk);
        return out.resolve("out");
    }

    private Path programsDisk() throws Exception {
        Path disk = Files.createTempFile(dir, "programs", ".img");
        long size = 0;
        try (Stream<Path> files = Files.walk(programs)) {
            for (Path p : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                size += Files.size(p) + 4096;
            }
        }
        HostTool.run("truncate", "-s", (size / 2 * 3 >> 20) + 128 + "M", disk.toString());
        HostTool.run("mkfs.ext4", "-q", "-F", "-L", "jvisor-programs", "-d", programs.toString(), disk.toString());
        return disk;
    }
}
