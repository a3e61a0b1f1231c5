/**
 * PCI bus 0 by configuration mechanism 1. {@link dev.jvisor.devices.pci.PciBus} is the host bridge's ports and the table of functions;
 * {@link dev.jvisor.devices.pci.PciFunction} is what a device extends or fills in: identity, BARs, interrupt pin;
 * {@link dev.jvisor.devices.pci.IsaBridge} routes pins to ISA lines. The host bridge is {@link dev.jvisor.devices.pci.HostBridge} on a board
 * with firmware, else one of {@link dev.jvisor.devices.pci.PciBridges}. {@code PciRegisters} names the offsets.
 *
 * <p>Where there is no firmware, {@link dev.jvisor.devices.pci.PciBus#placeBars()} gives the BARs their first addresses.
 */
package dev.jvisor.devices.pci;
