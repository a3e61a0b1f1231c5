package dev.jvisor.ci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.guest.image.CheckInit;
import dev.jvisor.guest.image.DefaultImage;
import dev.jvisor.guest.image.ImageException;
import dev.jvisor.guest.image.KernelFlavour;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The distribution's kernel on {@code --backend kvm}, also on a host whose KVM runs no supervisor code natively. Run by
 * {@code ci/long-kvm-linux}.
 */
@Tag("e2e")
@Tag("long")
@Tag("kvm")
class KvmLinuxLongSuite {
    private static final Duration LIMIT = Duration.ofMinutes(20);
    private static final int ROUNDS = 3;

    /** A user's work of two kinds: long stretches in user code, and a system call or a page fault every few microseconds. */
    private enum Work {
        HASH("64 MB hashed by sha256sum", "dd if=/dev/zero bs=1M count=64 2>/dev/null | sha256sum"),
        LOOP("100,000 rounds of a shell's loop", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i"),
        FORKS("200 programs started", "i=0; while [ $i -lt 200 ]; do i=$((i+1)); /bin/true; done; echo $i"),
        CALLS("100,000 system calls, each reading a byte", "dd if=/dev/zero of=/dev/null bs=1 count=50000 2>/dev/null; echo done");

        private final String text;
        private final String command;

        Work(String text, String command) {
            this.text = text;
            this.command = command;
        }
    }

    @BeforeEach
    void kvm() {
        assumeTrue(Jvisor.hasKvm(), "no /dev/kvm that we may use");
    }

    private static Map<String, String> check(CheckInit guest, String backend, int processors) throws Exception {
        Jvisor.Result r = Jvisor.run(LIMIT, "", "run", "--backend", backend, "--kernel", guest.kernel().toString(), "--initrd",
                guest.initrd().toString(), "--append", guest.commandLine(), "--processors", Integer.toString(processors), "--timeout", "19m");
        assertEquals(0, r.exit(), r::toString);
        assertTrue(r.out().contains("Brought up 1 node, " + processors + " CPU"), r::toString);
        assertTrue(r.out().contains(CheckInit.END), r::toString);
        LinuxEndToEndTest.noTrouble(r.out());
        return CheckInit.results(r.out());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void theCloudKernelComputesWhatItDoesOnTheSoftwareCpu(int processors) throws Exception {
        CheckInit guest;
        try {
            guest = CheckInit.build(DefaultImage.defaultCache(), KernelFlavour.CLOUD, line -> { });
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
            return;
        }
        Map<String, String> software = check(guest, "software", processors);
        assertFalse(software.isEmpty());
        assertEquals(software, check(guest, "kvm", processors));
    }

    /** Both guests run at the same time's load, a piece of work on one and then on the other. */
    @Test
    void userCodeOnKvmBesideTheSoftwareCpu() throws Exception {
        try {
            DefaultImage.build(DefaultImage.defaultCache());
        } catch (ImageException e) {
            abort("no packages for a guest: " + e.getMessage());
        }
        try (Conversation software = boot("software"); Conversation kvm = boot("kvm")) {
            for (Work w : Work.values()) {
                List<Double> there = new ArrayList<>();
                List<Double> here = new ArrayList<>();
                for (int i = 0; i < ROUNDS; i++) {
                    assertEquals(timed(software, w, there), timed(kvm, w, here));
                }
                there.sort(null);
                here.sort(null);
                double a = there.get(ROUNDS / 2);
                double b = here.get(ROUNDS / 2);
                System.out.printf(Locale.ROOT, "long-kvm-linux: %s: software CPU %.2f s, KVM for user code %.2f s, ratio %.1f%n", w.text, a, b, a / b);
            }
            for (Conversation guest : List.of(software, kvm)) {
                guest.type("poweroff -f");
                assertEquals(0, guest.end(LIMIT).exit(), guest::transcript);
                LinuxEndToEndTest.noTrouble(guest.transcript());
            }
        }
    }

    private static Conversation boot(String backend) throws Exception {
        Conversation guest = Conversation.withJvisor("run", "--backend", backend, "--timeout", "60m");
        guest.expect("Enter 'help' for a list", LIMIT);
        System.out.printf(Locale.ROOT, "long-kvm-linux: %s: the shell after %.1f s, %.1f s of processor time%n", backend, guest.elapsed().toMillis() / 1e3,
                guest.cpu().toMillis() / 1e3);
        guest.ask("true", LIMIT);
        return guest;
    }

    private static String timed(Conversation guest, Work w, List<Double> seconds) throws Exception {
        Duration before = guest.cpu();
        String said = guest.ask(w.command, LIMIT);
        seconds.add(guest.cpu().minus(before).toNanos() / 1e9);
        return said.lines().skip(1).toList().toString();
    }
}
