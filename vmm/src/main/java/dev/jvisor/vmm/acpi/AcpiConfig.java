package dev.jvisor.vmm.acpi;

import dev.jvisor.vmm.partition.MemoryLayout;
import java.util.List;

/**
 * What the tables have to tell of a partition beyond what is the same for all.
 *
 * @param processors number of virtual processors
 * @param vga whether VGA hardware answers
 * @param serial the serial ports
 * @param vmbus whether there is a VMBus
 * @param pmBase first port of the power management registers: event block +0, control +4, timer +8
 * @param pciMemory GPA from which PCI devices may have memory, up to {@link MemoryLayout#PCI_MEMORY_END}
 */
public record AcpiConfig(int processors, boolean vga, List<SerialPort> serial, boolean vmbus, int pmBase, long pciMemory) {
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
    /** Where the power management registers are when no firmware has moved them. */
    public static final int PM_BASE = 0x600;

    /** Copies the list. */
    public AcpiConfig {
        serial = List.copyOf(serial);
    }

    /** {@return the tables of a partition with one serial port, no VGA and no VMBus} */
    public static AcpiConfig of(int processors) {
        return new AcpiConfig(processors, false, List.of(COM1), false, PM_BASE, MemoryLayout.PCI_MEMORY);
    }

    /** {@return this with or without VGA} */
    public AcpiConfig withVga(boolean present) {
        return new AcpiConfig(processors, present, serial, vmbus, pmBase, pciMemory);
    }

    /** {@return this with other serial ports} */
    public AcpiConfig withSerial(List<SerialPort> ports) {
        return new AcpiConfig(processors, vga, ports, vmbus, pmBase, pciMemory);
    }

    /** {@return this with or without VMBus} */
    public AcpiConfig withVmbus(boolean present) {
        return new AcpiConfig(processors, vga, serial, present, pmBase, pciMemory);
    }

    /** {@return this with the power management registers elsewhere} */
    public AcpiConfig withPmBase(int port) {
        return new AcpiConfig(processors, vga, serial, vmbus, port, pciMemory);
    }

    /** {@return this with PCI memory from another address} */
    public AcpiConfig withPciMemory(long from) {
        return new AcpiConfig(processors, vga, serial, vmbus, pmBase, from);
    }
}
