package dev.jvisor.vmm.x86.ops;

/** How a load or store finds its linear address. */
public enum Addressing {
    /** {@code r[a] + imm}. */
    BASE,
    /** {@code r[a] + (r[b] << scale) + imm}. */
    INDEX,
    /** As INDEX, plus the base of segment {@code seg}. */
    SEGMENT,
    /** As INDEX, truncated to 32 bits. */
    WRAPPED,
    /** {@code r[TA]}, computed and checked by a step before. */
    LINEAR
}
