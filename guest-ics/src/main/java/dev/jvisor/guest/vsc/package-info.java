/**
 * The guest's end of synthetic devices in machine code of a few kilobytes: {@link dev.jvisor.guest.vsc.VmbusClient} connects and opens a
 * channel, {@link dev.jvisor.guest.vsc.ChannelRings} moves packets, {@link dev.jvisor.guest.vsc.StorVsc} speaks to the storage VSP. The
 * code runs at CPL3, with the services of {@link dev.jvisor.guest.baremetal.Supervisor}. It shares the protocol with the host's end
 * ({@link dev.jvisor.vmbus.protocol}) and nothing else. Start with {@code VmbusClient}; {@code dev.jvisor.guest.disk} uses all of it.
 */
package dev.jvisor.guest.vsc;
