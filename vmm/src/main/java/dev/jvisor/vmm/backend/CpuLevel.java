package dev.jvisor.vmm.backend;

/**
 * How much of the instruction set a guest is offered: the micro-architecture levels of the x86-64 psABI (section 3.1.1), and everything
 * there is. A level says what user mode may execute; what only a kernel notices (paging, MSRs, the APIC) is the same at each.
 */
public enum CpuLevel {
    /** The baseline: SSE2. */
    V1("x86-64-v1"),
    /** CMPXCHG16B, LAHF, POPCNT, SSE3 to SSE4.2. */
    V2("x86-64-v2"),
    /** AVX, AVX2, BMI, F16C, FMA, LZCNT, MOVBE, XSAVE. */
    V3("x86-64-v3"),
    /** All that the backend has. */
    MAX("max");

    private final String text;

    CpuLevel(String text) {
        this.text = text;
    }

    /** {@return its name in the psABI, and on the command line} */
    public String text() {
        return text;
    }

    /** {@return whether a guest of this level is offered a feature} */
    public boolean offers(CpuFeature feature) {
        return feature.level().compareTo(this) <= 0;
    }
}
