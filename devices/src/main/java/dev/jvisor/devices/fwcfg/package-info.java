/**
 * QEMU's firmware configuration device, from which firmware and test images learn what the machine is: named and numbered items of bytes,
 * read one by one through a port or copied into memory. {@link dev.jvisor.devices.fwcfg.FwCfg} is the device,
 * {@link dev.jvisor.devices.fwcfg.FwCfgItems} what it has to tell, {@link dev.jvisor.devices.fwcfg.FwCfgRegisters} ports, keys and bits.
 * Source: QEMU, {@code docs/specs/fw_cfg.rst}.
 */
package dev.jvisor.devices.fwcfg;
