package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.devices.disk.VirtualDisk;
import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.pci.PciFunction;
import dev.jvisor.devices.pci.PciIdentity;
import dev.jvisor.devices.scsi.ScsiDvd;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import java.util.List;

/**
 * The IDE function of a PIIX3: two channels in compatibility mode (ports 1F0h and 170h, interrupt lines 14 and 15) and a bus master behind
 * BAR 4. Make it, attach drives, {@link #install} it as function 1 of the ISA bridge; then the partition may start. Drives do not come and go.
 *
 * <p>Thread-safe. Disks stay the caller's to close, after the partition has stopped; close them only after {@link #quiesce()}.
 */
public final class IdeController extends PciFunction {
    /** Channels, and drives of each. */
    public static final int CHANNELS = 2;
    /** Most drives. */
    public static final int DRIVES = 4;
    private static final PciIdentity PIIX3_IDE = new PciIdentity(0x8086, 0x7010, 0x010180, 0, 0, 0, 0);
    private static final int BUS_MASTER_BAR = 4;
    private static final int BUS_MASTER_PORTS = CHANNELS * BM_SIZE;
    private static final int WIDEST = 4;

    private final IdeMetrics metrics = new IdeMetrics();
    private final IdeChannel[] channels;

    /**
     * Makes a controller without drives.
     *
     * @param gpa the guest's memory, for DMA
     * @param interrupts where lines 14 and 15 go
     */
    public IdeController(GpaSpace gpa, InterruptController interrupts) {
        super(PIIX3_IDE);
        channels = new IdeChannel[] {
            new IdeChannel(PRIMARY, PRIMARY_CONTROL, PRIMARY_IRQ, gpa, interrupts, metrics),
            new IdeChannel(SECONDARY, SECONDARY_CONTROL, SECONDARY_IRQ, gpa, interrupts, metrics)};
        addPortBar(BUS_MASTER_BAR, BUS_MASTER_PORTS, WIDEST, new BusMasterPorts());
        defineTiming();
    }

    /** Firmware would enable the channels; there is none, so they are from the start. */
    private void defineTiming() {
        define(IDETIM, 4, IDETIM_DECODE << 16 | IDETIM_DECODE, -1);
        define(SIDETIM, 4, 0, 0xFF);
    }

    /**
     * Attaches a hard disk. Before the partition starts.
     *
     * @param drive 0 and 1: on the primary channel; 2 and 3: on the secondary
     * @throws IllegalArgumentException when there is a drive already, or the disk has less than one sector
     */
    public void attachDisk(int drive, VirtualDisk disk) {
        if (disk.byteSize() < disk.logicalSectorSize()) {
            throw new IllegalArgumentException("the disk has no sector: bytes=" + disk.byteSize());
        }
        IdeChannel channel = channel(drive);
        synchronized (channel) {
            channel.attach(drive & 1, new AtaDisk(channel, drive & 1, disk));
        }
    }

    /**
     * Attaches a DVD drive, with or without a disc. Before the partition starts.
     *
     * @param drive as for {@link #attachDisk}
     */
    public void attachDvd(int drive, ScsiDvd dvd) {
        IdeChannel channel = channel(drive);
        synchronized (channel) {
            channel.attach(drive & 1, new AtapiDrive(channel, drive & 1, dvd, "jvisor-dvd-" + drive));
        }
    }

    /** {@return the Open Firmware path by which SeaBIOS and OVMF are told to boot from a drive of the controller behind the ISA bridge} */
    public static String firmwarePath(int drive) {
        return "/pci@i0cf8/ide@1,1/drive@" + (drive >> 1) + "/disk@" + (drive & 1);
    }

    private IdeChannel channel(int drive) {
        if (drive < 0 || drive >= DRIVES) {
            throw new IllegalArgumentException("no such drive: drive=" + drive);
        }
        return channels[drive >> 1];
    }

    /** {@return the lowest number of a drive that is not there; -1 when all are} */
    public int freeDrive() {
        for (int i = 0; i < DRIVES; i++) {
            synchronized (channels[i >> 1]) {
                if (channels[i >> 1].drive(i & 1) == null) {
                    return i;
                }
            }
        }
        return -1;
    }

    /**
     * Puts the function on the bus and the channels behind their ports.
     *
     * @param bus where the ISA bridge is device {@code device}
     * @param device of the ISA bridge
     */
    public void install(PciBus bus, int device, PortSpace ports) {
        ports.register(PRIMARY, 1, WIDEST, channels[0]);
        ports.register(PRIMARY + 1, REGISTERS - 1, channels[0]);
        ports.register(PRIMARY_CONTROL, 1, channels[0]);
        ports.register(SECONDARY, 1, WIDEST, channels[1]);
        ports.register(SECONDARY + 1, REGISTERS - 1, channels[1]);
        ports.register(SECONDARY_CONTROL, 1, channels[1]);
        bus.add(device, 1, this);
    }

    /** {@return its counters} */
    public IdeMetrics metrics() {
        return metrics;
    }

    @Override
    protected void configWritten(int offset, int size) {
        configure();
    }

    private void configure() {
        boolean master = busMasterEnabled();
        for (int c = 0; c < CHANNELS; c++) {
            // The PIIX also looks at the I/O enable bit. Without firmware it would be off, and a guest that knows no PCI would find no disk.
            channels[c].configure((configValue(IDETIM + 2 * c, 2) & IDETIM_DECODE) != 0, master);
        }
    }

    @Override
    protected void deviceReset() {
        defineTiming();
        configure();
        for (IdeChannel c : channels) {
            c.reset();
        }
    }

    /** Waits until no request is on its way to a disk. No VP runs. */
    public void quiesce() {
        for (IdeChannel c : channels) {
            c.quiesce();
        }
    }

    /** {@return what it and its drives remember}, after the requests on their way have ended. No VP runs. */
    public IdeState save() {
        return new IdeState(IdeState.VERSION, saveFunction(), List.of(channels[0].save(), channels[1].save()));
    }

    /**
     * Replaces what it and its drives remember; drives that one side lacks are left as they are. No VP runs.
     *
     * @throws IllegalArgumentException when the state is of another version
     */
    public void restore(IdeState state) {
        if (state.version() != IdeState.VERSION) {
            throw new IllegalArgumentException("state is of another version: version=" + state.version());
        }
        restoreFunction(state.function());
        configure();
        for (int c = 0; c < CHANNELS; c++) {
            channels[c].restore(state.channels().get(c));
        }
    }

    @Override
    public String toString() {
        return "IDE controller";
    }

    /** BAR 4: eight registers for each channel, of which only the table address is wider than a byte. */
    private final class BusMasterPorts implements PortDevice {
        @Override
        public int portRead(int vp, int port, int size) {
            int value = 0;
            for (int i = 0; i < size; i++) {
                int register = (port & BUS_MASTER_PORTS - 1) + i;
                int b = register < BUS_MASTER_PORTS ? channels[register / BM_SIZE].busMasterRead(register % BM_SIZE) : 0xFF;
                value |= b << 8 * i;
            }
            return value;
        }

        @Override
        public void portWrite(int vp, int port, int size, int value) {
            for (int i = 0; i < size; i++) {
                int register = (port & BUS_MASTER_PORTS - 1) + i;
                if (register < BUS_MASTER_PORTS) {
                    channels[register / BM_SIZE].busMasterWrite(register % BM_SIZE, value >>> 8 * i & 0xFF);
                }
            }
        }

        @Override
        public String toString() {
            return "IDE bus master";
        }
    }
}
