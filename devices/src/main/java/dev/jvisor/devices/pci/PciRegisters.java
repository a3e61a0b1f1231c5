package dev.jvisor.devices.pci;

/** Offsets and bits of the configuration header type 0, and the ports of mechanism 1. Source: PCI Local Bus Specification 3.0, 6.1 and 3.2.2.3.2. */
final class PciRegisters {
    static final int CONFIG_ADDRESS = 0xCF8;
    static final int RESET_CONTROL = 0xCF9;
    static final int CONFIG_DATA = 0xCFC;
    static final int ADDRESS_ENABLE = 1 << 31;
    static final int RESET_CPU = 0x04;
    static final int RESET_WRITABLE = 0x0E;

    static final int VENDOR = 0x00;
    static final int DEVICE = 0x02;
    static final int COMMAND = 0x04;
    static final int STATUS = 0x06;
    static final int REVISION = 0x08;
    static final int CLASS = 0x09;
    static final int HEADER_TYPE = 0x0E;
    static final int BAR0 = 0x10;
    static final int SUBSYSTEM_VENDOR = 0x2C;
    static final int SUBSYSTEM = 0x2E;
    static final int INTERRUPT_LINE = 0x3C;
    static final int INTERRUPT_PIN = 0x3D;

    static final int COMMAND_IO = 0x0001;
    static final int COMMAND_MEMORY = 0x0002;
    static final int COMMAND_MASTER = 0x0004;
    static final int COMMAND_INTX_DISABLE = 0x0400;
    /** IO, memory, master, parity, SERR, INTx disable. */
    static final int COMMAND_WRITABLE = 0x0547;
    static final int STATUS_INTERRUPT = 0x0008;

    static final int BAR_IO = 0x1;
    static final int BAR_PREFETCHABLE = 0x8;
    static final int BARS = 6;
    static final int HEADER_MULTI_FUNCTION = 0x80;
    static final int SIZE = 256;

    private PciRegisters() { }
}
