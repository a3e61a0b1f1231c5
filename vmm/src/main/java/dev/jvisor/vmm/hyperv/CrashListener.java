package dev.jvisor.vmm.hyperv;

/** Is told when the guest reports its own crash through the crash MSRs (TLFS 2.11, HV_X64_MSR_CRASH_CTL). */
@FunctionalInterface
public interface CrashListener {
    /** The guest has crashed. On the VP's thread; must be quick. Everything is copied: nothing of it points into the guest. */
    void crashed(CrashReport report);
}
