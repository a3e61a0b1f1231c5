/**
 * Devices that only guests under test want: what public x86 test images know from QEMU. {@link dev.jvisor.devices.testdev.PcTestDevice} is
 * QEMU's {@code pc-testdev} (ports and memory that keep what is written, interrupt lines to pull),
 * {@link dev.jvisor.devices.testdev.HypervTestDevice} its {@code hyperv-testdev} (SINTs to raise, connections that send back),
 * {@link dev.jvisor.devices.testdev.FirmwareTraces} the state that a PC's firmware would have left. The debug-exit port is
 * {@link dev.jvisor.devices.legacy.DebugExit}, how such images learn of the machine {@link dev.jvisor.devices.fwcfg}.
 */
package dev.jvisor.devices.testdev;
