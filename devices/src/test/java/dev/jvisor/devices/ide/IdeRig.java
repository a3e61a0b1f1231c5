package dev.jvisor.devices.ide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.pci.IsaBridge;
import dev.jvisor.devices.pci.PciBridges;
import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/** A controller on a bus, and what a driver does with it: accesses in the order libata and ata_piix make them. */
final class IdeRig {
    static final int MEMORY = 8 << 20;
    static final int TABLE = 0x10000;

    final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(MEMORY, 4096));
    final PortSpace ports = new PortSpace();
    final FakeInterrupts interrupts = new FakeInterrupts();
    final PciBus pci = new PciBus(gpa, ports, interrupts, () -> { });
    final IdeController ide = new IdeController(gpa, interrupts);
    int channel;
    int busMaster;

    IdeRig() {
        // A hole and two neighbouring regions, as a real machine has.
        gpa.mapRam(0, 0x40000);
        gpa.mapRam(0x50000, 0xB0000);
        gpa.mapRam(0x100000, MEMORY - 0x100000);
        pci.add(0, 0, PciBridges.host());
        pci.add(1, 0, new IsaBridge(interrupts));
    }

    /** Puts it on the bus and enables it as a kernel does. */
    IdeRig start() {
        ide.install(pci, 1, ports);
        pci.placeBars();
        configWrite(0x04, 2, 0x05);
        busMaster = configRead(0x20, 4) & 0xFFFC;
        return this;
    }

    int configRead(int offset, int size) {
        pci.portWrite(0, 0xCF8, 4, 0x80000900 | offset & 0xFC);
        return pci.portRead(0, 0xCFC + (offset & 3), size);
    }

    void configWrite(int offset, int size, int value) {
        pci.portWrite(0, 0xCF8, 4, 0x80000900 | offset & 0xFC);
        pci.portWrite(0, 0xCFC + (offset & 3), size, value);
    }

    int in(int port, int size) {
        PortDevice d = ports.find(port);
        int value = d == null ? -1 : d.portRead(0, port, size);
        return size == 4 ? value : value & (1 << 8 * size) - 1;
    }

    void out(int port, int size, int value) {
        PortDevice d = ports.find(port);
        if (d != null) {
            d.portWrite(0, port, size, value);
        }
    }

    int base() {
        return channel == 0 ? 0x1F0 : 0x170;
    }

    int irq() {
        return channel == 0 ? 14 : 15;
    }

    int reg(int register) {
        return in(base() + register, 1);
    }

    void reg(int register, int value) {
        out(base() + register, 1, value);
    }

    int altStatus() {
        return in(base() + 0x206, 1);
    }

    void control(int value) {
        out(base() + 0x206, 1, value);
    }

    int bm(int register) {
        return in(busMaster + 8 * channel + register, 1);
    }

    void bm(int register, int value) {
        out(busMaster + 8 * channel + register, 1, value);
    }

    void command28(int device, int opcode, long lba, int count) {
        reg(6, 0xE0 | device << 4 | (int) (lba >>> 24) & 0xF);
        reg(1, 0);
        reg(2, count);
        reg(3, (int) lba & 0xFF);
        reg(4, (int) (lba >>> 8) & 0xFF);
        reg(5, (int) (lba >>> 16) & 0xFF);
        reg(7, opcode);
    }

    void command48(int device, int opcode, long lba, int count) {
        reg(6, 0xE0 | device << 4);
        reg(1, 0);
        reg(2, count >>> 8 & 0xFF);
        reg(3, (int) (lba >>> 24) & 0xFF);
        reg(4, (int) (lba >>> 32) & 0xFF);
        reg(5, (int) (lba >>> 40) & 0xFF);
        reg(1, 0);
        reg(2, count & 0xFF);
        reg(3, (int) lba & 0xFF);
        reg(4, (int) (lba >>> 8) & 0xFF);
        reg(5, (int) (lba >>> 16) & 0xFF);
        reg(7, opcode);
    }

    /** Waits for the line, and takes the interrupt as a handler does. {@return the status} */
    int awaitInterrupt() {
        awaitLine();
        int status = reg(7);
        assertEquals(false, interrupts.level(irq()), "the status has been read, the line is down");
        return status;
    }

    void awaitLine() {
        for (int i = 0; i < 20_000 && !interrupts.level(irq()); i++) {
            pause();
        }
        assertTrue(interrupts.level(irq()), () -> "no interrupt, status " + Integer.toHexString(altStatus()));
    }

    int awaitReady() {
        for (int i = 0; i < 20_000 && (altStatus() & 0x80) != 0; i++) {
            pause();
        }
        return altStatus();
    }

    static void pause() {
        try {
            Thread.sleep(0, 200_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    byte[] readBlock(int bytes) {
        byte[] data = new byte[bytes];
        for (int i = 0; i < bytes; i += 2) {
            int word = in(base(), 2);
            data[i] = (byte) word;
            data[i + 1] = (byte) (word >>> 8);
        }
        return data;
    }

    void writeBlock(byte[] data, int from, int bytes) {
        for (int i = from; i < from + bytes; i += 2) {
            out(base(), 2, data[i] & 0xFF | (data[i + 1] & 0xFF) << 8);
        }
    }

    int[] identify(int device) {
        reg(6, 0xA0 | device << 4);
        reg(7, 0xEC);
        assertEquals(0x58, awaitInterrupt());
        byte[] data = readBlock(512);
        assertEquals(0x50, altStatus());
        int[] words = new int[256];
        for (int i = 0; i < 256; i++) {
            words[i] = data[2 * i] & 0xFF | (data[2 * i + 1] & 0xFF) << 8;
        }
        return words;
    }

    /** Writes a descriptor table of address and byte count pairs. */
    void table(long... pairs) {
        for (int i = 0; i < pairs.length; i += 2) {
            boolean last = i + 2 == pairs.length;
            gpa.host().set(ValueLayout.JAVA_INT, TABLE + 4L * i, (int) pairs[i]);
            gpa.host().set(ValueLayout.JAVA_INT, TABLE + 4L * i + 4, (int) pairs[i + 1] & 0xFFFF | (last ? 1 << 31 : 0));
        }
    }

    /** ata_bmdma_setup. */
    void dmaSetup(boolean read) {
        out(busMaster + 8 * channel + 4, 4, TABLE);
        bm(0, read ? 8 : 0);
        bm(2, bm(2) | 6);
    }

    /** ata_bmdma_start, then what the interrupt handler does. {@return the drive's status} */
    int dmaRun() {
        bm(0, bm(0) | 1);
        awaitLine();
        assertEquals(4, bm(2) & 4, "the bus master has seen the interrupt");
        bm(0, bm(0) & ~1);
        int status = reg(7);
        bm(2, bm(2) | 6);
        return status;
    }

    long host(long gpaAddress) {
        return gpa.hostOffset(gpaAddress);
    }

    byte[] memory(long address, int bytes) {
        byte[] data = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            data[i] = gpa.host().get(ValueLayout.JAVA_BYTE, host(address + i));
        }
        return data;
    }
}
