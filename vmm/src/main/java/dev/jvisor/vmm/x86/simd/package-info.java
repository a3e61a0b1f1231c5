/**
 * MMX, SSE to SSE4.2, AVX, AVX2, FMA, F16C, AES, PCLMULQDQ and SHA instructions, and the saving of FPU, SSE and AVX state. Start at
 * {@link dev.jvisor.vmm.x86.simd.SimdOps#register}, which puts every opcode into the table, group by group.
 *
 * <p>In micro-ops of this package an XMM register is the index of its low half in {@code Cpu.xmm}: twice its number. The upper half of its YMM
 * register lies at the same index of {@code Cpu.ymmHigh}. An MMX register is the index of the physical x87 register it lies in.
 *
 * <p>Nearly everything that AVX does to 256 bits it does to each lane of 128 bits as SSE did. So most meanings are written once, as a
 * {@code Lane}, or a {@code FloatLane} where exceptions are possible, that is told which of the two arrays to work on; {@code SimdTable} defines
 * its legacy, VEX.128 and VEX.256 encodings together, and {@code LaneUop} and {@code FloatUop} are the steps that apply it. Legacy
 * instructions leave upper halves alone, those of VEX.128 clear them. What crosses lanes is in {@code PermuteOps}.
 *
 * <p>{@code Operands} brings a memory operand into a temporary register, so that each meaning is written for registers only; {@code Swar}
 * holds packed integers as functions on 64-bit halves; {@code FloatMath}, and where its shortcuts do not apply {@code IeeeFormat}, hold
 * floating point with MXCSR's rounding and exceptions.
 */
package dev.jvisor.vmm.x86.simd;
