/**
 * The storage VSP: the SCSI controller that storvsc in a guest finds on VMBus. {@link dev.jvisor.vmbus.storage.StorVsp} is the controller
 * with its start-up conversation, {@code StorQueue} one channel of it with the SRBs on their way, {@code StorSlot} one SRB; the packets are
 * in {@link dev.jvisor.vmbus.protocol.StorVspProtocol}, the SCSI commands in {@link dev.jvisor.devices.scsi}.
 *
 * <pre>
 *  guest ring --StorQueue, channel's thread--> StorSlot --> ScsiTarget --> VirtualDisk   data: file &lt;--&gt; guest pages
 *  guest ring &lt;--------- StorQueue, under its lock ---------- StorSlot &lt;------- a thread of the disk
 * </pre>
 *
 * <p>A packet is copied out of the ring once, checked, and used from the copy. SRBs on their way are bounded: when all slots are taken the
 * ring is left alone until one is free. Nothing is allocated for an SRB once its slot exists.
 */
package dev.jvisor.vmbus.storage;
