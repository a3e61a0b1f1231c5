/**
 * The 8254 interval timer and the system control port 61h that gates its third counter. {@link dev.jvisor.devices.pit.Pit} is the device;
 * {@code PitChannel} is one counter, a pure function of its programming and of the clock; {@code PitRegisters} names the bits.
 */
package dev.jvisor.devices.pit;
