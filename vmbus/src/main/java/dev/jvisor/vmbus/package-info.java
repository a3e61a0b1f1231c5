/**
 * VMBus, the bus of synthetic devices: rings over guest memory, channels, the bus server, and the VSPs behind them.
 *
 * <p>Nothing lives here yet: the first rings and the storage VSP arrive with the Hyper-V contract. The module stands so that the
 * arrows between modules are held from the first day.
 */
package dev.jvisor.vmbus;
