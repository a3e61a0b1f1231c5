/**
 * The x87 instructions. {@link dev.jvisor.vmm.x86.fpu.X87Ops} puts them into the opcode table; {@link dev.jvisor.vmm.x86.fpu.X87Stack} is the
 * register stack with its faults; arithmetic itself is in the package {@code softfloat}.
 */
package dev.jvisor.vmm.x86.fpu;
