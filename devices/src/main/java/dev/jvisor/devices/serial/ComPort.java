package dev.jvisor.devices.serial;

/** The four serial ports of a PC. */
public enum ComPort {
    /** {@code ttyS0}. */
    COM1(0x3F8, 4),
    /** {@code ttyS1}. */
    COM2(0x2F8, 3),
    /** {@code ttyS2}; shares its line with COM1. */
    COM3(0x3E8, 4),
    /** {@code ttyS3}; shares its line with COM2. */
    COM4(0x2E8, 3);

    private final int base;
    private final int irq;

    ComPort(int base, int irq) {
        this.base = base;
        this.irq = irq;
    }

    /** {@return the first of its eight ports} */
    public int base() {
        return base;
    }

    /** {@return its interrupt line} */
    public int irq() {
        return irq;
    }
}
