/** The jvisor command line. */
module dev.jvisor.tools {
    requires dev.jvisor.vmm;
    requires dev.jvisor.devices;
    requires dev.jvisor.vmbus;
    requires dev.jvisor.guest;
    requires HdrHistogram;
    requires info.picocli;
    requires java.logging;
    requires java.management;
    requires jdk.management;
    requires org.slf4j;
    requires org.jline.terminal;
    requires tools.jackson.databind;

    // Commands are found and filled in by reflection.
    opens dev.jvisor.tools to info.picocli;
    opens dev.jvisor.tools.bench to info.picocli, tools.jackson.databind;
    opens dev.jvisor.tools.image to info.picocli;
    opens dev.jvisor.tools.info to info.picocli;
    opens dev.jvisor.tools.machine to info.picocli;
    opens dev.jvisor.tools.options to info.picocli;
    opens dev.jvisor.tools.run to info.picocli;
}
