package dev.jvisor.vmm.x86.simd;

import java.util.function.LongBinaryOperator;

/**
 * What an instruction without exceptions does to one lane of 128 bits. It is told which register file the lane is in: {@code Cpu.xmm} for
 * lower lanes, {@code Cpu.ymmHigh} for upper ones, with the same indices in both. So one meaning serves the legacy instruction, VEX.128 and
 * VEX.256; {@link LaneUop} has the steps that differ. Destination and sources may be the same register.
 */
@FunctionalInterface
interface Lane {
    /**
     * Computes a lane.
     *
     * @param x register file
     * @param d index of the destination's low half
     * @param s index of the first source: VEX.vvvv, or in legacy instructions the destination
     * @param a index of the second source: ModRM.rm
     * @param imm immediate
     */
    void apply(long[] x, int d, int s, int a, int imm);

    /** {@return a lane of which each 64 bits are computed on their own} */
    static Lane each(LongBinaryOperator f) {
        return (x, d, s, a, imm) -> {
            x[d] = f.applyAsLong(x[s], x[a]);
            x[d + 1] = f.applyAsLong(x[s + 1], x[a + 1]);
        };
    }
}
