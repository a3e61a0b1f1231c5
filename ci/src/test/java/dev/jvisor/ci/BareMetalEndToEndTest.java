package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.baremetal.BareMetalGuests;
import dev.jvisor.guest.baremetal.EntryMode;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.X87ErrorGuest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests without an operating system, through the command line, on both backends: same guest, same output. */
@Tag("e2e")
class BareMetalEndToEndTest {
    private static final Duration LIMIT = Duration.ofSeconds(180);

    @TempDir
    Path dir;

    static Stream<String> guests() {
        return BareMetalGuests.all(2).stream().map(GuestProgram::name);
    }

    private Jvisor.Result run(GuestProgram g, String backend, String... more) throws Exception {
        Path file = dir.resolve(g.name());
        g.write(file);
        List<String> args = new ArrayList<>(List.of("run", "--backend", backend, "--kernel", file.toString(), "--timeout", "120s"));
        if (g.mode() == EntryMode.REAL_16) {
            args.addAll(List.of("--flat", "real16@0x" + Long.toHexString(g.loadAddress())));
        }
        args.addAll(List.of(more));
        return Jvisor.run(LIMIT, "", args.toArray(String[]::new));
    }

    @ParameterizedTest
    @MethodSource("guests")
    void runsOnTheSoftwareCpu(String name) throws Exception {
        Jvisor.Result r = run(BareMetalGuests.find(name, 2).orElseThrow(), "software", "--processors", "2", "--debug-exit");
        assertEquals(1, r.exit(), r::toString); // the guest's 0, as debug exit tells it
        assertTrue(!r.out().isBlank(), r::toString);
    }

    @ParameterizedTest
    @MethodSource("guests")
    void saysTheSameOnKvmWhoeverExecutesItsSupervisorCode(String name) throws Exception {
        assumeTrue(Jvisor.hasKvm(), "no /dev/kvm that we may use");
        GuestProgram g = BareMetalGuests.find(name, 2).orElseThrow();
        String software = run(g, "software", "--processors", "2", "--debug-exit").out();
        for (String supervisor : List.of("kvm", "software")) {
            Jvisor.Result kvm = run(g, "kvm", "--processors", "2", "--debug-exit", "--supervisor", supervisor);
            assertEquals(1, kvm.exit(), kvm::toString);
            assertEquals(software, kvm.out(), supervisor);
        }
    }

    @Test
    void fourProcessorsAnswerEachOther() throws Exception {
        Jvisor.Result r = run(BareMetalGuests.find("timer-ipi", 4).orElseThrow(), "software", "--processors", "4", "--debug-exit");
        assertEquals(1, r.exit(), r::toString);
        assertTrue(r.out().contains("OK processor 3"), r::toString);
    }

    @Test
    void powerOffEndsWithZero() throws Exception {
        Jvisor.Result r = run(BareMetalGuests.find("hello", 1).orElseThrow(), "software");
        assertEquals(0, r.exit(), r::toString);
    }

    private static GuestProgram code(String name, java.util.function.Consumer<Assembler> body) {
        Assembler a = new Assembler(0x7C00, Mode.BITS16);
        body.accept(a);
        return new GuestProgram(name, a.assemble(), 0x7C00, 0x7C00, EntryMode.REAL_16);
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void aTripleFaultIsSaidClearly(String backend) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        // Protected mode without an IDT: the first exception is a triple fault.
        Assembler a = new Assembler(0x100000, Mode.BITS32);
        a.ud2();
        Jvisor.Result r = run(new GuestProgram("crash", a.assemble(), 0x100000, 0x100000, EntryMode.PROTECTED_32), backend);
        assertEquals(3, r.exit(), r::toString);
        assertTrue(r.err().contains("triple fault"), r::toString);
        assertTrue(r.err().contains("RIP="), r::toString);
        if (backend.equals("software")) {
            assertTrue(r.err().contains("cannot deliver exception 6, nor exception 13, nor exception 8"), r::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void aGuestHaltedForEverIsSaidClearly(String backend) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        Jvisor.Result r = run(code("halt", a -> {
            a.cli();
            a.hlt();
        }), backend);
        assertEquals(3, r.exit(), r::toString);
        assertTrue(r.err().contains("halted"), r::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"software", "kvm"})
    void aGuestThatRunsTooLongIsSaidClearly(String backend) throws Exception {
        assumeTrue(backend.equals("software") || Jvisor.hasKvm(), "no /dev/kvm that we may use");
        Path file = dir.resolve("spin");
        Files.write(file, new byte[] {(byte) 0xEB, (byte) 0xFE});
        Jvisor.Result r = Jvisor.run(LIMIT, "", "run", "--backend", backend, "--kernel", file.toString(), "--flat", "real16@0x7C00",
                "--timeout", "2s");
        assertEquals(4, r.exit(), r::toString);
        assertTrue(r.err().contains("--timeout"), r::toString);
    }

    @Test
    void debugExitCarriesTheGuestsCode() throws Exception {
        Jvisor.Result r = run(code("code", a -> {
            a.mov(Gpr.AL, 21);
            a.out(0xF4, Gpr.AL);
        }), "software", "--debug-exit");
        assertEquals(43, r.exit(), r::toString);
    }

    @Test
    void testDevicesTellAnImageHowManyProcessorsThereAre() throws Exception {
        Path file = dir.resolve("fwcfg");
        // mov dx, 510h; mov ax, 5; out dx, ax; inc dx; in al, dx; out F4h, al
        Files.write(file, HexFormat.of().parseHex("ba1005b80500ef42ece6f4"));
        Jvisor.Result r = Jvisor.run(LIMIT, "", "run", "--backend", "software", "--kernel", file.toString(), "--flat", "real16@0x7C00",
                "--processors", "3", "--test-devices", "--debug-exit", "--timeout", "60s");
        assertEquals(7, r.exit(), r::toString);
    }

    @Test
    void anX87ErrorOfADosProgramIsInterrupt75hAndReturnsToTheInstructionThatWaited() throws Exception {
        String expected = """
                FWAIT: b084 0001 0000 b084\s
                FLD1: b084 0002 0000 b084\s
                EMMS: b084 0003 0000 b084\s
                NE: b084 0103 0000 b084\s
                """;
        for (String more : List.of("--no-restart", "--deterministic")) {
            Jvisor.Result r = run(X87ErrorGuest.program(), "software", "--debug-exit", more);
            assertEquals(1, r.exit(), r::toString);
            assertEquals(expected, r.out().replace("\r", ""), more);
        }
    }

    @Test
    void anX87ErrorWithInterruptsOffStandsStillForEverAndThatIsSaid() throws Exception {
        Jvisor.Result r = run(code("frozen", a -> {
            a.cli();
            // After reset the stack is full, and nothing is masked: fld1; fwait
            a.bytes(HexFormat.of().parseHex("d9e89b"));
        }), "software");
        assertEquals(3, r.exit(), r::toString);
        assertTrue(r.err().contains("halted"), r::toString);
    }

    @Test
    void serialGoesToAFile() throws Exception {
        Path out = dir.resolve("serial.txt");
        Jvisor.Result r = run(BareMetalGuests.find("hello", 1).orElseThrow(), "software", "--serial", "file:" + out);
        assertEquals(0, r.exit(), r::toString);
        assertEquals("", r.out());
        assertTrue(Files.readString(out).contains("Hello"), Files.readString(out));
    }

    @Test
    void traceShowsPorts() throws Exception {
        Jvisor.Result r = run(BareMetalGuests.find("hello", 1).orElseThrow(), "software", "--trace", "port,msr");
        assertTrue(r.err().contains("out port=0x3f8 size=1 value=0x48"), r::toString); // the H of Hello
    }

    @Test
    void traceCountsWhatIsNotImplementedByName() throws Exception {
        // The #UD handler steps over the instruction.
        Assembler a = new Assembler(0x7C00, Mode.BITS16);
        a.bytes(new byte[] {0x31, (byte) 0xC0, (byte) 0x8E, (byte) 0xD8}); // xor ax, ax; mov ds, ax
        a.bytes(new byte[] {(byte) 0xC7, 0x06, 0x18, 0x00, 0x40, 0x7C}); // mov word [6 * 4], 0x7C40
        a.bytes(new byte[] {(byte) 0xC7, 0x06, 0x1A, 0x00, 0x00, 0x00}); // mov word [6 * 4 + 2], 0
        a.bytes(new byte[] {0x0F, (byte) 0xC7, 0x37, 0x0F, (byte) 0xC7, 0x37}); // vmptrld [bx], twice
        a.mov(Gpr.AL, 21);
        a.out(0xF4, Gpr.AL);
        a.zeros((int) (0x7C40 - a.here()));
        a.bytes(new byte[] {(byte) 0x89, (byte) 0xE5, (byte) 0x83, 0x46, 0x00, 0x03, (byte) 0xCF}); // mov bp, sp; add word [bp], 3; iret
        Jvisor.Result r = run(new GuestProgram("twice", a.assemble(), 0x7C00, 0x7C00, EntryMode.REAL_16), "software", "--debug-exit",
                "--trace", "cpu");
        assertEquals(43, r.exit(), r::toString);
        assertEquals(List.of("vp0 cpu not implemented: opcode 0f c7 37 at 0x7c10", "cpu 2 times not implemented: opcode 0f c7 37"), r.errors());
    }
}
