package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.image.CheckInit;
import dev.jvisor.guest.image.CpioWriter;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution's kernel with vector state, and a program compiled for x86-64-v3, at the levels that {@code --cpu} knows. */
@Tag("e2e")
@Tag("slow")
class VectorsEndToEndTest {
    private static final Duration LIMIT = Duration.ofMinutes(10);
    /** What glibc is told not to use: what our CPU has not, AVX2 and FMA, all that came after SSE2. */
    private static final String NEVER = "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX512VL,-AVX512BW,-AVX512F";
    private static final List<String> FORMS = List.of(NEVER, NEVER + ",-AVX2,-FMA",
            NEVER + ",-AVX2,-AVX,-FMA,-FMA4,-AVX_Fast_Unaligned_Load,-SSE4_2,-SSE4_1,-SSSE3");

    @TempDir
    Path dir;
    private DefaultImage image;
    private final List<Path> programs = new ArrayList<>();

    @BeforeEach
    void build() throws Exception {
        assumeTrue(Jvisor.has("gcc"), "no gcc to compile the program with");
        assumeTrue(Files.exists(Path.of("/usr/include/stdio.h")), "no libc6-dev to compile the program with");
        try {
            image = DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
        Path source = dir.resolve("vectors.c");
        try (InputStream in = VectorsEndToEndTest.class.getResourceAsStream("vectors.c")) {
            Files.write(source, in.readAllBytes());
        }
        Path program = dir.resolve("vectors");
        programs.add(program);
        host("gcc", "-O3", "-march=x86-64-v3", "-static", "-o", program.toString(), source.toString(), "-lm");
    }

    private String host(String... command) throws Exception {
        Path out = Files.createTempFile(dir, "host", ".out");
        Process p = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertTrue(p.waitFor(2, TimeUnit.MINUTES), () -> String.join(" ", command) + " does not end");
        String said = Files.readString(out, StandardCharsets.ISO_8859_1);
        assertEquals(0, p.exitValue(), said);
        return said;
    }

    /** {@return the default guest's files with the programs in its root: the kernel takes archives one after another} */
    private Path initrd() throws Exception {
        CpioWriter more = new CpioWriter();
        for (Path p : programs) {
            more.file(p.getFileName().toString(), 0755, Files.readAllBytes(p));
        }
        ByteArrayOutputStream both = new ByteArrayOutputStream();
        both.write(Files.readAllBytes(image.initrd()));
        both.write(more.finish());
        return Files.write(dir.resolve("initrd.cpio"), both.toByteArray());
    }

    private Jvisor.Result guest(String script, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of("run", "--backend", "software", "--kernel", image.kernel().toString(), "--initrd",
                initrd().toString(), "--append", image.commandLine(), "--timeout", "9m"));
        args.addAll(List.of(more));
        Jvisor.Result r = Jvisor.run(LIMIT, script + "\npoweroff -f\n", args.toArray(String[]::new));
        assertEquals(0, r.exit(), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
        return r;
    }

    /** {@return what the guest's kernel lists, a blank before and after each} */
    private static String flags(Jvisor.Result r) {
        return r.out().lines().filter(l -> l.startsWith("flags\t")).findFirst().orElseThrow() + " ";
    }

    @Test
    void programsForTheThirdLevelComputeWhatTheHostDoes() throws Exception {
        Jvisor.Result r = guest("grep -m1 ^flags /proc/cpuinfo; /vectors");
        for (String flag : List.of("avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "movbe", "abm", "xsave", "xsaveopt", "xsavec", "aes", "sha_ni")) {
            assertTrue(flags(r).contains(" " + flag + " "), flag + " in " + flags(r));
        }
        assertTrue(r.out().contains("x86/fpu: Enabled xstate features 0x7, context size is 832 bytes"), r::toString);
        assertTrue(r.out().contains("VECTORS end"), r::toString);
        assumeThirdLevelOnTheHost();
        Map<String, String> host = CheckInit.results(host(programs.getFirst().toString()));
        assertFalse(host.isEmpty());
        assertEquals(host, CheckInit.results(r.out()));
    }

    private static void assumeThirdLevelOnTheHost() throws Exception {
        String cpus = Files.readString(Path.of("/proc/cpuinfo"));
        assumeTrue(cpus.contains(" avx2 ") && cpus.contains(" fma ") && cpus.contains(" bmi2 ") && cpus.contains(" f16c "),
                "the guest ran, but the host's processor cannot run the program");
    }

    @Test
    void theFirstLevelHasNothingOfTheKind() throws Exception {
        Jvisor.Result r = guest("grep -m1 ^flags /proc/cpuinfo; /vectors; echo ended with $?", "--cpu", "x86-64-v1");
        for (String flag : List.of("pni", "ssse3", "sse4_1", "cx16", "popcnt", "lahf_lm", "avx", "xsave", "abm", "bmi1", "aes", "rdrand", "adx")) {
            assertFalse(flags(r).contains(" " + flag + " "), flag + " in " + flags(r));
        }
        for (String flag : List.of("sse2", "cx8", "cmov", "fxsr", "syscall", "lm", "nx", "x2apic")) {
            assertTrue(flags(r).contains(" " + flag + " "), flag + " in " + flags(r));
        }
        // 128 and SIGILL.
        assertTrue(r.out().contains("ended with 132"), r::toString);
    }

    /** As {@code ci/long-programs} does at length and with the distribution's shared libraries. */
    @Test
    void glibcOverRandomInputComputesInEveryFormWhatItDoesOnTheHost() throws Exception {
        long seed = Long.getLong("jvisor.seed", System.nanoTime() >>> 10);
        for (String name : List.of("strings", "mathematics")) {
            programs.add(dir.resolve(name));
            for (String source : List.of("driven.h", name + ".c")) {
                ProgramsScenario.resource(source, dir);
            }
            ProgramsScenario.compile(dir, name, programs.getLast(), "-static", "-DSTATIC");
        }
        String script = FORMS.stream().map(f -> "export GLIBC_TUNABLES=" + f + "; " + commands("/", seed)).collect(Collectors.joining("; echo NEXT; "));
        List<String> ours = List.of(guest(script + "; echo NEXT").out().replace("\r", "").split("\nNEXT\n"));
        assertEquals(FORMS.size() + 1, ours.size(), () -> String.join("\n", ours));
        assertFalse(ours.toString().contains("WRONG"), () -> "seed " + seed + "\n" + ours);
        assumeThirdLevelOnTheHost();
        for (int k = 0; k < FORMS.size(); k++) {
            String forms = FORMS.get(k);
            Map<String, String> here = CheckInit.results(ours.get(k));
            Map<String, String> there = CheckInit.results(host("env", "GLIBC_TUNABLES=" + forms, "sh", "-c", commands(dir + "/", seed)));
            assertTrue(here.size() > 200, () -> "seed " + seed + ", " + forms + "\n" + ours);
            assertEquals(there, here, () -> "seed " + seed + ", " + forms);
        }
    }

    private static String commands(String at, long seed) {
        return at + "strings " + seed + " 25; " + at + "mathematics " + seed + " 25 | grep -v ^NEAR";
    }
}
