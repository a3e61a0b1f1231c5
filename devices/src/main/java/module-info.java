/** Emulated virtual devices and the resources behind devices. */
module dev.jvisor.devices {
    requires transitive dev.jvisor.vmm;
    requires org.slf4j;
}
