package dev.jvisor.devices.pm;

import dev.jvisor.devices.pci.PciFunction;
import dev.jvisor.devices.pci.PciIdentity;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;

/**
 * The power management function of a PIIX4, by which firmware chooses the ports of {@link PowerManagement} and {@link SmBus}. For function 3 of
 * the ISA bridge's device, on a board with firmware. Source: Intel 82371AB (PIIX4) datasheet, 7.1.
 */
public final class PmFunction extends PciFunction {
    private static final PciIdentity IDENTITY = new PciIdentity(0x8086, 0x7113, 0x068000, 3, 0x1AF4, 0x1100, 1);

    private static final int PM_BASE = 0x40;
    private static final int PM_BASE_BITS = 0xFFC0;
    private static final int DEVICE_ACTIVITY_B = 0x58;
    /** SMI command port enabled: firmware that finds it so leaves system management mode, which there is none of, alone. */
    private static final int APMC_ENABLE = 1 << 25;
    private static final int PM_MISC = 0x80;
    private static final int SMBUS_BASE = 0x90;
    private static final int SMBUS_BASE_BITS = 0xFFF0;
    private static final int SMBUS_CONFIG = 0xD2;
    private static final int SMBUS_REVISION = 0xD6;
    private static final int ENABLE = 0x01;
    private static final int IO = 0x01;

    private final PortSpace ports;
    private final Range[] pm;
    private final Range[] smBus;

    /** Ports of a block, and where they are now. */
    private static final class Range {
        final PortDevice device;
        final int offset;
        final int count;
        final int width;
        int at = -1;

        Range(PortDevice device, int offset, int count, int width) {
            this.device = device;
            this.offset = offset;
            this.count = count;
            this.width = width;
        }

        void move(PortSpace ports, int base) {
            int to = base < 0 ? -1 : base + offset;
            if (to == at) {
                return;
            }
            if (at >= 0) {
                ports.unregister(at, count);
                at = -1;
            }
            if (to < 0 || to + count > PortSpace.PORTS) {
                return;
            }
            for (int p = to; p < to + count; p++) {
                if (ports.find(p) != null) {
                    return; // what was there first keeps its ports
                }
            }
            ports.register(to, count, width, device);
            at = to;
        }
    }

    /**
     * Makes the function.
     *
     * @param ports where the registers appear
     * @param power the power management registers
     */
    public PmFunction(PortSpace ports, PowerManagement power) {
        super(IDENTITY);
        this.ports = ports;
        pm = new Range[] {new Range(power, PmRegisters.PM1_EVENT - PmRegisters.BASE, 6, 2),
            new Range(power, PmRegisters.PM_TIMER - PmRegisters.BASE, 4, 4)};
        smBus = new Range[] {new Range(new SmBus(), 0, SmBus.PORTS, 1)};
        defineRegisters();
    }

    private void defineRegisters() {
        define(PM_BASE, 4, IO, PM_BASE_BITS);
        define(DEVICE_ACTIVITY_B, 4, APMC_ENABLE, 0);
        define(PM_MISC, 1, 0, ENABLE);
        define(SMBUS_BASE, 4, IO, SMBUS_BASE_BITS);
        define(SMBUS_CONFIG, 1, 0, 0x0F);
        define(SMBUS_REVISION, 1, 0, 0);
    }

    /** {@return first port of the power management registers; -1 while they are nowhere} */
    public int base() {
        int base = configValue(PM_BASE, 4) & PM_BASE_BITS;
        return base != 0 && (configValue(PM_MISC, 1) & ENABLE) != 0 ? base : -1;
    }

    private int smBusBase() {
        int base = configValue(SMBUS_BASE, 4) & SMBUS_BASE_BITS;
        return base != 0 && (configValue(SMBUS_CONFIG, 1) & ENABLE) != 0 ? base : -1;
    }

    @Override
    protected void configWritten(int offset, int size) {
        int base = base();
        for (Range r : pm) {
            r.move(ports, base);
        }
        for (Range r : smBus) {
            r.move(ports, smBusBase());
        }
    }

    @Override
    protected void deviceReset() {
        defineRegisters();
        configWritten(0, 0);
    }
}
