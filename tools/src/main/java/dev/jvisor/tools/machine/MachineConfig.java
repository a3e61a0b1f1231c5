package dev.jvisor.tools.machine;

import dev.jvisor.guest.baremetal.EntryMode;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.loader.KernelImage;
import java.nio.file.Path;
import java.util.List;

/**
 * What a machine is to be.
 *
 * @param memoryBytes size of RAM
 * @param processors number of virtual processors
 * @param kernel what to boot
 * @param initrd initial file system; null for none
 * @param commandLine kernel command line; may be empty
 * @param unpack whether a compressed Linux kernel is unpacked by the host where it can
 * @param debugExit whether the guest may end with a code through port 0xF4
 * @param restart whether a guest's reset starts it again
 * @param hyperv whether the guest sees the Hyper-V interface
 * @param testDevices whether there are the devices that test images expect
 * @param disks its disks, in the order the guest finds them
 */
public record MachineConfig(long memoryBytes, int processors, KernelImage kernel, Path initrd, String commandLine, boolean unpack,
    boolean debugExit, boolean restart, boolean hyperv, boolean testDevices, List<DiskConfig> disks) {
    private static final long DEFAULT_MEMORY = 512L << 20;

    /** {@return a machine for a bare-metal guest: one processor, 512 MiB, debug exit} */
    public static MachineConfig of(GuestProgram program) {
        return new MachineConfig(DEFAULT_MEMORY, 1, image(program), null, "", false, true, false, true, false, List.of());
    }

    /** {@return a bare-metal guest as something to boot} */
    public static KernelImage image(GuestProgram program) {
        return new FlatLoader(program.image(), program.loadAddress(),
                program.mode() == EntryMode.REAL_16 ? FlatLoader.Mode.REAL16 : FlatLoader.Mode.PROTECTED32);
    }

    /** {@return this with something else to boot} */
    public MachineConfig withKernel(KernelImage newKernel, Path newInitrd) {
        return new MachineConfig(memoryBytes, processors, newKernel, newInitrd, commandLine, unpack, debugExit, restart, hyperv, testDevices, disks);
    }

    /** {@return this with another command line} */
    public MachineConfig withCommandLine(String line) {
        return new MachineConfig(memoryBytes, processors, kernel, initrd, line, unpack, debugExit, restart, hyperv, testDevices, disks);
    }

    /** {@return this with another size of RAM} */
    public MachineConfig withMemory(long bytes) {
        return new MachineConfig(bytes, processors, kernel, initrd, commandLine, unpack, debugExit, restart, hyperv, disks);
    }

    /** {@return this with another number of processors} */
    public MachineConfig withProcessors(int n) {
        return new MachineConfig(memoryBytes, n, kernel, initrd, commandLine, unpack, debugExit, restart, hyperv, testDevices, disks);
    }

    /** {@return this with or without the Hyper-V interface} */
    public MachineConfig withHyperv(boolean on) {
        return new MachineConfig(memoryBytes, processors, kernel, initrd, commandLine, unpack, debugExit, restart, on, testDevices, disks);
    }

    /** {@return this with these disks} */
    public MachineConfig withDisks(List<DiskConfig> newDisks) {
        return new MachineConfig(memoryBytes, processors, kernel, initrd, commandLine, unpack, debugExit, restart, hyperv, testDevices, List.copyOf(newDisks));
    }
}
