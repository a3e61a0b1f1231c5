package dev.jvisor.tools.machine;

import dev.jvisor.guest.baremetal.EntryMode;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.loader.KernelImage;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a machine is to be.
 *
 * @param memoryBytes size of RAM
 * @param processors number of virtual processors
 * @param kernel what to boot; null when firmware finds that itself
 * @param firmware the firmware; null for none
 * @param initrd initial file system; null for none
 * @param commandLine kernel command line; may be empty
 * @param unpack whether a compressed Linux kernel is unpacked by the host where it can
 * @param debugExit whether the guest may end with a code through port 0xF4
 * @param restart whether a guest's reset starts it again
 * @param hyperv whether the guest sees the Hyper-V interface
 * @param testDevices whether there are the devices that test images expect
 * @param disks its disks, in the order the guest finds them
 * @param cpu how much of the instruction set the guest is offered
 * @param deterministic whether two runs are alike, see {@link dev.jvisor.vmm.partition.Partition#createDeterministic}; the guest does not see
 *     the Hyper-V interface then, whose bus has threads of its own, has no disks, and finds the same time of day
 */
public record MachineConfig(long memoryBytes, int processors, KernelImage kernel, FirmwareSpec firmware, Path initrd, String commandLine,
    boolean unpack, boolean debugExit, boolean restart, boolean hyperv, boolean testDevices, List<DiskConfig> disks, CpuLevel cpu,
    boolean deterministic) {
    private static final long DEFAULT_MEMORY = 512L << 20;

    /** A configuration that is being put together; {@link MachineConfig#with} hands one out. Fields as in {@link MachineConfig}. */
    public static final class Draft {
        /** Size of RAM. */
        public long memoryBytes = DEFAULT_MEMORY;
        /** Number of virtual processors. */
        public int processors = 1;
        /** What to boot; null when firmware finds that itself. */
        public KernelImage kernel;
        /** The firmware; null for none. */
        public FirmwareSpec firmware;
        /** Initial file system; null for none. */
        public Path initrd;
        /** Kernel command line. */
        public String commandLine = "";
        /** Whether a compressed Linux kernel is unpacked by the host where it can. */
        public boolean unpack = true;
        /** Whether the guest may end with a code through port 0xF4. */
        public boolean debugExit;
        /** Whether a guest's reset starts it again. */
        public boolean restart;
        /** Whether the guest sees the Hyper-V interface. */
        public boolean hyperv = true;
        /** Whether there are the devices that test images expect. */
        public boolean testDevices;
        /** Its disks. */
        public List<DiskConfig> disks = List.of();
        /** How much of the instruction set the guest is offered. */
        public CpuLevel cpu = CpuLevel.MAX;
        /** Whether two runs are alike. */
        public boolean deterministic;

        private Draft() { }

        private MachineConfig done() {
            return new MachineConfig(memoryBytes, processors, kernel, firmware, initrd, commandLine, unpack, debugExit, restart,
                    hyperv && !deterministic, testDevices, List.copyOf(disks), cpu, deterministic);
        }
    }

    /** {@return one processor, 512 MiB, the Hyper-V interface, nothing to boot, and what is changed of that} */
    public static MachineConfig of(Consumer<Draft> change) {
        Draft d = new Draft();
        change.accept(d);
        return d.done();
    }

    /** {@return a machine for a bare-metal guest: one processor, 512 MiB, debug exit} */
    public static MachineConfig of(GuestProgram program) {
        return of(d -> {
            d.kernel = image(program);
            d.unpack = false;
            d.debugExit = true;
        });
    }

    /** {@return a bare-metal guest as something to boot} */
    public static KernelImage image(GuestProgram program) {
        return new FlatLoader(program.image(), program.loadAddress(),
                program.mode() == EntryMode.REAL_16 ? FlatLoader.Mode.REAL16 : FlatLoader.Mode.PROTECTED32);
    }

    /** {@return this with changes} */
    public MachineConfig with(Consumer<Draft> change) {
        return of(d -> {
            d.memoryBytes = memoryBytes;
            d.processors = processors;
            d.kernel = kernel;
            d.firmware = firmware;
            d.initrd = initrd;
            d.commandLine = commandLine;
            d.unpack = unpack;
            d.debugExit = debugExit;
            d.restart = restart;
            d.hyperv = hyperv;
            d.testDevices = testDevices;
            d.disks = disks;
            d.cpu = cpu;
            d.deterministic = deterministic;
            change.accept(d);
        });
    }
}
