/** VMBus: rings, channels, the bus server and the VSPs. */
module dev.jvisor.vmbus {
    requires transitive dev.jvisor.devices;
    requires org.slf4j;

    exports dev.jvisor.vmbus.protocol;
    exports dev.jvisor.vmbus.ring;
    exports dev.jvisor.vmbus.server;
    exports dev.jvisor.vmbus.storage;
}
