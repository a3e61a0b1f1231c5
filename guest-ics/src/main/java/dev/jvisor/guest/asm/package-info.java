/**
 * A small x86-64 assembler: Java calls in, bytes out.
 *
 * <p>Guests for tests and benchmarks are written with it, so that no outside tool chain is needed to build them. One
 * {@link dev.jvisor.guest.asm.Assembler} is one stream of bytes at one origin; 16-, 32- and 64-bit code may follow each
 * other in it ({@code bits(Mode)}). Operands are typed ({@link dev.jvisor.guest.asm.Gpr}, {@link dev.jvisor.guest.asm.Mem},
 * {@link dev.jvisor.guest.asm.Xmm}, ...), and an operand that an instruction does not take is an
 * {@link dev.jvisor.guest.asm.AssemblyException} whose text names the instruction and the operands.
 *
 * <p>The encodings chosen are those of GNU {@code as}, which is the oracle of the tests; the source for them is Intel SDM
 * volume 2. Start reading at {@code Assembler}, then {@code InstructionEncoder} for prefixes and ModRM. Between the two
 * stand the instructions: {@code DataInstructions}, {@code ArithmeticInstructions}, {@code BitInstructions},
 * {@code FlowInstructions}, {@code SystemInstructions} and {@code SimdInstructions}.
 */
package dev.jvisor.guest.asm;
