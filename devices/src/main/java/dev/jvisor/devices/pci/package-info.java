/**
 * PCI bus 0 by configuration mechanism 1. {@link dev.jvisor.devices.pci.PciBus} is the host bridge's ports and the table of functions;
 * {@link dev.jvisor.devices.pci.PciFunction} is what a device extends or fills in: identity, BARs, interrupt pin;
 * {@link dev.jvisor.devices.pci.PciBridges} makes the two functions that every PC has. {@code PciRegisters} names the offsets.
 *
 * <p>There is no firmware, so {@link dev.jvisor.devices.pci.PciBus#placeBars()} gives the BARs their first addresses.
 */
package dev.jvisor.devices.pci;
