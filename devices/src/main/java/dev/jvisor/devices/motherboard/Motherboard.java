package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.fwcfg.FwCfg;
import dev.jvisor.devices.fwcfg.FwCfgItems;
import dev.jvisor.devices.i8042.I8042;
import dev.jvisor.devices.ide.IdeController;
import dev.jvisor.devices.legacy.CoprocessorError;
import dev.jvisor.devices.legacy.DebugConsole;
import dev.jvisor.devices.legacy.DebugExit;
import dev.jvisor.devices.legacy.LegacyPorts;
import dev.jvisor.devices.legacy.PostCode;
import dev.jvisor.devices.legacy.SystemControlA;
import dev.jvisor.devices.pci.IsaBridge;
import dev.jvisor.devices.pci.PciBridges;
import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.pic.Pic;
import dev.jvisor.devices.pit.Pit;
import dev.jvisor.devices.pm.PmRegisters;
import dev.jvisor.devices.pm.PowerManagement;
import dev.jvisor.devices.rtc.Rtc;
import dev.jvisor.devices.serial.ComPort;
import dev.jvisor.devices.serial.Serial16550;
import dev.jvisor.devices.serial.SerialState;
import dev.jvisor.devices.testdev.FirmwareTraces;
import dev.jvisor.devices.testdev.PcTestDevice;
import dev.jvisor.devices.vga.TextScreen;
import dev.jvisor.devices.vga.VgaPorts;
import dev.jvisor.vmm.acpi.AcpiConfig;
import dev.jvisor.vmm.apic.SoftwareInterruptController;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PortSpace;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.time.Timers;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The emulated devices of one partition, wired to its ports, memory and interrupt controllers. Make one before the partition starts; it
 * resets its devices whenever the partition restarts.
 */
public final class Motherboard {
    /** Width of the PM timer; the FADT says the same. */
    public static final int PM_TIMER_BITS = 32;
    private static final int ISA_BRIDGE = 1;

    private final Partition partition;

    private final Pic pic;
    private final Pit pit;
    private final Rtc rtc;
    private final Map<ComPort, Serial16550> serial = new EnumMap<>(ComPort.class);
    private final I8042 i8042;
    private final PciBus pci;
    private final PowerManagement pm;
    private final TextScreen screen;
    private final VgaPorts vga;
    private final PostCode postCode = new PostCode();
    private final CoprocessorError coprocessorError;
    private final PcTestDevice testDevice;
    private final FwCfg fwCfg;
    private final IsaBridge isa;
    private final FirmwareChips firmware;
    private final boolean vmbus;
    private IdeController ide;

    /**
     * Makes the devices and puts them into the partition.
     *
     * @param partition not started yet
     * @param config which devices
     */
    public Motherboard(Partition partition, MotherboardConfig config) {
        this.partition = partition;
        PortSpace ports = partition.ports();
        Timers timers = partition.timers();
        InterruptController interrupts = partition.interrupts();
        Irqchip irqchip = partition.irqchip();

        pic = irqchip == Irqchip.BACKEND ? null : makePic(ports, partition.softwareInterrupts());
        pit = irqchip == Irqchip.BACKEND && config.backendPit() ? null : new Pit(timers, interrupts);
        if (pit != null) {
            ports.register(0x40, 4, pit);
            ports.register(0x61, 1, pit);
        }
        long memory = partition.config().memoryBytes();
        rtc = new Rtc(timers, interrupts, config.wallClock(), MemoryLayout.lowBytes(memory), MemoryLayout.highBytes(memory));
        ports.register(0x70, 2, rtc);
        config.serial().forEach((com, backend) -> {
            Serial16550 port = new Serial16550(com.base(), com.irq(), timers, interrupts, backend);
            ports.register(com.base(), 8, port);
            serial.put(com, port);
        });
        i8042 = new I8042(interrupts, this::guestReset);
        ports.register(0x60, 1, i8042);
        ports.register(0x64, 1, i8042);
        coprocessorError = new CoprocessorError(interrupts);
        partition.coprocessorPins(coprocessorError);
        boolean hasFirmware = config.firmware() != null;
        pci = hasFirmware ? new PciBus(partition.gpa(), ports, interrupts, this::guestReset, MemoryLayout.pciMemory(memory), true)
                : new PciBus(partition.gpa(), ports, interrupts, this::guestReset);
        isa = new IsaBridge(interrupts);
        pci.add(ISA_BRIDGE, 0, isa);
        pci.connect(isa);
        ports.register(0xCF8, 8, 4, pci);
        pm = new PowerManagement(timers, interrupts, PM_TIMER_BITS, () -> partition.requestStop(StopReason.POWER_OFF));
        rtc.onAlarm(pm::alarm);
        screen = config.vga() ? new TextScreen() : null;
        vga = config.vga() ? new VgaPorts(timers, screen) : null;
        if (config.vga()) {
            ports.register(VgaPorts.BASE, VgaPorts.PORTS, vga);
            partition.gpa().mapMmio(TextScreen.GPA, TextScreen.SIZE, screen);
        }
        vmbus = hasFirmware && config.firmware().vmbus();
        firmware = hasFirmware ? new FirmwareChips(partition, config.firmware(), pci, ISA_BRIDGE, pm) : null;
        if (!hasFirmware) {
            pci.add(0, 0, PciBridges.host());
            ports.register(PmRegisters.PM1_EVENT, 6, 2, pm);
            ports.register(PmRegisters.PM_TIMER, 4, 4, pm);
        }
        fwCfg = hasFirmware || config.testDevices() ? makeFwCfg(config.firmware()) : null;
        testDevice = config.testDevices() ? new PcTestDevice(interrupts) : null;
        if (testDevice != null) {
            testDevice.register(ports, partition.gpa());
        }
        leaveFirmwareTraces();
        addSmallPorts(ports, config);
        partition.onReset(this::reset);
    }

    private static Pic makePic(PortSpace ports, SoftwareInterruptController controllers) {
        // Local APICs in the backend take no INTR from us: then the PIC is there to be found and masked.
        Pic pic = controllers == null ? new Pic(() -> { }) : new Pic(controllers::externalInterruptChanged);
        if (controllers != null) {
            controllers.connectPic(pic, pic);
        }
        ports.register(0x20, 2, pic);
        ports.register(0xA0, 2, pic);
        ports.register(0x4D0, 2, pic);
        return pic;
    }

    /** @param with null when the board has no firmware */
    private FwCfg makeFwCfg(FirmwareConfig with) {
        long memory = partition.config().memoryBytes();
        FwCfgItems items = FwCfgItems.ofMachine(partition.config().processors(), MemoryLayout.lowBytes(memory), MemoryLayout.highBytes(memory));
        if (with != null) {
            FirmwareItems.add(items, with, this::acpi);
        }
        FwCfg device = new FwCfg(partition.gpa(), items);
        device.register(partition.ports());
        return device;
    }

    private void addSmallPorts(PortSpace ports, MotherboardConfig config) {
        ports.register(PostCode.PORT, 1, postCode);
        ports.register(CoprocessorError.PORT, 1, coprocessorError);
        ports.register(SystemControlA.PORT, 1, new SystemControlA(this::guestReset));
        new LegacyPorts().register(ports);
        if (config.debugExit()) {
            ports.register(DebugExit.PORT, DebugExit.PORTS, 4, new DebugExit(v -> partition.requestStop(StopReason.debugExit(v))));
        }
        if (config.debugConsole() != null) {
            DebugConsole console = new DebugConsole(config.debugConsole());
            ports.register(DebugConsole.PORT, 1, console);
            ports.register(DebugConsole.FIRMWARE_PORT, 1, console);
        }
    }

    private void guestReset() {
        partition.requestStop(StopReason.RESET);
    }

    /** Resets every device, as the reset line does; on waking, all but those that kept their power. No VP runs. */
    private void reset() {
        if (pic != null) {
            pic.reset();
        }
        if (pit != null) {
            pit.reset();
        }
        if (!partition.waking()) {
            rtc.reset();
            pm.reset();
        }
        serial.values().forEach(Serial16550::reset);
        i8042.reset();
        coprocessorError.reset();
        pci.reset();
        if (vga != null) {
            vga.reset();
        }
        if (fwCfg != null) {
            fwCfg.reset();
        }
        if (firmware != null) {
            firmware.reset();
        }
        if (testDevice != null) {
            testDevice.reset();
        }
        leaveFirmwareTraces();
    }

    /** Test images count on firmware having run. */
    private void leaveFirmwareTraces() {
        // Chips in the backend cannot be reached before a VP runs.
        if (testDevice != null && firmware == null && pic != null && pit != null) {
            FirmwareTraces.leave(pic, pit);
            if (!partition.waking()) {
                FirmwareTraces.leave(partition.gpa());
            }
        }
    }

    /** {@return PCI bus 0, to add functions to before the partition starts; call {@link PciBus#placeBars()} after the last} */
    public PciBus pci() {
        return pci;
    }

    /**
     * Adds an IDE controller with drives. Once, before the partition starts; a board without one has nothing at its ports.
     *
     * @param attach attaches the drives; their disks stay the caller's to close, after the partition has stopped
     * @return the controller
     */
    public IdeController addIde(Consumer<IdeController> attach) {
        if (ide != null) {
            throw new IllegalStateException("there is an IDE controller already");
        }
        ide = new IdeController(partition.gpa(), partition.interrupts());
        attach.accept(ide);
        ide.install(pci, ISA_BRIDGE, partition.ports());
        pci.placeBars();
        return ide;
    }

    /** {@return the IDE controller; null when none was added} */
    public IdeController ide() {
        return ide;
    }

    /** {@return the keyboard controller, to press keys} */
    public I8042 keyboard() {
        return i8042;
    }

    /** {@return the text screen; null without VGA} */
    public TextScreen screen() {
        return screen;
    }

    /** {@return the power management hardware, to press the power button} */
    public PowerManagement power() {
        return pm;
    }

    /** {@return what the ACPI tables have to say of this board, for {@link dev.jvisor.vmm.acpi.AcpiTables}} */
    public AcpiConfig acpi() {
        List<AcpiConfig.SerialPort> lines = serial.keySet().stream()
                .map(com -> new AcpiConfig.SerialPort(com.ordinal() + 1, com.base(), com.irq())).toList();
        AcpiConfig board = AcpiConfig.of(partition.config().processors()).withVga(vga != null).withSerial(lines).withVmbus(vmbus);
        if (firmware == null) {
            return board;
        }
        int pmBase = firmware.pmBase();
        return board.withPciMemory(MemoryLayout.pciMemory(partition.config().memoryBytes()))
                .withPmBase(pmBase < 0 ? PmRegisters.BASE : pmBase);
    }

    /** {@return the value last written to port 80h} */
    public int postCode() {
        return postCode.last();
    }

    /** {@return what the devices remember; no VP runs. PCI functions that were added save themselves} */
    public MotherboardState save() {
        Map<ComPort, SerialState> lines = new EnumMap<>(ComPort.class);
        serial.forEach((com, port) -> lines.put(com, port.save()));
        return new MotherboardState(MotherboardState.VERSION, pic == null ? null : pic.save(), pit == null ? null : pit.save(), rtc.save(),
                lines, i8042.save(), pci.save(), pm.save(), vga == null ? null : vga.save(),
                ide == null ? null : ide.save(), testDevice == null ? null : testDevice.save(), fwCfg == null ? null : fwCfg.save(),
                isa.saveFunction(), firmware == null ? null : firmware.save(), coprocessorError.save());
    }

    /**
     * Replaces what the devices remember; no VP runs. Devices that one side lacks are left as they are.
     *
     * @throws IllegalArgumentException when the state is of another version
     */
    public void restore(MotherboardState state) {
        if (state.version() != MotherboardState.VERSION) {
            throw new IllegalArgumentException("state is of another version: version=" + state.version());
        }
        if (pic != null && state.pic() != null) {
            pic.restore(state.pic());
        }
        if (pit != null && state.pit() != null) {
            pit.restore(state.pit());
        }
        rtc.restore(state.rtc());
        state.serial().forEach((com, line) -> {
            if (serial.containsKey(com)) {
                serial.get(com).restore(line);
            }
        });
        i8042.restore(state.i8042());
        pci.restore(state.pci());
        pm.restore(state.pm());
        if (vga != null && state.vga() != null) {
            vga.restore(state.vga());
        }
        if (ide != null && state.ide() != null) {
            ide.restore(state.ide());
        }
        if (testDevice != null && state.testDevice() != null) {
            testDevice.restore(state.testDevice());
        }
        if (fwCfg != null && state.fwCfg() != null) {
            fwCfg.restore(state.fwCfg());
        }
        isa.restoreFunction(state.isa());
        if (firmware != null && state.firmware() != null) {
            firmware.restore(state.firmware());
        }
        coprocessorError.restore(state.coprocessorError());
    }
}
