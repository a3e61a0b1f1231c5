/**
 * The pair of 8259A interrupt controllers of a PC, with the edge/level control registers of later chip sets.
 * {@link dev.jvisor.devices.pic.Pic} is the pair behind ports 20h, A0h and 4D0h; {@code Pic8259} is one chip;
 * {@link dev.jvisor.devices.pic.PicRegisters} names the bits.
 */
package dev.jvisor.devices.pic;
