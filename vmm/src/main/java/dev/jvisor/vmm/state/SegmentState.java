package dev.jvisor.vmm.state;

/**
 * A segment register with its hidden part (Intel SDM 3A, 3.4.3).
 *
 * @param selector visible part, 16 bits
 * @param base linear base address
 * @param limit in bytes, granularity already applied, unsigned 32 bits
 * @param attributes descriptor bits 40-47 in bits 0-7 (type, S, DPL, P) and 52-55 in bits 12-15 (AVL, L, D/B, G), as VMX access rights;
 *     bit 16 set: unusable (loaded with a null selector)
 */
public record SegmentState(int selector, long base, int limit, int attributes) {
    /** Bit 16 of {@link #attributes}: null selector. */
    public static final int UNUSABLE = 1 << 16;
    /** Descriptor S bit: code or data, not system. */
    public static final int S = 1 << 4;
    /** Present. */
    public static final int P = 1 << 7;
    /** 64-bit code segment. */
    public static final int L = 1 << 13;
    /** Default operation size / big. */
    public static final int DB = 1 << 14;
    /** Granularity. */
    public static final int G = 1 << 15;

    /** {@return the segment type, 0 to 15} */
    public int type() {
        return attributes & 15;
    }

    /** {@return the descriptor privilege level, 0 to 3} */
    public int dpl() {
        return attributes >> 5 & 3;
    }

    /** {@return a real-mode data segment at {@code selector << 4}} */
    public static SegmentState realMode(int selector) {
        return new SegmentState(selector, (long) selector << 4, 0xFFFF, 0x93);
    }
}
