package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * What a floating-point instruction does to one lane of 128 bits, like {@link Lane}. Exceptions are noted in {@link Mxcsr}; the destination
 * given is a temporary, since nothing may change when one of them is not masked. {@link FloatUop} does the rest.
 */
@FunctionalInterface
interface FloatLane {
    /**
     * Computes a lane.
     *
     * @param u the step: its {@code imm} is the immediate, its {@code d} the register that the result goes to in the end
     * @param x register file: {@code c.xmm} or {@code c.ymmHigh}
     * @param d index of the low half of a temporary, none of the sources
     * @param s index of the first source
     * @param a index of the second source
     */
    void apply(Cpu c, Uop u, long[] x, int d, int s, int a);
}
