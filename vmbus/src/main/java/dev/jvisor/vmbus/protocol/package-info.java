/**
 * The VMBus protocol as data: versions, channel messages, offers, packets and the header of a ring, each fact once, with no logic and no
 * host types, so that the host's end (this module) and the guest's end (guest-ics) share it. Start with
 * {@link dev.jvisor.vmbus.protocol.ChannelMessage} (the control protocol), then {@link dev.jvisor.vmbus.protocol.RingLayout} and
 * {@link dev.jvisor.vmbus.protocol.PacketLayout} (the data path).
 *
 * <p>Sources: Linux 6.1 {@code include/linux/hyperv.h}; names are those of that file in our spelling.
 */
package dev.jvisor.vmbus.protocol;
