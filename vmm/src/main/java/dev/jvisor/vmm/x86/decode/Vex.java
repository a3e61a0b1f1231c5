package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.backend.CpuFeature;

/**
 * What a VEX prefix must say, besides map and mandatory prefix, for an opcode to exist (Intel SDM 2A, 3.1.1.2; 2.3.6 to 2.3.9).
 *
 * @param feature what has to be offered
 * @param l VEX.L: 0 for 128 bits, 1 for 256, {@link #ANY} when it is ignored
 * @param w VEX.W: 0, 1, or {@link #ANY}
 * @param operand whether VEX.vvvv names an operand; if not, it must be 1111b
 */
public record Vex(CpuFeature feature, int l, int w, boolean operand) {
    /** Either value will do. */
    public static final int ANY = -1;

    /** {@return 128 bits, W ignored, three operands} */
    public static Vex l128(CpuFeature feature) {
        return new Vex(feature, 0, ANY, true);
    }

    /** {@return 256 bits, W ignored, three operands} */
    public static Vex l256(CpuFeature feature) {
        return new Vex(feature, 1, ANY, true);
    }

    /** {@return L and W ignored, three operands} */
    public static Vex lIgnored(CpuFeature feature) {
        return new Vex(feature, ANY, ANY, true);
    }

    /** {@return this with W as given} */
    public Vex w(int width) {
        return new Vex(feature, l, width, operand);
    }

    /** {@return this without an operand in vvvv} */
    public Vex two() {
        return new Vex(feature, l, w, false);
    }
}
