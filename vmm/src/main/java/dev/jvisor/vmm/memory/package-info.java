/**
 * The guest physical address (GPA) space of a partition. {@link dev.jvisor.vmm.memory.GpaSpace} maps RAM, ROM and MMIO ranges over one
 * off-heap segment; devices and both backends work on that segment in place. Start reading there.
 */
package dev.jvisor.vmm.memory;
