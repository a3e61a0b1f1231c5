/**
 * The x87 instructions. {@link dev.jvisor.vmm.x86.fpu.X87Ops} puts them into the opcode table; {@link dev.jvisor.vmm.x86.fpu.X87Stack} is the
 * register stack with its faults; arithmetic itself is in the package {@code softfloat}. An unmasked exception is #MF;
 * with CR0.NE clear, when a PC would raise IRQ 13 instead, nothing is raised.
 */
package dev.jvisor.vmm.x86.fpu;
