/**
 * The board that carries a partition's emulated devices: {@link dev.jvisor.devices.motherboard.Motherboard} makes and wires them,
 * {@link dev.jvisor.devices.motherboard.MotherboardConfig} says which, {@link dev.jvisor.devices.motherboard.MotherboardState} is the sum
 * of what they remember.
 *
 * <pre>
 *   ports 20 A0 4D0  Pic           70     Rtc           3C0-3DF  VgaPorts, memory B8000 TextScreen
 *         40-43 61   Pit           60 64  I8042         600-60B  PowerManagement
 *         3F8 2F8 .. Serial16550   CF8    PciBus        F0       CoprocessorError
 *         1F0 3F6 170 376  IdeController                F4       DebugExit
 *                                                       510-51B  FwCfg
 *         E0-EB 2000-2017  PcTestDevice, memory FF000000
 * </pre>
 *
 * A board with firmware ({@link dev.jvisor.devices.motherboard.FirmwareConfig}) carries chips below 4 GiB besides, and a host bridge that shows
 * them below 1 MiB; the ports of power management are where firmware puts them.
 */
package dev.jvisor.devices.motherboard;
