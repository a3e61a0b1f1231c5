/**
 * The bus server: {@link dev.jvisor.vmbus.server.VmbusServer} speaks the control protocol with the guest over a
 * {@link dev.jvisor.vmbus.server.VmbusHost}; a VSP implements {@link dev.jvisor.vmbus.server.ChannelDevice} and is offered by an
 * {@link dev.jvisor.vmbus.server.Offer}; each time the guest opens it, it gets a {@link dev.jvisor.vmbus.server.Channel}. The life of a
 * channel is written out in {@link dev.jvisor.vmbus.server.ChannelState}.
 *
 * <p>Threads: VPs post and signal and never wait; {@code vmbus-control} does all control work; {@code vmbus-NAME} is one for each open
 * channel, where its device runs.
 */
package dev.jvisor.vmbus.server;
