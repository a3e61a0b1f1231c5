/**
 * Virtual disks: what stands behind a synthetic or an emulated storage controller.
 *
 * <p>{@link dev.jvisor.devices.disk.VirtualDisk} is what a controller sees: it submits a reusable
 * {@link dev.jvisor.devices.disk.DiskRequest} and is called back on one of the disk's own threads. Data goes straight between the file and
 * guest pages; what the host has in memory is read on the controller's own thread ({@code readNow}). Below it a {@code DiskImage} is one
 * format, called by several threads at once, over an {@code ImageFile}:
 *
 * <pre>
 *  controller -- DiskRequest --> VirtualDisk (queue, threads) --> DiskImage: RawImage | VhdImage | VhdxImage --> ImageFile --> FileIo
 *                                                                    |
 *                                                                    +--> parent DiskImage of a differencing disk, read only
 * </pre>
 *
 * <p>An image file is as hostile as a guest: every offset and length in it is checked before use, and what is wrong with it comes out as a
 * {@link dev.jvisor.devices.disk.DiskFormatException}. One opener may write a disk; the lock is the operating system's, and is kept while the
 * disk gets another size ({@code ImageResize}). What was flushed outlives a loss of power at any moment, in all formats and in a resize;
 * {@code ImageCrashTest} says how that is known. Read first: VirtualDisk, DiskRequest, DiskImage; then QueuedDisk, VhdxImage.
 */
package dev.jvisor.devices.disk;
