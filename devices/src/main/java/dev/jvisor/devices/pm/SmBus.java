package dev.jvisor.devices.pm;

import dev.jvisor.vmm.partition.PortDevice;

/**
 * The SMBus host controller of a PIIX4, with nothing on the bus: every transaction ends at once because no device answers. Registers it does
 * not need remember. Thread-safe. Source: Intel 82371AB (PIIX4) datasheet, 7.3.
 */
final class SmBus implements PortDevice {
    /** Ports from its base. */
    static final int PORTS = 0x10;

    private static final int STATUS = 0, CONTROL = 2;
    private static final int STATUS_INTERRUPT = 0x02, STATUS_DEVICE_ERROR = 0x04;
    /** Status bits that a write of 1 clears. */
    private static final int STATUS_CLEARS = 0x1E;
    private static final int CONTROL_START = 0x40;

    private final byte[] registers = new byte[PORTS];

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        return registers[port & PORTS - 1] & 0xFF;
    }

    @Override
    public synchronized void portWrite(int vp, int port, int size, int value) {
        int register = port & PORTS - 1;
        if (register == STATUS) {
            registers[STATUS] &= (byte) ~(value & STATUS_CLEARS);
            return;
        }
        registers[register] = (byte) value;
        if (register == CONTROL && (value & CONTROL_START) != 0) {
            registers[CONTROL] &= ~CONTROL_START;
            registers[STATUS] |= STATUS_INTERRUPT | STATUS_DEVICE_ERROR;
        }
    }
}
