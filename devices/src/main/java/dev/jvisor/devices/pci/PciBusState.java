package dev.jvisor.devices.pci;

/**
 * What the host bridge's ports remember; each function saves itself.
 *
 * @param address the configuration address register
 * @param resetControl the reset control register
 */
public record PciBusState(int address, int resetControl) { }
