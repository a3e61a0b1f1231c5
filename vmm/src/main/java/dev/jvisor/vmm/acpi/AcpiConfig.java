package dev.jvisor.vmm.acpi;

import java.util.List;

/**
 * What the tables have to tell of a partition beyond what is the same for all.
 *
 * @param processors number of virtual processors
 * @param vga whether VGA hardware answers
 * @param serial the serial ports
 */
public record AcpiConfig(int processors, boolean vga, List<SerialPort> serial) {
    /**
     * A 16550.
     *
     * @param number 1 for COM1
     * @param port first of its eight I/O ports
     * @param irq ISA interrupt
     */
    public record SerialPort(int number, int port, int irq) { }

    /** COM1 as always. */
    public static final SerialPort COM1 = new SerialPort(1, 0x3F8, 4);

    /** Copies the list. */
    public AcpiConfig {
        serial = List.copyOf(serial);
    }

    /** {@return the tables of a partition with one serial port and no VGA} */
    public static AcpiConfig of(int processors) {
        return new AcpiConfig(processors, false, List.of(COM1));
    }

    /** {@return this with or without VGA} */
    public AcpiConfig withVga(boolean present) {
        return new AcpiConfig(processors, present, serial);
    }

    /** {@return this with other serial ports} */
    public AcpiConfig withSerial(List<SerialPort> ports) {
        return new AcpiConfig(processors, vga, ports);
    }
}
