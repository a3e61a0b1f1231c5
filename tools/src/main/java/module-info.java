/** The jvisor command line. */
module dev.jvisor.tools {
    requires dev.jvisor.vmm;
    requires dev.jvisor.devices;
    requires dev.jvisor.vmbus;
    requires dev.jvisor.guest;
    requires info.picocli;
    requires org.slf4j;
    requires org.jline.terminal;
    requires tools.jackson.databind;


}
