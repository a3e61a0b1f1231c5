package dev.jvisor.devices.vga;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.time.VirtualClock;
import org.junit.jupiter.api.Test;

class VgaTest {
    private final VirtualClock clock = new VirtualClock();
    private final TextScreen screen = new TextScreen();
    private final VgaPorts ports = new VgaPorts(clock, screen);

    private void text(int row, int column, String text) {
        for (int i = 0; i < text.length(); i++) {
            screen.mmioWrite(0, (row * 80L + column + i) * 2, 2, 0x0700 | text.charAt(i));
        }
    }

    private void crt(int index, int value) {
        ports.portWrite(0, 0x3D4, 1, index);
        ports.portWrite(0, 0x3D5, 1, value);
    }

    @Test
    void theDumpIsWhatAPersonSees() {
        text(0, 0, "Memtest86+");
        text(24, 70, "0123456789");
        screen.mmioWrite(0, 160, 1, 0xC4);
        String[] lines = screen.dump().split("\n", -1);
        assertEquals(26, lines.length);
        assertEquals("Memtest86+", lines[0].strip());
        assertEquals('─', lines[1].charAt(0));
        assertTrue(lines[24].endsWith("0123456789"));
        assertEquals(80, lines[24].length());
    }

    @Test
    void theStartAddressScrolls() {
        text(1, 0, "second");
        crt(0x0D, 80);
        assertTrue(screen.dump().startsWith("second"));
    }

    @Test
    void memoryIsPlainMemoryAtEverySize() {
        screen.mmioWrite(0, 0x100, 8, 0x1122334455667788L);
        assertEquals(0x1122334455667788L, screen.mmioRead(0, 0x100, 8));
        assertEquals(0x55667788L, screen.mmioRead(0, 0x100, 4));
        assertEquals(0x6677L, screen.mmioRead(0, 0x101, 2));
        assertEquals(0x11L, screen.mmioRead(0, 0x107, 1));
        assertEquals(0xFFFFFFFFL, screen.mmioRead(0, 0x7FFD, 4));
    }

    @Test
    void theRetraceComesAndGoes() {
        int on = 0;
        int off = 0;
        for (int i = 0; i < 2000; i++) {
            clock.advance(10_000);
            if ((ports.portRead(0, 0x3DA, 1) & 8) != 0) {
                on++;
            } else {
                off++;
            }
        }
        assertTrue(on > 50 && off > 1000, "on=" + on + ", off=" + off);
    }

    @Test
    void cursorRegistersReadBack() {
        crt(0x0E, 0x07);
        crt(0x0F, 0x80);
        assertEquals(0x80, ports.portRead(0, 0x3D5, 1));
        crt(0x11, 0x8E);
        crt(0x00, 0x12);
        assertEquals(0x5F, ports.portRead(0, 0x3D5, 1), "registers 0 to 7 are protected");
        assertEquals(0x67, ports.portRead(0, 0x3CC, 1), "colour adapter");
    }

    @Test
    void stateMovesToAnotherAdapter() {
        text(3, 3, "here");
        crt(0x0D, 80);
        TextScreen otherScreen = new TextScreen();
        VgaPorts other = new VgaPorts(clock, otherScreen);
        other.restore(ports.save());
        assertEquals(screen.dump(), otherScreen.dump());
    }
}
