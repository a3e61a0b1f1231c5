/**
 * The board that carries a partition's emulated devices: {@link dev.jvisor.devices.motherboard.Motherboard} makes and wires them,
 * {@link dev.jvisor.devices.motherboard.MotherboardConfig} says which, {@link dev.jvisor.devices.motherboard.MotherboardState} is the sum
 * of what they remember.
 *
 * <pre>
 *   ports 20 A0 4D0  Pic           70     Rtc           3C0-3DF  VgaPorts, memory B8000 TextScreen
 *         40-43 61   Pit           60 64  I8042         600-60B  PowerManagement
 *         3F8 2F8 .. Serial16550   CF8    PciBus        F4       DebugExit
 *         1F0 3F6 170 376  IdeController
 * </pre>
 */
package dev.jvisor.devices.motherboard;
