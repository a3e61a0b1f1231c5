package dev.jvisor.vmm.kvm;

import java.util.List;

/**
 * What a host's KVM does, as found by {@link KvmProbe}.
 *
 * @param unavailable why KVM cannot be used, one line for people; empty when it can
 * @param supervisorNative whether ring 0 code runs on the processor and not in an interpreter, SYSCALL included
 * @param userNative whether ring 3 code runs on the processor
 * @param supervisorPerSecond instructions a second of a ring 0 loop
 * @param userPerSecond instructions a second of a ring 3 loop
 * @param attributes everything found, to print
 */
public record KvmReport(String unavailable, boolean supervisorNative, boolean userNative, double supervisorPerSecond,
        double userPerSecond, List<Attribute> attributes) {

    /**
     * One finding.
     *
     * @param name dotted, such as {@code kvm.syscall}
     * @param value for people
     */
    public record Attribute(String name, String value) {
    }

    /** {@return whether there is a KVM that can be used at all} */
    public boolean usable() {
        return unavailable.isEmpty();
    }

    /** {@return the host's kind in one word: KVM-HARDWARE, KVM-PVM-EMULATED-SUPERVISOR, KVM-EMULATED, NO-KVM} */
    public String label() {
        if (!usable()) {
            return "NO-KVM";
        }
        return supervisorNative ? "KVM-HARDWARE" : userNative ? "KVM-PVM-EMULATED-SUPERVISOR" : "KVM-EMULATED";
    }

    /** {@return the value of an attribute, "unknown" when it is not there} */
    public String attribute(String name) {
        return attributes.stream().filter(a -> a.name().equals(name)).map(Attribute::value).findFirst().orElse("unknown");
    }
}
