package dev.jvisor.devices.pci;

import static dev.jvisor.devices.pci.PciRegisters.*;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;

/**
 * One PCI function: its configuration space, with BARs that appear in the port and GPA spaces when the guest enables them, and an interrupt
 * pin. A device either extends this to see configuration writes ({@link #configWritten}), or makes one and adds BARs.
 *
 * <p>Configuration accesses come under the bus's lock; {@link #setInterrupt} may be called by any thread.
 */
public class PciFunction {
    /** One base address register. {@code ports} or {@code mmio} is null. */
    private static final class Bar {
        final long size;
        final boolean prefetchable;
        final PortDevice ports;
        final int portWidth;
        final MmioDevice mmio;
        GpaRegion region;
        int mappedPort = -1;

        Bar(long size, boolean prefetchable, PortDevice ports, int portWidth, MmioDevice mmio) {
            this.size = size;
            this.prefetchable = prefetchable;
            this.ports = ports;
            this.portWidth = portWidth;
            this.mmio = mmio;
        }
    }

    private final PciIdentity identity;
    private final byte[] config = new byte[SIZE];
    private final byte[] writable = new byte[SIZE];
    private final Bar[] bars = new Bar[BARS];

    private PciBus bus;
    private int device;
    private boolean interrupt;
    private boolean driven;

    /** @param identity what the header says */
    public PciFunction(PciIdentity identity) {
        this.identity = identity;
        put16(VENDOR, identity.vendor());
        put16(DEVICE, identity.device());
        config[REVISION] = (byte) identity.revision();
        config[CLASS] = (byte) identity.classCode();
        put16(CLASS + 1, identity.classCode() >>> 8);
        put16(SUBSYSTEM_VENDOR, identity.subsystemVendor());
        put16(SUBSYSTEM, identity.subsystem());
        config[INTERRUPT_PIN] = (byte) identity.interruptPin();
        allow16(COMMAND, COMMAND_WRITABLE);
        writable[INTERRUPT_LINE] = (byte) 0xFF;
    }

    /** {@return who it is} */
    public final PciIdentity identity() {
        return identity;
    }

    private void put16(int offset, int value) {
        config[offset] = (byte) value;
        config[offset + 1] = (byte) (value >>> 8);
    }

    private int get16(int offset) {
        return config[offset] & 0xFF | (config[offset + 1] & 0xFF) << 8;
    }

    private void allow16(int offset, int mask) {
        writable[offset] = (byte) mask;
        writable[offset + 1] = (byte) (mask >>> 8);
    }

    /** Marks the function as one of several of its device. */
    final void multiFunction() {
        config[HEADER_TYPE] |= (byte) HEADER_MULTI_FUNCTION;
    }

    /** Sets bytes of the configuration space beyond the header, little endian, and which of their bits the guest may change. */
    protected final void define(int offset, int size, int value, int writableMask) {
        for (int i = 0; i < size; i++) {
            config[offset + i] = (byte) (value >>> 8 * i);
            writable[offset + i] = (byte) (writableMask >>> 8 * i);
        }
    }

    /**
     * Adds a memory BAR of 32 bits. Before the function is put on a bus.
     *
     * @param index 0 to 5
     * @param size a power of two, at least 4096
     * @param prefetchable whether reads have no effect
     * @param mmio what answers there
     */
    public final void addMemoryBar(int index, long size, boolean prefetchable, MmioDevice mmio) {
        if (Long.bitCount(size) != 1 || size < GpaSpace.PAGE_SIZE || size > 1L << 30) {
            throw new IllegalArgumentException("memory BAR must be a power of two from 4 KiB to 1 GiB: size=" + size);
        }
        bars[index] = new Bar(size, prefetchable, null, 0, mmio);
        define(BAR0 + 4 * index, 4, prefetchable ? BAR_PREFETCHABLE : 0, (int) -size);
    }

    /**
     * Adds an I/O BAR. Before the function is put on a bus.
     *
     * @param index 0 to 5
     * @param size a power of two, 4 to 256
     * @param width widest access the device takes: 1, 2 or 4
     * @param ports what answers there; it is given ports, not offsets: {@link #barAddress} tells the base
     */
    public final void addPortBar(int index, int size, int width, PortDevice ports) {
        if (Integer.bitCount(size) != 1 || size < 4 || size > 256) {
            throw new IllegalArgumentException("I/O BAR must be a power of two from 4 to 256: size=" + size);
        }
        bars[index] = new Bar(size, false, ports, width, null);
        // All 32 bits, though there are 65536 ports: SeaBIOS takes zeroes above them for a part of the size.
        define(BAR0 + 4 * index, 4, BAR_IO, -size);
    }

    /** {@return the address a BAR holds now, mapped or not} */
    public final long barAddress(int index) {
        int raw = config32(BAR0 + 4 * index);
        return (raw & BAR_IO) != 0 ? Integer.toUnsignedLong(raw & ~3) : Integer.toUnsignedLong(raw & ~0xF);
    }

    /** {@return bytes of a BAR, 0 when there is none} */
    final long barSize(int index) {
        return bars[index] == null ? 0 : bars[index].size;
    }

    final boolean barIsPorts(int index) {
        return bars[index] != null && bars[index].ports != null;
    }

    final void attach(PciBus toBus, int deviceNumber) {
        if (bus != null) {
            throw new IllegalStateException("function is on a bus already");
        }
        bus = toBus;
        device = deviceNumber;
    }

    private int config32(int offset) {
        return get16(offset) | get16(offset + 2) << 16;
    }

    /** {@return the value of a configuration read} Offset and size are inside the space. */
    final int configRead(int offset, int size) {
        int value = 0;
        for (int i = 0; i < size; i++) {
            value |= (config[offset + i] & 0xFF) << 8 * i;
        }
        return value;
    }

    /** A configuration write. Offset and size are inside the space. */
    final void configWrite(int offset, int size, int value) {
        for (int i = 0; i < size; i++) {
            int mask = writable[offset + i];
            config[offset + i] = (byte) (config[offset + i] & ~mask | value >>> 8 * i & mask);
        }
        if (offset < BAR0 + 4 * BARS && offset + size > COMMAND) {
            remap();
            drive();
        }
        configWritten(offset, size);
    }

    /** {@return what configuration space holds, little endian} For {@link #configWritten}. */
    protected final int configValue(int offset, int size) {
        return configRead(offset, size);
    }

    /** {@return whether the guest lets the function read and write memory} For {@link #configWritten}. */
    protected final boolean busMasterEnabled() {
        return (get16(COMMAND) & COMMAND_MASTER) != 0;
    }

    /**
     * Told after the guest wrote to configuration space, under the bus's lock, or after it was restored.
     *
     * @param offset first byte written
     * @param size bytes
     */
    protected void configWritten(int offset, int size) { }

    /** Reset of the device behind the function; configuration space is the bus's work. */
    protected void deviceReset() { }

    final void reset() {
        put16(COMMAND, 0);
        for (int i = 0; i < BARS; i++) {
            if (bars[i] != null) {
                setBar(i, 0);
            }
        }
        config[INTERRUPT_LINE] = 0;
        remap();
        deviceReset();
    }

    /** Writes a BAR as firmware does. */
    final void setBar(int index, long address) {
        configWrite(BAR0 + 4 * index, 4, (int) address);
    }

    private void remap() {
        int command = get16(COMMAND);
        for (int i = 0; i < BARS; i++) {
            Bar bar = bars[i];
            if (bar == null) {
                continue;
            }
            long address = barAddress(i);
            if (bar.mmio != null) {
                boolean on = (command & COMMAND_MEMORY) != 0 && address >= bus.memory()
                        && address + bar.size <= MemoryLayout.PCI_MEMORY_END;
                mapMemory(bar, on ? address : -1);
            } else {
                boolean on = (command & COMMAND_IO) != 0 && address != 0 && address + bar.size <= PortSpace.PORTS;
                mapPorts(bar, on ? (int) address : -1);
            }
        }
    }

    private void mapMemory(Bar bar, long address) {
        GpaSpace gpa = bus.gpa();
        if (bar.region != null && bar.region.gpa() != address) {
            gpa.unmap(bar.region);
            bar.region = null;
        }
        // Two BARs at one address: the first one keeps it. Nothing sensible is specified.
        if (bar.region == null && address >= 0 && free(gpa, address, bar.size)) {
            bar.region = gpa.mapMmio(address, bar.size, bar.mmio);
        }
    }

    private static boolean free(GpaSpace gpa, long address, long size) {
        for (GpaRegion r : gpa.regions()) {
            if (Long.compareUnsigned(address, r.end()) < 0 && Long.compareUnsigned(r.gpa(), address + size) < 0) {
                return false;
            }
        }
        return true;
    }

    private void mapPorts(Bar bar, int address) {
        PortSpace ports = bus.ports();
        if (bar.mappedPort >= 0 && bar.mappedPort != address) {
            ports.unregister(bar.mappedPort, (int) bar.size);
            bar.mappedPort = -1;
        }
        if (bar.mappedPort < 0 && address >= 0) {
            for (int p = address; p < address + bar.size; p++) {
                if (ports.find(p) != null) {
                    return;
                }
            }
            ports.register(address, (int) bar.size, bar.portWidth, bar.ports);
            bar.mappedPort = address;
        }
    }

    /** Asserts or releases the function's interrupt pin. */
    public final void setInterrupt(boolean level) {
        synchronized (config) {
            interrupt = level;
        }
        drive();
    }

    /** Passes the pin on to the bus unless the guest has disabled it. */
    private void drive() {
        synchronized (config) {
            if (interrupt) {
                config[STATUS] |= (byte) STATUS_INTERRUPT;
            } else {
                config[STATUS] &= (byte) ~STATUS_INTERRUPT;
            }
            boolean level = interrupt && (get16(COMMAND) & COMMAND_INTX_DISABLE) == 0;
            if (level != driven && bus != null && identity.interruptPin() != 0) {
                driven = level;
                bus.drivePin(device, identity.interruptPin(), level);
            }
        }
    }

    /** {@return what the generic part of the function remembers} */
    public final PciFunctionState saveFunction() {
        return new PciFunctionState(config, interrupt);
    }

    /** Replaces what the generic part of the function remembers; bits the guest cannot change keep their value. */
    public final void restoreFunction(PciFunctionState state) {
        byte[] saved = state.config();
        for (int i = 0; i < SIZE; i++) {
            config[i] = (byte) (config[i] & ~writable[i] | saved[i] & writable[i]);
        }
        remap();
        setInterrupt(state.interrupt());
        configWritten(0, SIZE);
    }
}
