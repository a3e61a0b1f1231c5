/**
 * A bare-metal guest that keeps a disk busy: {@link dev.jvisor.guest.disk.DiskGuest} does what a {@link dev.jvisor.guest.disk.DiskWorkload}
 * says over a {@link dev.jvisor.guest.disk.DiskPath}, synthetic or emulated. It is the payload of {@code jvisor bench disk} and of tests that
 * want the same I/O on both backends. A {@code DiskTransport} is the driver of one path; start with {@code DiskGuest}.
 */
package dev.jvisor.guest.disk;
