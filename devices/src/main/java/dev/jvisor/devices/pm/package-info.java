/**
 * ACPI fixed hardware: {@link dev.jvisor.devices.pm.PowerManagement} has the PM1 event and control registers, the PM timer and the power
 * button; {@link dev.jvisor.devices.pm.PmRegisters} is where they lie, for whoever builds the FADT. On a board with firmware,
 * {@link dev.jvisor.devices.pm.PmFunction} puts them where that wants them.
 */
package dev.jvisor.devices.pm;
