package dev.jvisor.vmm.partition;

import static org.junit.jupiter.api.Assertions.*;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PortSpaceTest {
    private final PortSpace ports = new PortSpace();
    private final VpCounters counters = new VpCounters();
    private final List<String> log = new ArrayList<>();

    private PortDevice device(String name) {
        return new PortDevice() {
            @Override
            public int portRead(int vp, int port, int size) {
                log.add(name + " r" + size + " " + Integer.toHexString(port));
                return 0x11111111 * (port & 0xF);
            }

            @Override
            public void portWrite(int vp, int port, int size, int value) {
                log.add(name + " w" + size + " " + Integer.toHexString(port) + "=" + Integer.toHexString(value));
            }
        };
    }

    @Test
    void nothingThereReadsAllOnesAndIsCounted() {
        assertEquals(0xFF, ports.read(0, 0x300, 1, counters));
        assertEquals(0xFFFF, ports.read(0, 0x300, 2, counters));
        assertEquals(-1, ports.read(0, 0xFFFE, 4, counters));
        ports.write(0, 0xFFFF, 4, 0, counters);
        assertEquals(1 + 2 + 4 + 4, counters.unknownPorts);
    }

    @Test
    void wideAccessesToByteDevicesAreSplit() {
        ports.register(0x70, 4, device("rtc"));
        assertEquals(0x33221100, ports.read(0, 0x70, 4, counters));
        ports.write(0, 0x70, 2, 0x1234, counters);
        assertEquals(List.of("rtc r1 70", "rtc r1 71", "rtc r1 72", "rtc r1 73", "rtc w1 70=34", "rtc w1 71=12"), log);
    }

    @Test
    void wideDevicesTakeWhatTheyAreWideFor() {
        ports.register(0xCF8, 8, 4, device("pci"));
        ports.register(0x1F0, 1, 2, device("data"));
        ports.register(0x1F1, 7, device("ide"));
        ports.write(0, 0xCF8, 4, 0x80000000, counters);
        ports.write(0, 0x1F0, 2, 0x1122, counters);
        ports.write(0, 0x1F0, 4, 0x11223344, counters);
        assertEquals(List.of("pci w4 cf8=80000000", "data w2 1f0=1122", "data w2 1f0=3344", "ide w1 1f2=22", "ide w1 1f3=11"), log);
    }

    @Test
    void aTakenPortIsRefusedWithoutHalfARegistration() {
        ports.register(0x64, 1, device("kbd"));
        PortDevice other = device("other");
        assertThrows(IllegalArgumentException.class, () -> ports.register(0x60, 8, other));
        assertNull(ports.find(0x60));
        ports.unregister(0x64, 1);
        ports.register(0x60, 8, other);
        assertSame(other, ports.find(0x64));
    }
}
