package dev.jvisor.devices.pci;

import static dev.jvisor.devices.pci.PciRegisters.*;

import dev.jvisor.vmm.backend.InterruptController;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;

/**
 * PCI bus 0 behind ports CF8h to CFFh, and the reset control register CF9h that lies between them (register with a width of 4).
 *
 * <p>Interrupt pins are wired to the I/O APIC as {@link #gsi} says, several pins to one input, and to the four lines of the ISA bridge.
 *
 * <p>Thread-safe. Devices are added before the partition starts.
 */
public final class PciBus implements PortDevice {
    /** First global system interrupt of PCI pins. */
    public static final int FIRST_GSI = 16;
    /** Number of global system interrupts that PCI pins use. */
    public static final int GSIS = 8;
    /** Where {@link #placeBars} puts I/O BARs. */
    private static final int FIRST_PORT = 0xC000;

    private final GpaSpace gpa;
    private final PortSpace ports;
    private final InterruptController interrupts;
    private final Runnable reset;
    private final long memory;
    private final boolean firmware;

    private IsaBridge isa;
    private final PciFunction[] functions = new PciFunction[32 * 8];
    private final int[] asserted = new int[GSIS];
    private final int[] assertedLines = new int[IsaBridge.LINES];
    private int address;
    private int resetControl;

    /**
     * Makes an empty bus of a board without firmware, see {@link #placeBars}.
     *
     * @param gpa where memory BARs appear
     * @param ports where I/O BARs appear
     * @param interrupts where pins go
     * @param reset what CF9h does
     */
    public PciBus(GpaSpace gpa, PortSpace ports, InterruptController interrupts, Runnable reset) {
        this(gpa, ports, interrupts, reset, MemoryLayout.PCI_MEMORY, false);
    }

    /**
     * Makes an empty bus.
     *
     * @param memory first GPA that a memory BAR may have
     * @param firmware whether there is firmware to give BARs their addresses
     */
    public PciBus(GpaSpace gpa, PortSpace ports, InterruptController interrupts, Runnable reset, long memory, boolean firmware) {
        this.memory = memory;
        this.firmware = firmware;
        this.gpa = gpa;
        this.ports = ports;
        this.interrupts = interrupts;
        this.reset = reset;
    }

    /**
     * The wiring of interrupt pins, the same as in the ACPI routing table.
     *
     * @param device 0 to 31
     * @param pin 1 to 4
     * @return global system interrupt, 16 to 23
     */
    public static int gsi(int device, int pin) {
        return FIRST_GSI + (device + pin - 1 & GSIS - 1);
    }

    /** {@return the PCI interrupt line, 0 to 3 for PIRQA to PIRQD, that a pin is wired to: firmware for this board counts on it} */
    static int line(int device, int pin) {
        return device - 1 + pin - 1 & IsaBridge.LINES - 1;
    }

    GpaSpace gpa() {
        return gpa;
    }

    /** {@return first GPA that a memory BAR may have} */
    long memory() {
        return memory;
    }

    PortSpace ports() {
        return ports;
    }

    /**
     * Puts a function on the bus.
     *
     * @param device 0 to 31
     * @param function 0 to 7; function 0 must be there for others to be found
     * @param added the function
     */
    public synchronized void add(int device, int function, PciFunction added) {
        int slot = device * 8 + function;
        if (device < 0 || device > 31 || function < 0 || function > 7 || functions[slot] != null) {
            throw new IllegalArgumentException("no free slot: device=" + device + ", function=" + function);
        }
        added.attach(this, device);
        functions[slot] = added;
        if (function > 0 && functions[device * 8] != null) {
            functions[device * 8].multiFunction();
        }
    }

    /** Has pins reach ISA interrupt lines, as the bridge routes them. Before the partition starts. */
    public void connect(IsaBridge bridge) {
        isa = bridge;
    }

    /** {@return the lowest device number with no function, from 1; -1 when the bus is full} */
    public synchronized int freeDevice() {
        for (int d = 1; d < 32; d++) {
            if (functions[d * 8] == null) {
                return d;
            }
        }
        return -1;
    }

    /**
     * Gives every BAR an address of its own, as firmware would; if there is firmware, nothing happens. They stay disabled until the guest
     * enables them.
     */
    public synchronized void placeBars() {
        if (firmware) {
            return;
        }
        long at = memory;
        int port = FIRST_PORT;
        for (PciFunction f : functions) {
            for (int i = 0; f != null && i < BARS; i++) {
                long size = f.barSize(i);
                if (size == 0) {
                    continue;
                }
                if (f.barIsPorts(i)) {
                    port = (int) (port + size - 1 & -size);
                    f.setBar(i, port);
                    port += (int) size;
                } else {
                    at = at + size - 1 & -size;
                    f.setBar(i, at);
                    at += size;
                }
            }
        }
    }

    /** Bus reset: every function's configuration and device; BARs are placed anew. */
    public synchronized void reset() {
        address = 0;
        resetControl = 0;
        for (PciFunction f : functions) {
            if (f != null) {
                f.reset();
            }
        }
        placeBars();
    }

    /** One more or one less function drives an input. Under the function's lock. */
    void drivePin(int device, int pin, boolean level) {
        int gsi = gsi(device, pin);
        synchronized (asserted) {
            int count = asserted[gsi - FIRST_GSI] += level ? 1 : -1;
            if (count == (level ? 1 : 0)) {
                interrupts.setLine(gsi, level);
            }
            int line = line(device, pin);
            int onLine = assertedLines[line] += level ? 1 : -1;
            if (isa != null && onLine == (level ? 1 : 0)) {
                isa.setLine(line, level);
            }
        }
    }

    /** {@return the function that the address register names, or null} */
    private PciFunction selected() {
        boolean bus0 = (address & ADDRESS_ENABLE) != 0 && (address >>> 16 & 0xFF) == 0;
        return bus0 ? functions[address >>> 8 & 0xFF] : null;
    }

    @Override
    public synchronized int portRead(int vp, int port, int size) {
        if (port >= CONFIG_DATA) {
            PciFunction f = selected();
            int lane = port - CONFIG_DATA;
            return f == null || lane + size > 4 ? -1 : f.configRead((address & 0xFC) + lane, size);
        }
        if (port == CONFIG_ADDRESS && size == 4) {
            return address;
        }
        return port == RESET_CONTROL && size == 1 ? resetControl : -1;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        boolean pulled = false;
        synchronized (this) {
            if (port >= CONFIG_DATA) {
                PciFunction f = selected();
                int lane = port - CONFIG_DATA;
                if (f != null && lane + size <= 4) {
                    f.configWrite((address & 0xFC) + lane, size, value);
                }
            } else if (port == CONFIG_ADDRESS && size == 4) {
                address = value & (ADDRESS_ENABLE | 0x00FFFFFC);
            } else if (port == RESET_CONTROL && size == 1) {
                pulled = (value & RESET_CPU) != 0 && (resetControl & RESET_CPU) == 0;
                resetControl = value & RESET_WRITABLE & ~RESET_CPU;
            }
        }
        if (pulled) {
            reset.run();
        }
    }

    /** {@return what the ports remember} */
    public synchronized PciBusState save() {
        return new PciBusState(address, resetControl);
    }

    /** Replaces what the ports remember. */
    public synchronized void restore(PciBusState state) {
        address = state.address() & (ADDRESS_ENABLE | 0x00FFFFFC);
        resetControl = state.resetControl() & RESET_WRITABLE;
    }
}
