/**
 * The x87 instructions. {@link dev.jvisor.vmm.x86.fpu.X87Ops} puts them into the opcode table; {@link dev.jvisor.vmm.x86.fpu.X87Stack} is the
 * register stack with its faults; arithmetic itself is in the package {@code softfloat}. An unmasked exception is #MF, or
 * with CR0.NE clear IRQ 13, at the next instruction that waits: {@link dev.jvisor.vmm.x86.cpu.X87Errors}.
 */
package dev.jvisor.vmm.x86.fpu;
