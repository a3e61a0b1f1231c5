package dev.jvisor.vmm.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.nativebindings.Kvm;
import dev.jvisor.vmm.time.SystemClock;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class KvmProbeTest {
    @Test
    @Tag("kvm")
    void shouldFindOutWhatTheHostDoes() {
        KvmGuest.assumeKvm();
        KvmReport report = KvmProbe.run(new SystemClock());
        System.out.println(report.label() + " " + report.attributes());
        assertTrue(report.usable(), report.unavailable());
        assertEquals("12", report.attribute("kvm.api"));
        assertTrue(report.supervisorPerSecond() > 0);
        assertTrue(report.userPerSecond() > 0);
        // Whichever host this is, it is of one kind, and says so consistently.
        assertEquals(report.supervisorNative(), report.label().equals("KVM-HARDWARE"));
        assertEquals(report.supervisorNative(),
                report.attribute("kvm.supervisor").equals("native") && report.attribute("kvm.syscall").equals("ok"));
    }

    @Test
    void shouldSayWhyThereIsNoKvm() {
        Assumptions.assumeFalse(Files.isWritable(Path.of(Kvm.DEVICE)), "/dev/kvm is there");
        KvmReport report = KvmProbe.run(new SystemClock());
        assertFalse(report.usable());
        assertEquals("NO-KVM", report.label());
        assertTrue(report.unavailable().startsWith(Kvm.DEVICE), report.unavailable());
    }
}
