/**
 * From bytes to micro-ops. {@code Decoder} reads prefixes, opcode, ModRM, SIB, displacement and immediate into one
 * reusable {@link dev.jvisor.vmm.x86.decode.Insn}, guided by an {@link dev.jvisor.vmm.x86.decode.OpcodeTable} that the instruction packages
 * ({@code ops}, {@code system}, {@code fpu}, {@code simd}) fill in; the table's translator then puts micro-ops into an
 * {@link dev.jvisor.vmm.x86.decode.Emitter}.
 */
package dev.jvisor.vmm.x86.decode;
