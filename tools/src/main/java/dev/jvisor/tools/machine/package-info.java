/**
 * From options to a partition with everything in it: {@link dev.jvisor.tools.machine.BackendChoice} picks the engine,
 * {@link dev.jvisor.tools.machine.DefaultGuest} what to boot when nothing was named, {@link dev.jvisor.tools.machine.Machine} puts backend,
 * motherboard and kernel, or firmware ({@link dev.jvisor.tools.machine.FirmwareSpec}), together.
 */
package dev.jvisor.tools.machine;
