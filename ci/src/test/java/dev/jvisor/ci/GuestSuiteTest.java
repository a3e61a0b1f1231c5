package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.ci.GuestSuite.Case;
import dev.jvisor.ci.GuestSuite.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestSuiteTest {
    @TempDir
    Path dir;

    private Path file(String name, String text) throws IOException {
        return Files.writeString(dir.resolve(name), text);
    }

    @Test
    void theSuitesConfigurationSaysHowEachImageIsRun() throws IOException {
        Path a = file("a.flat", "");
        Path b = file("b.flat", "");
        Path env = file("slow_a.env", "TEST_DEVICE=0");
        file("notes.txt", "");
        file("unittests.cfg", """
                # groups and checks that need a real host are not looked at
                [plain_a]
                file = a.flat
                smp = 3
                test_args = "one two"
                qemu_params = -cpu max -m 2g

                [slow_a]
                file = a.flat
                smp = $MAX_SMP
                test_args = 'x'
                [never_a]
                file = a.flat
                groups = vmexit nodefault
                [gone]
                file = gone.flat
                """);
        assertEquals(List.of(new Case("plain_a", a, 3, 2048, "one two", null), new Case("slow_a", a, 2, 512, "x", env),
                new Case("b", b, 1, 512, "", null)), GuestSuite.cases(dir));
    }

    @Test
    void linesAreCounted() {
        Outcome o = GuestSuite.outcome("enabling apic\r\nPASS: a\r\nPASS: b\nSKIP: c\nFAIL: d\nXFAIL: e\nPASSED nothing\nSUMMARY: 5 tests\n", "", 1);
        assertEquals(new Outcome(3, 1, List.of("FAIL: d"), "", 1), o);
        assertEquals("3/4, 1 skipped", o.text());
    }

    @Test
    void fewerPassesOrAnUntimelyEndAreBelow() {
        Outcome two = new Outcome(2, 0, List.of(), "", 1);
        assertFalse(two.below(two));
        assertTrue(new Outcome(1, 1, List.of(), "", 1).below(two));
        assertTrue(new Outcome(2, 0, List.of(), "timed out", 1).below(two));
        assertFalse(new Outcome(2, 0, List.of(), "timed out", 1).below(new Outcome(2, 0, List.of(), "crashed", 1)));
    }
}
