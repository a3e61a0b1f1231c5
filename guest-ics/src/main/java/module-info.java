/** The guest side: an x86-64 assembler, bare-metal guests, VSCs written with it, and the builder of Linux guests. */
module dev.jvisor.guest {
    requires dev.jvisor.vmbus;
    requires org.slf4j;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;

    exports dev.jvisor.guest.asm;
    exports dev.jvisor.guest.baremetal;
    exports dev.jvisor.guest.disk;
    exports dev.jvisor.guest.image;
    exports dev.jvisor.guest.litmus;
    exports dev.jvisor.guest.vsc;
}
