/**
 * SCSI targets over {@link dev.jvisor.devices.disk.VirtualDisk}: a {@link dev.jvisor.devices.scsi.ScsiTarget} holds units by LUN, a
 * {@link dev.jvisor.devices.scsi.ScsiDisk} or {@link dev.jvisor.devices.scsi.ScsiDvd} carries out commands. Whoever speaks a transport
 * (storvsp, ATAPI) fills a {@link dev.jvisor.devices.scsi.ScsiRequest}, gives it to the target, and is called back when it is done.
 * Start at {@code ScsiTarget}.
 *
 * <p>Requests are made once and used again: reading and writing allocate nothing, and data goes straight between the disk and guest pages.
 * Any number of threads may execute commands; those that need no disk complete on the caller's thread, the others on a disk's.
 */
package dev.jvisor.devices.scsi;
