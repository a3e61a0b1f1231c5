/**
 * Small things behind the ports of an old PC: {@link dev.jvisor.devices.legacy.DebugExit} and
 * {@link dev.jvisor.devices.legacy.DebugConsole} for guests under test, {@link dev.jvisor.devices.legacy.PostCode} at port 80h,
 * {@link dev.jvisor.devices.legacy.SystemControlA} at port 92h,
 * {@link dev.jvisor.devices.legacy.CoprocessorError} at port F0h, and {@link dev.jvisor.devices.legacy.LegacyPorts} for hardware that is
 * touched by habit and is not there.
 */
package dev.jvisor.devices.legacy;
