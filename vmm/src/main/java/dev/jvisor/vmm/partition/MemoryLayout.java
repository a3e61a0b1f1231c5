package dev.jvisor.vmm.partition;

import dev.jvisor.vmm.memory.GpaSpace;

/**
 * Where things lie in a partition's GPA space.
 *
 * <pre>
 *   0x0000_0000 - 0x0009_FFFF  RAM (640 KiB)
 *   0x000A_0000 - 0x000B_FFFF  VGA hole: unmapped until a VGA device takes it
 *   0x000C_0000 - 0x000F_FFFF  RAM for shadowed ROM and ACPI tables; never given to the guest as free memory
 *   0x0010_0000 - below 3 GiB  RAM
 *   0xC000_0000 - 0xFEBF_FFFF  PCI memory
 *   0xFEC0_0000, 0xFEE0_0000   I/O APIC, local APIC
 *   0xFF00_0000 - 0xFFFF_FFFF  firmware, if there is any: it ends here
 *   0x1_0000_0000 -            RAM that did not fit below
 * </pre>
 *
 * Firmware puts PCI devices where it likes between RAM and the I/O APIC, from 2 GiB up if RAM ends there: see {@link #pciMemory}.
 */
public final class MemoryLayout {
    /** First byte of the VGA hole. */
    public static final long VGA_HOLE = 0xA0000;
    /** First byte after the VGA hole: shadow RAM for option ROMs, BIOS, ACPI. */
    public static final long SHADOW = 0xC0000;
    /** First byte above the first MiB. */
    public static final long HIGH = 0x100000;
    /** End of RAM below 4 GiB, and first byte of PCI memory. */
    public static final long LOW_RAM_END = 0xC000_0000L;
    /** First byte of PCI memory. */
    public static final long PCI_MEMORY = LOW_RAM_END;
    /** First byte after PCI memory. */
    public static final long PCI_MEMORY_END = 0xFEC0_0000L;
    /** The I/O APIC's registers. */
    public static final long IO_APIC = 0xFEC0_0000L;
    /** The local APICs' registers. */
    public static final long LOCAL_APIC = 0xFEE0_0000L;
    /** The lowest byte that firmware may begin at; it ends at 4 GiB. */
    public static final long FIRMWARE = 0xFF00_0000L;
    /** First byte above 4 GiB. */
    public static final long ABOVE_4G = 0x1_0000_0000L;
    private static final long TWO_GIB = 0x8000_0000L;
    /** Host memory beyond RAM, for ROM and other memory that devices map. */
    private static final long DEVICE_BYTES = 32L << 20;

    private MemoryLayout() { }

    /** {@return size of the host memory behind a partition with {@code memoryBytes} of RAM} */
    static long hostBytes(long memoryBytes) {
        return memoryBytes + DEVICE_BYTES;
    }

    /** {@return bytes of RAM below 4 GiB} */
    public static long lowBytes(long memoryBytes) {
        return Math.min(memoryBytes, LOW_RAM_END);
    }

    /** {@return bytes of RAM above 4 GiB} */
    public static long highBytes(long memoryBytes) {
        return memoryBytes - lowBytes(memoryBytes);
    }

    /** {@return first byte of PCI memory when firmware hands it out} */
    public static long pciMemory(long memoryBytes) {
        return lowBytes(memoryBytes) <= TWO_GIB ? TWO_GIB : LOW_RAM_END;
    }

    /** Maps RAM of {@code memoryBytes}; the 128 KiB behind the VGA hole are lost to it. For partitions, and for tests of loaders. */
    public static void mapRam(GpaSpace gpa, long memoryBytes) {
        gpa.mapRam(0, VGA_HOLE);
        gpa.mapRam(SHADOW, HIGH - SHADOW);
        if (lowBytes(memoryBytes) > HIGH) {
            gpa.mapRam(HIGH, lowBytes(memoryBytes) - HIGH);
        }
        if (highBytes(memoryBytes) > 0) {
            gpa.mapRam(ABOVE_4G, highBytes(memoryBytes));
        }
    }
}
