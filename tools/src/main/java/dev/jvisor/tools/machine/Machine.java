package dev.jvisor.tools.machine;

import dev.jvisor.devices.motherboard.Motherboard;
import dev.jvisor.devices.motherboard.MotherboardConfig;
import dev.jvisor.devices.serial.OneWaySerialBackend;
import dev.jvisor.devices.serial.SerialBackend;
import dev.jvisor.devices.testdev.HypervTestDevice;
import dev.jvisor.nativebindings.ErrnoException;
import dev.jvisor.tools.options.UserMistake;
import dev.jvisor.vmbus.server.VmbusHost;
import dev.jvisor.vmbus.server.VmbusServer;
import dev.jvisor.vmm.acpi.AcpiConfig;
import dev.jvisor.vmm.acpi.AcpiTables;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.hyperv.Hypervisor;
import dev.jvisor.vmm.hyperv.HypervisorConfig;
import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.LinuxLoader;
import dev.jvisor.vmm.loader.LoaderException;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.StopReason;
import java.security.SecureRandom;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A partition with its motherboard and with firmware or a kernel loaded, ready to start. */
public final class Machine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Machine.class);
    private static final int SEED_BYTES = 32;
    /** When a deterministic machine is switched on. */
    private static final Instant FIRST_DAY = Instant.parse("2026-01-01T00:00:00Z");

    private final Partition partition;
    private final Motherboard motherboard;
    private final MachineConfig config;
    private final Hypervisor hypervisor;
    private final VmbusServer vmbus;
    private final Parts parts;
    private final long rsdp;

    /**
     * What was opened for it.
     *
     * @param storage its disks
     * @param firmware null for none
     */
    private record Parts(Storage storage, Firmware firmware) implements AutoCloseable {
        static Parts open(MachineConfig config) {
            Storage storage = Storage.open(config.disks(), config.firmware() != null);
            try {
                return new Parts(storage, config.firmware() == null ? null
                        : Firmware.open(config.firmware(), config.hyperv(), storage.bootOrder()));
            } catch (RuntimeException | Error e) {
                storage.close();
                throw e;
            }
        }

        @Override
        public void close() {
            storage.close();
            if (firmware != null) {
                firmware.close();
            }
        }
    }

    private Machine(Partition partition, MachineConfig config, SerialBackend com1, Parts parts) {
        this.partition = partition;
        this.config = config;
        this.parts = parts;
        MotherboardConfig board = MotherboardConfig.of(config.deterministic() ? new OneWaySerialBackend(com1) : com1)
                .withDebugExit(config.debugExit()).withTestDevices(config.testDevices());
        if (config.deterministic()) {
            board = board.withWallClock(() -> FIRST_DAY.plusNanos(partition.timers().nowNs()));
        }
        if (parts.firmware != null) {
            board = board.withFirmware(parts.firmware.config()).withDebugConsole(parts.firmware.log());
        }
        motherboard = new Motherboard(partition, board);
        motherboard.power().onSleep(partition::sleep, this::wake);
        parts.storage.attach(motherboard);
        hypervisor = config.hyperv() ? Hypervisor.attach(partition,
                HypervisorConfig.defaults().withSyntheticTimers(config.testDevices())) : null;
        if (hypervisor != null) {
            hypervisor.onCrash(report -> partition.requestStop(StopReason.guestCrash(report.describe())));
        }
        if (hypervisor != null && config.testDevices()) {
            partition.ports().register(HypervTestDevice.PORT, HypervTestDevice.PORTS, 4, new HypervTestDevice(hypervisor));
        }
        vmbus = hypervisor == null ? null : new VmbusServer(VmbusHost.of(hypervisor));
        if (vmbus != null) {
            parts.storage.offer(vmbus, config.processors());
        }
        rsdp = parts.firmware == null ? writeTables() : 0;
    }

    /**
     * Makes a machine.
     *
     * @param com1 far end of the first serial port; stays the caller's to close
     * @throws UserMistake when the kernel cannot be loaded, in terms of the command line
     */
    public static Machine create(Backend backend, MachineConfig config, SerialBackend com1) {
        PartitionConfig p = PartitionConfig.of("guest", config.memoryBytes()).withProcessors(config.processors())
                .withRestartOnReset(config.restart()).withCpu(config.cpu());
        Parts parts = Parts.open(config);
        Partition partition;
        try {
            partition = config.deterministic() ? Partition.createDeterministic(backend, p) : Partition.create(backend, p);
        } catch (ErrnoException | OutOfMemoryError | IllegalArgumentException e) {
            parts.close();
            if (e instanceof ErrnoException errno && !errno.errnoName().equals("ENOMEM")) {
                throw errno;
            }
            throw new UserMistake("--memory: " + (config.memoryBytes() >> 20) + "M cannot be had on this host; ask for less");
        }
        Machine m = null;
        try {
            m = new Machine(partition, config, com1, parts);
            if (config.firmware() == null) {
                m.load();
                partition.onRestart(m::reload);
            }
            return m;
        } catch (LoaderException e) {
            abandon(m, partition, parts);
            throw new UserMistake(switch (e.subject()) {
                case KERNEL, FORMAT -> "--kernel: " + e.getMessage();
                case MEMORY -> "--memory: " + e.getMessage() + "; give more with --memory";
                case COMMAND_LINE -> "--append: " + e.getMessage() + "; shorten it";
                case INITRD -> "--initrd: " + e.getMessage();
            });
        } catch (RuntimeException | Error e) {
            abandon(m, partition, parts);
            throw e;
        }
    }

    private static void abandon(Machine m, Partition partition, Parts parts) {
        if (m != null) {
            m.close();
        } else {
            parts.close();
            partition.close();
        }
    }

    private long writeTables() {
        return AcpiTables.write(partition.gpa(), AcpiConfig.of(config.processors()).withVga(motherboard.screen() != null)
                .withVmbus(vmbus != null));
    }

    private void load() throws LoaderException {
        byte[] seed = new byte[SEED_BYTES];
        if (!config.deterministic()) {
            new SecureRandom().nextBytes(seed);
        }
        BootOptions options = BootOptions.of(config.memoryBytes()).withCommandLine(config.commandLine()).withInitrd(config.initrd())
                .withAcpiRsdp(rsdp).withRandomSeed(seed).withImageName(config.testDevices());
        if (config.unpack() && config.kernel() instanceof LinuxLoader) {
            try {
                partition.setBootState(config.kernel().load(partition.gpa(), options.withUnpack(true)));
                return;
            } catch (LoaderException e) {
                // Packed in a way that only the guest can unpack; if something else is wrong, the next attempt says so.
                LOG.debug("not unpacked here: {}", e.getMessage());
            }
        }
        partition.setBootState(config.kernel().load(partition.gpa(), options));
    }

    /** What firmware does when it finds that it was woken: a guest that has said nowhere starts anew, as does one with other firmware. */
    private void wake() {
        long vector = parts.firmware != null ? 0 : AcpiTables.wakingVector(partition.gpa());
        if (vector == 0) {
            partition.requestStop(StopReason.RESET);
        } else {
            partition.wake(vector);
        }
    }

    private void reload() {
        try {
            writeTables();
            load();
        } catch (LoaderException e) {
            partition.requestStop(StopReason.internalError("the kernel cannot be loaded again: " + e.getMessage()));
        }
    }

    /** {@return the partition, not started} */
    public Partition partition() {
        return partition;
    }

    /** {@return its devices} */
    public Motherboard motherboard() {
        return motherboard;
    }

    /** {@return the hypervisor interface the guest sees, to connect synthetic devices to; null when it is off} */
    public Hypervisor hypervisor() {
        return hypervisor;
    }

    /** {@return the bus that synthetic devices are offered on; null when the guest does not see the hypervisor interface} */
    public VmbusServer vmbus() {
        return vmbus;
    }

    @Override
    public void close() {
        partition.requestStop(StopReason.KILLED);
        // The bus first: its threads work in the guest's memory, and on the disks.
        if (vmbus != null) {
            vmbus.close();
        }
        parts.close();
        partition.close();
    }
}
