package dev.jvisor.devices.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PciBusTest {
    private static final PciIdentity CARD = new PciIdentity(0x1234, 0x5678, 0x020000, 1, 0x1AF4, 0x0001, 1);

    private final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(1 << 20, 4096));
    private final PortSpace ports = new PortSpace();
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final AtomicInteger resets = new AtomicInteger();
    private final PciBus bus = new PciBus(gpa, ports, interrupts, resets::incrementAndGet);
    private final MmioDevice memory = new MmioDevice() {
        @Override
        public long mmioRead(int vp, long offset, int size) {
            return offset;
        }

        @Override
        public void mmioWrite(int vp, long offset, int size, long value) { }
    };
    private final PortDevice io = new PortDevice() {
        @Override
        public int portRead(int vp, int port, int size) {
            return port;
        }

        @Override
        public void portWrite(int vp, int port, int size, int value) { }
    };

    private int read(int device, int offset, int size) {
        bus.portWrite(0, 0xCF8, 4, 0x80000000 | device << 11 | offset & 0xFC);
        int value = bus.portRead(0, 0xCFC + (offset & 3), size);
        return size == 4 ? value : value & (1 << 8 * size) - 1;
    }

    private void write(int device, int offset, int size, int value) {
        bus.portWrite(0, 0xCF8, 4, 0x80000000 | device << 11 | offset & 0xFC);
        bus.portWrite(0, 0xCFC + (offset & 3), size, value);
    }

    private PciFunction card(int device) {
        PciFunction f = new PciFunction(CARD);
        f.addMemoryBar(0, 0x4000, false, memory);
        f.addPortBar(1, 0x20, 4, io);
        bus.add(device, 0, f);
        return f;
    }

    @Test
    void theBridgesAreFoundAsLinuxProbesThem() {
        bus.add(0, 0, PciBridges.host());
        bus.add(1, 0, new IsaBridge(interrupts));
        bus.portWrite(0, 0xCF8, 4, 0x80000000);
        assertEquals(0x80000000, bus.portRead(0, 0xCF8, 4));
        assertEquals(0x0600, read(0, 0x0A, 2));
        assertEquals(0x12378086, read(0, 0, 4));
        assertEquals(0x70008086, read(1, 0, 4));
        assertEquals(0x0601, read(1, 0x0A, 2));
        assertEquals(-1, read(2, 0, 4));
        assertEquals(2, bus.freeDevice());
    }

    @Test
    void barsTellTheirSize() {
        card(3);
        write(3, 0x10, 4, -1);
        assertEquals(0xFFFFC000, read(3, 0x10, 4));
        write(3, 0x14, 4, -1);
        assertEquals(0xFFFFFFE1, read(3, 0x14, 4), "all 32 bits, or SeaBIOS takes the BAR for a huge one");
        write(3, 0x18, 4, -1);
        assertEquals(0, read(3, 0x18, 4));
    }

    @Test
    void barsAppearWhenEnabledAndMove() {
        PciFunction f = card(3);
        bus.placeBars();
        long first = f.barAddress(0);
        assertNull(gpa.find(first));
        write(3, 4, 2, 3);
        assertNotNull(gpa.find(first));
        assertEquals(io, ports.find((int) f.barAddress(1)));
        write(3, 0x10, 4, 0xE0000000);
        assertNull(gpa.find(first));
        assertNotNull(gpa.find(0xE0003FFFL));
        write(3, 4, 2, 0);
        assertNull(gpa.find(0xE0000000L));
        assertNull(ports.find((int) f.barAddress(1)));
    }

    @Test
    void aBarOverMemoryOrOtherDevicesIsNotMapped() {
        gpa.mapRam(0, 0x10000);
        ports.register(0x3F8, 8, io);
        card(3);
        write(3, 4, 2, 3);
        write(3, 0x10, 4, 0);
        write(3, 0x10, 4, 0xFEBFE000);
        write(3, 0x10, 4, 0xFEE00000);
        write(3, 0x14, 4, 0x3E0);
        assertEquals(1, gpa.regions().size() - (gpa.find(0xFEBFC000L) == null ? 0 : 1));
        assertNull(ports.find(0x3E0));
        PciFunction second = card(4);
        write(3, 0x10, 4, 0xE0000000);
        write(4, 0x10, 4, 0xE0000000);
        write(4, 4, 2, 3);
        assertEquals(0xE0000000L, second.barAddress(0));
        write(3, 4, 2, 0);
        assertNull(gpa.find(0xE0000000L));
    }

    @Test
    void pinsShareInterruptLines() {
        PciFunction a = card(3);
        PciFunction b = card(11);
        int gsi = PciBus.gsi(3, 1);
        assertEquals(gsi, PciBus.gsi(11, 1));
        a.setInterrupt(true);
        b.setInterrupt(true);
        assertTrue(interrupts.level(gsi));
        assertEquals(8, read(3, 6, 2) & 8);
        a.setInterrupt(false);
        assertTrue(interrupts.level(gsi));
        write(11, 4, 2, 0x400);
        assertFalse(interrupts.level(gsi));
        write(11, 4, 2, 0);
        assertTrue(interrupts.level(gsi));
        b.setInterrupt(false);
        assertFalse(interrupts.level(gsi));
        for (int device = 0; device < 32; device++) {
            for (int pin = 1; pin <= 4; pin++) {
                assertTrue(PciBus.gsi(device, pin) >= 16 && PciBus.gsi(device, pin) <= 23);
            }
        }
    }

    @Test
    void identityCannotBeWritten() {
        card(3);
        for (int offset = 0; offset < 256; offset += 4) {
            write(3, offset, 4, -1);
        }
        assertEquals(0x56781234, read(3, 0, 4));
        assertEquals(0x02000001, read(3, 8, 4));
        assertEquals(0x00011AF4, read(3, 0x2C, 4));
        assertEquals(0x01FF, read(3, 0x3C, 2));
    }

    @Test
    void portCf9ResetsOnTheRiseOfItsBit() {
        bus.portWrite(0, 0xCF9, 1, 0x02);
        assertEquals(0, resets.get());
        bus.portWrite(0, 0xCF9, 1, 0x06);
        assertEquals(1, resets.get());
    }

    @Test
    void stateMovesToAnotherFunction() {
        PciFunction f = card(3);
        bus.placeBars();
        write(3, 4, 2, 3);
        write(3, 0x10, 4, 0xE0000000);
        f.setInterrupt(true);
        PciFunctionState state = f.saveFunction();
        GpaSpace otherGpa = new GpaSpace(Arena.ofAuto().allocate(4096, 4096));
        PciBus other = new PciBus(otherGpa, new PortSpace(), new FakeInterrupts(), () -> { });
        PciFunction g = new PciFunction(CARD);
        g.addMemoryBar(0, 0x4000, false, memory);
        g.addPortBar(1, 0x20, 4, io);
        other.add(3, 0, g);
        g.restoreFunction(state);
        assertNotNull(otherGpa.find(0xE0000000L));
    }
}
