/**
 * IDE as the PIIX3 has it: PCI function 1 of the ISA bridge, two channels at the legacy ports, two drives each, bus-master DMA.
 * {@link dev.jvisor.devices.ide.IdeController} is the PCI function and the facade; read {@code IdeChannel} next, then {@code IdeDrive}
 * (registers and PIO that every drive has), {@code AtaDisk} (the commands of a disk) and {@code BusMaster} (PRD tables).
 *
 * <pre>
 *  ports 1F0-1F7 3F6 -- IdeChannel -- IdeDrive: AtaDisk ---- DiskRequest ---- VirtualDisk
 *                          |                    AtapiDrive - ScsiRequest ---- ScsiDvd
 *  BAR4 ------------- BusMaster -- PRD table --> pieces of guest RAM, read and written in place
 * </pre>
 *
 * <p>A channel and its drives share one lock, the channel's. Disk threads complete requests under it and raise the interrupt; nothing
 * waits for a disk under it but a guest that stops a DMA transfer half-way, a bus reset and {@code save}. A drive has at most one request
 * on its way, and BSY tells the guest so: a software reset lasts until that request has ended.
 */
package dev.jvisor.devices.ide;
