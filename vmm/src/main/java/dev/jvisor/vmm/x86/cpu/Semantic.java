package dev.jvisor.vmm.x86.cpu;

/**
 * The meaning of an instruction that is not worth a micro-op class of its own: a static method. Operands are in the micro-op's fields; a
 * memory operand's linear address is in {@code c.r[Cpu.TA]}.
 */
@FunctionalInterface
public interface Semantic {
    /** Executes it; the same contract as {@link Uop#exec}. */
    void run(Cpu c, Uop u);
}
