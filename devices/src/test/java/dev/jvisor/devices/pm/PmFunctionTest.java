package dev.jvisor.devices.pm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.jvisor.devices.pci.PciBus;
import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.PortSpace;
import dev.jvisor.vmm.time.VirtualClock;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PmFunctionTest {
    private final PortSpace ports = new PortSpace();
    private final AtomicInteger offs = new AtomicInteger();
    private final PowerManagement power = new PowerManagement(new VirtualClock(), new FakeInterrupts(), 32, offs::incrementAndGet);
    private final PmFunction function = new PmFunction(ports, power);
    private final PciBus bus = new PciBus(new GpaSpace(Arena.ofAuto().allocate(4096, 4096)), ports, new FakeInterrupts(), () -> { });

    PmFunctionTest() {
        bus.add(1, 0, function);
    }

    private void config(int offset, int size, int value) {
        bus.portWrite(0, 0xCF8, 4, 0x80000800 | offset & 0xFC);
        bus.portWrite(0, 0xCFC + (offset & 3), size, value);
    }

    private int config(int offset) {
        bus.portWrite(0, 0xCF8, 4, 0x80000800 | offset);
        return bus.portRead(0, 0xCFC, 4);
    }

    private void out(int port, int size, int value) {
        ports.find(port).portWrite(0, port, size, value);
    }

    private int in(int port, int size) {
        return ports.find(port).portRead(0, port, size);
    }

    @Test
    void registersAreWhereFirmwarePutsThem() {
        assertEquals(-1, function.base());
        config(0x40, 4, 0xB001);
        assertNull(ports.find(0xB004), "not enabled yet");
        config(0x80, 1, 1);
        assertEquals(0xB000, function.base());
        assertSame(power, ports.find(0xB004));
        out(0xB002, 2, 0x0120);
        assertEquals(0x0120, in(0xB002, 2) & 0xFFFF);
        config(0x40, 4, 0x0601);
        assertNull(ports.find(0xB004));
        assertEquals(0x0120, in(0x602, 2) & 0xFFFF, "the same register elsewhere");
        assertEquals(0x0601, config(0x40));
    }

    @Test
    void firmwareSwitchesOffWithoutAskingATable() {
        config(0x40, 4, 0x0601);
        config(0x80, 1, 1);
        out(0x604, 2, 0x2000);
        assertEquals(1, offs.get());
    }

    @Test
    void portsOfAnotherDeviceStayTheirs() {
        ports.register(0x60A, 1, power);
        config(0x40, 4, 0x0601);
        config(0x80, 1, 1);
        assertSame(power, ports.find(0x60A));
        assertNull(ports.find(0x608), "the timer has no room");
        ports.unregister(0x60A, 1);
        config(0x80, 1, 1);
        assertSame(power, ports.find(0x60A), "and takes it when there is");
    }

    @Test
    void resetHidesThem() {
        config(0x40, 4, 0x0601);
        config(0x80, 1, 1);
        bus.reset();
        assertNull(ports.find(0x604));
        assertEquals(-1, function.base());
    }

    @Test
    void firmwareFindsNoSystemManagementModeToSetUp() {
        assertEquals(1 << 25, config(0x58) & 1 << 25);
    }

    @Test
    void nobodyAnswersOnTheSmBus() {
        config(0x90, 4, 0x0701);
        config(0xD2, 1, 0x09);
        assertEquals(0, in(0x700, 1));
        out(0x704, 1, 0xA1);
        out(0x702, 1, 0x48);
        assertEquals(0x06, in(0x700, 1), "done, and a device error");
        assertEquals(0x08, in(0x702, 1));
        out(0x700, 1, 0x1E);
        assertEquals(0, in(0x700, 1));
    }
}
