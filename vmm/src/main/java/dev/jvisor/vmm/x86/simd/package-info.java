/**
 * MMX, SSE to SSE4.2, AES, PCLMULQDQ and SHA instructions, and the saving of FPU and SSE state. Start at
 * {@link dev.jvisor.vmm.x86.simd.SimdOps#register}, which puts every opcode into the table, group by group. {@code Operands} brings a memory
 * operand into a temporary XMM register, so that each meaning is written once for registers; {@code Swar} holds packed integers as functions
 * on 64-bit halves, shared by MMX and XMM; {@code Ieee} and {@code SoftFloat} hold floating point with MXCSR's rounding and exceptions.
 *
 * <p>In micro-ops of this package an XMM register is the index of its low half in {@code Cpu.xmm}: twice its number. An MMX register is the
 * index of the physical x87 register it lies in.
 */
package dev.jvisor.vmm.x86.simd;
