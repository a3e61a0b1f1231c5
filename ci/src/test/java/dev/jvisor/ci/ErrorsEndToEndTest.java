package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A user's mistake is answered by one line that names it, and by exit code 2. */
@Tag("e2e")
class ErrorsEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    Path dir;

    static Stream<Arguments> mistakes() {
        return Stream.of(
                Arguments.of("--bogus", new String[] {"run", "--bogus"}),
                Arguments.of("--memory", new String[] {"run", "--memory", "12Q"}),
                Arguments.of("--memory", new String[] {"run", "--memory", "0"}),
                Arguments.of("--memory", new String[] {"run", "--memory", "100000G"}),
                Arguments.of("--processors", new String[] {"run", "--processors", "none"}),
                Arguments.of("--processors", new String[] {"run", "--processors", "0"}),
                Arguments.of("--timeout", new String[] {"run", "--timeout", "soon"}),
                Arguments.of("--backend", new String[] {"run", "--backend", "xen"}),
                Arguments.of("--trace", new String[] {"run", "--trace", "everything"}),
                Arguments.of("--serial", new String[] {"run", "--serial", "tcp:1"}),
                Arguments.of("--serial", new String[] {"run", "--serial", "file:/nowhere/at/all"}),
                Arguments.of("--gdb", new String[] {"run", "--gdb", "99999"}),
                Arguments.of("--kernel", new String[] {"run", "--kernel", "/no/such/kernel"}),
                Arguments.of("--initrd", new String[] {"run", "--kernel", "/proc/self/exe", "--initrd", "/no/such/initrd"}),
                Arguments.of("--kernel", new String[] {"run", "--initrd", "/etc/hostname"}),
                Arguments.of("frobnicate", new String[] {"frobnicate"}),
                Arguments.of("verb", new String[] {}));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void oneLineNamesTheOption(String named, String[] args) throws Exception {
        expectMistake(named, Jvisor.run(LIMIT, null, args));
    }

    private static void expectMistake(String named, Jvisor.Result r) {
        assertEquals(2, r.exit(), r::toString);
        assertEquals(1, r.errors().size(), r::toString);
        assertTrue(r.err().contains(named), r::toString);
        assertEquals("", r.out());
    }

    @Test
    void aKernelThatIsNone() throws Exception {
        Path text = Files.createTempFile(dir, "kernel", ".txt");
        Files.writeString(text, "this is a letter, not a kernel\n".repeat(1000));
        Path elf = dir.resolve("user.elf");
        Files.copy(Path.of("/bin/true").toRealPath(), elf);
        expectMistake("--kernel", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", elf.toString()));
        Path empty = Files.createTempFile(dir, "empty", "");
        expectMistake("--kernel", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", empty.toString()));
        expectMistake("--kernel", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", dir.toString()));
    }

    @Test
    void noPermissionForKvm() throws Exception {
        Path kvm = Path.of("/dev/kvm");
        assumeTrue(Files.exists(kvm), "no /dev/kvm");
        assumeTrue(!Files.getPosixFilePermissions(kvm).contains(PosixFilePermission.OTHERS_WRITE), "everybody may use /dev/kvm");
        assumeTrue(Jvisor.has("setpriv") && "root".equals(System.getProperty("user.name")), "needs root and setpriv to become nobody");
        List<String> nobody = List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
        var visible = Jvisor.start(LIMIT, nobody, null, "--version");
        assumeTrue(visible.exit() == 0, "nobody may not read the tree or the JDK");
        expectMistake("/dev/kvm", Jvisor.start(LIMIT, nobody, null, "run", "--backend", "kvm"));
    }
}
