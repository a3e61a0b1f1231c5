/**
 * The software CPU's core: the state of one virtual processor ({@link dev.jvisor.vmm.x86.cpu.Cpu}), how it reaches memory (soft-TLB in
 * {@code Cpu}, page walks in {@link dev.jvisor.vmm.x86.cpu.Mmu}), lazy flags ({@link dev.jvisor.vmm.x86.cpu.Flags}), and the micro-op
 * contract ({@link dev.jvisor.vmm.x86.cpu.Uop}) that the instruction packages implement. It knows no instruction.
 */
package dev.jvisor.vmm.x86.cpu;
