/**
 * VMBus, the bus of synthetic devices: {@link dev.jvisor.vmbus.protocol} is the protocol as data, {@link dev.jvisor.vmbus.ring} rings over
 * guest memory. Channels, the bus server, and the VSPs stand on these.
 */
package dev.jvisor.vmbus;
