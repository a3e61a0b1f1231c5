package dev.jvisor.vmm.hyperv;

import java.util.Locale;

/**
 * What a guest said when it crashed.
 *
 * @param vp the virtual processor that reported
 * @param p0 HV_X64_MSR_CRASH_P0; with Linux the error, when no text is given
 * @param p1 HV_X64_MSR_CRASH_P1; with Linux the guest OS id
 * @param p2 HV_X64_MSR_CRASH_P2; with Linux RIP
 * @param p3 HV_X64_MSR_CRASH_P3; with Linux RAX, or the text's GPA
 * @param p4 HV_X64_MSR_CRASH_P4; with Linux RSP, or the text's length
 * @param text the end of the guest's log; empty when it gave none
 */
public record CrashReport(int vp, long p0, long p1, long p2, long p3, long p4, String text) {
    /** {@return the report for people} */
    public String describe() {
        if (!text.isBlank()) {
            return text.stripTrailing();
        }
        return String.format(Locale.ROOT, "vp-%d: P0=%016x P1=%016x P2=%016x P3=%016x P4=%016x", vp, p0, p1, p2, p3, p4);
    }
}
