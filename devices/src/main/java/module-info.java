/** Emulated virtual devices and the resources behind devices. */
module dev.jvisor.devices {
    requires transitive dev.jvisor.vmm;
    requires org.slf4j;

    exports dev.jvisor.devices.disk;
    exports dev.jvisor.devices.firmware;
    exports dev.jvisor.devices.fwcfg;
    exports dev.jvisor.devices.i8042;
    exports dev.jvisor.devices.ide;
    exports dev.jvisor.devices.legacy;
    exports dev.jvisor.devices.motherboard;
    exports dev.jvisor.devices.pci;
    exports dev.jvisor.devices.pic;
    exports dev.jvisor.devices.pit;
    exports dev.jvisor.devices.pm;
    exports dev.jvisor.devices.rtc;
    exports dev.jvisor.devices.scsi;
    exports dev.jvisor.devices.serial;
    exports dev.jvisor.devices.testdev;
    exports dev.jvisor.devices.vga;
}
