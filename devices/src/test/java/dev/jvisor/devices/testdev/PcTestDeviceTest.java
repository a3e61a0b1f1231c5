package dev.jvisor.devices.testdev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import org.junit.jupiter.api.Test;

class PcTestDeviceTest {
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final PcTestDevice device = new PcTestDevice(interrupts);

    @Test
    void theLatchKeepsWhatIsWrittenAtEverySize() {
        device.portWrite(0, 0xE0, 4, 0x12345678);
        assertEquals(0x12345678, device.portRead(0, 0xE0, 4));
        assertEquals(0x5678, device.portRead(0, 0xE0, 2) & 0xFFFF);
        assertEquals(0x12, device.portRead(0, 0xE3, 1) & 0xFF);
        device.portWrite(0, 0xE2, 2, 0xABCD);
        assertEquals(0xABCD5678, device.portRead(0, 0xE0, 4));
        device.portWrite(0, 0xE9, 1, 0xFF);
        assertEquals(0xABCDFF78, device.portRead(0, 0xE0, 4), "E8 is the same latch, byte by byte");
        assertEquals(0xCD, device.portRead(0, 0xEA, 1) & 0xFF);
    }

    @Test
    void flushingAPageChangesNothing() {
        device.portWrite(0, 0xE0, 4, 1);
        device.portWrite(0, 0xE4, 4, -1);
        assertEquals(1, device.portRead(0, 0xE0, 4));
        assertEquals(0, device.portRead(0, 0xE4, 4));
    }

    @Test
    void linesFollowTheirPorts() {
        device.portWrite(0, 0x2000 + 14, 1, 1);
        device.portWrite(0, 0x2000 + 23, 1, 0x80);
        assertTrue(interrupts.level(14));
        assertTrue(interrupts.level(23));
        device.portWrite(0, 0x2000 + 14, 1, 1);
        assertEquals(1, interrupts.rises(14), "a line that is asserted stays so");
        device.portWrite(0, 0x2000 + 14, 1, 0);
        assertFalse(interrupts.level(14));
    }

    @Test
    void memoryKeepsWhatIsWrittenAtEverySize() {
        device.mmioWrite(0, 0xFF8, 8, 0x1122334455667788L);
        assertEquals(0x1122334455667788L, device.mmioRead(0, 0xFF8, 8));
        device.mmioWrite(0, 0xFFB, 2, 0xCAFE);
        assertEquals(0x112233CAFE667788L, device.mmioRead(0, 0xFF8, 8));
        assertEquals(0xFE667788L, device.mmioRead(0, 0xFF8, 4));
        assertEquals(0xFE, device.mmioRead(0, 0xFFB, 1));
        assertEquals(0, device.mmioRead(0, 0xFFFF, 1));
        assertEquals(-1, device.mmioRead(0, 0xFFFD, 8), "beyond the end is nothing");
    }

    @Test
    void resetReleasesTheLines() {
        device.portWrite(0, 0x2003, 1, 1);
        device.portWrite(0, 0xE0, 4, 7);
        device.mmioWrite(0, 0, 1, 9);
        device.reset();
        assertFalse(interrupts.level(3));
        assertEquals(0, device.portRead(0, 0xE0, 4));
        assertEquals(0, device.mmioRead(0, 0, 1));
    }

    @Test
    void stateMovesToAnotherDevice() {
        device.portWrite(0, 0x2003, 1, 1);
        device.portWrite(0, 0xE0, 4, 7);
        device.mmioWrite(0, 0x1234, 4, 0xFEDCBA98L);
        FakeInterrupts others = new FakeInterrupts();
        PcTestDevice other = new PcTestDevice(others);
        other.restore(device.save());
        assertTrue(others.level(3));
        assertEquals(7, other.portRead(0, 0xE0, 4));
        assertEquals(0xFEDCBA98L, other.mmioRead(0, 0x1234, 4));
    }
}
