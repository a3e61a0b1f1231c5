/** The guest side: an x86-64 assembler, bare-metal guests, and the builder of Linux guests. */
module dev.jvisor.guest {
    requires org.slf4j;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;

    exports dev.jvisor.guest.asm;
    exports dev.jvisor.guest.baremetal;
    exports dev.jvisor.guest.image;
}
