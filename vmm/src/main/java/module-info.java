/** The hypervisor: partitions, virtual processors, GPA space, intercepts, and the two backends. */
module dev.jvisor.vmm {
    requires transitive dev.jvisor.nativebindings;
    requires org.slf4j;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;

    exports dev.jvisor.vmm.backend;
    exports dev.jvisor.vmm.kvm;
    exports dev.jvisor.vmm.hybrid;
    exports dev.jvisor.vmm.hyperv;
    exports dev.jvisor.vmm.memory;
    exports dev.jvisor.vmm.state;
    exports dev.jvisor.vmm.time;
    exports dev.jvisor.vmm.acpi;
    exports dev.jvisor.vmm.apic;
    exports dev.jvisor.vmm.loader;
    exports dev.jvisor.vmm.partition;
    exports dev.jvisor.vmm.x86;

}
