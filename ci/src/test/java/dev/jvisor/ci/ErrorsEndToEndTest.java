package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.Arrays;
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
                Arguments.of("--cpu", new String[] {"run", "--cpu", "x86-64-v4"}),
                Arguments.of("x86-64-v1, x86-64-v2, x86-64-v3, max", new String[] {"run", "--cpu", "pentium"}),
                Arguments.of("--trace", new String[] {"run", "--trace", "everything"}),
                Arguments.of("--serial", new String[] {"run", "--serial", "tcp:1"}),
                Arguments.of("--serial", new String[] {"run", "--serial", "file:/nowhere/at/all"}),
                Arguments.of("--gdb", new String[] {"run", "--gdb", "99999"}),
                Arguments.of("--kernel", new String[] {"run", "--kernel", "/no/such/kernel"}),
                Arguments.of("--initrd", new String[] {"run", "--kernel", "/proc/self/exe", "--initrd", "/no/such/initrd"}),
                Arguments.of("--kernel", new String[] {"run", "--initrd", "/etc/hostname"}),
                Arguments.of("--firmware", new String[] {"run", "--firmware", "/no/such/firmware"}),
                Arguments.of("--firmware", new String[] {"run", "--backend", "software", "--firmware", "/etc/hostname"}),
                Arguments.of("--firmware-vars", new String[] {"run", "--firmware-vars", "/tmp/vars.fd"}),
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

    /** A bzImage of boot protocol 2.15 with nothing in it that runs: 4 KiB of code, a command line of 255 characters, 2 MiB of RAM from 2 MiB on. */
    private Path bzImage(int bytes) throws Exception {
        ByteBuffer b = ByteBuffer.allocate(5 * 512 + 0x1000).order(ByteOrder.LITTLE_ENDIAN);
        b.put(0x1F1, (byte) 4).putInt(0x1F4, 0x100).putShort(0x1FE, (short) 0xAA55).put(0x201, (byte) 0x6A).putInt(0x202, 0x53726448);
        b.putShort(0x206, (short) 0x20F).put(0x211, (byte) 1).putInt(0x22C, 0x7FFFFFFF).putShort(0x236, (short) 1).putInt(0x238, 255);
        b.putLong(0x258, 0x200000).putInt(0x260, 0x200000);
        return Files.write(dir.resolve("bzImage-" + bytes), Arrays.copyOf(b.array(), bytes));
    }

    @Test
    void aKernelThatDoesNotFit() throws Exception {
        Path whole = bzImage(5 * 512 + 0x1000);
        Path cut = bzImage(5 * 512 + 0x800);
        Path initrd = Files.write(dir.resolve("initrd"), new byte[8 << 20]);
        expectMistake("cut short", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", cut.toString()));
        expectMistake("--memory", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", whole.toString(), "--memory", "3M"));
        expectMistake("--memory", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", whole.toString(), "--memory", "8M",
                "--initrd", initrd.toString()));
        expectMistake("--append", Jvisor.run(LIMIT, null, "run", "--backend", "software", "--kernel", whole.toString(),
                "--append", "x".repeat(300)));
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
