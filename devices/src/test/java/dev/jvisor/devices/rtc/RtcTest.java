package dev.jvisor.devices.rtc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.time.VirtualClock;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RtcTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Instant START = Instant.parse("2024-02-29T23:59:57Z");

    private final VirtualClock clock = new VirtualClock();
    private final InstantSource wall = () -> START.plusNanos(clock.nowNs());
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final Rtc rtc = new Rtc(clock, interrupts, wall, 512L << 20, 2L << 30);

    private int get(int register) {
        rtc.portWrite(0, 0x70, 1, register);
        return rtc.portRead(0, 0x71, 1);
    }

    private void set(int register, int value) {
        rtc.portWrite(0, 0x70, 1, register);
        rtc.portWrite(0, 0x71, 1, value);
    }

    private String time() {
        return String.format("%02x%02x-%02x-%02x %02x:%02x:%02x", get(0x32), get(9), get(8), get(7), get(4), get(2), get(0));
    }

    @Test
    void showsTheWallClockInBcd() {
        assertEquals("2024-02-29 23:59:57", time());
        assertEquals(5, get(6), "a Thursday");
        assertEquals(0x80, get(0x0D));
        clock.advance(3 * SECOND);
        assertEquals("2024-03-01 00:00:00", time());
    }

    @Test
    void showsBinaryAndTwelveHours() {
        set(0x0B, 0x04);
        assertEquals(57, get(0));
        assertEquals(0x80 | 11, get(4));
        clock.advance(3 * SECOND);
        assertEquals(12, get(4));
    }

    @Test
    void theGuestSetsTheTimeAsLinuxDoes() {
        set(0x0B, get(0x0B) | 0x80);
        set(0x0A, get(0x0A) | 0x70);
        set(9, 0x30);
        set(8, 0x12);
        set(7, 0x31);
        set(4, 0x23);
        set(2, 0x59);
        set(0, 0x58);
        clock.advance(10 * SECOND);
        assertEquals(0x58, get(0), "SET freezes the registers");
        set(0x0B, get(0x0B) & ~0x80);
        set(0x0A, 0x26);
        assertEquals("2030-12-31 23:59:58", time());
        clock.advance(2 * SECOND);
        assertEquals("2031-01-01 00:00:00", time());
    }

    @Test
    void theAlarmIsHeardWhereItInterrupts() {
        AtomicInteger rings = new AtomicInteger();
        rtc.onAlarm(rings::incrementAndGet);
        set(1, 0xC0);
        set(3, 0xC0);
        set(5, 0xC0);
        clock.advance(2 * SECOND);
        get(0x0C);
        assertEquals(0, rings.get(), "alarm interrupts are off");
        set(0x0B, get(0x0B) | 0x20);
        clock.advance(SECOND);
        assertEquals(1, rings.get());
    }

    @Test
    void uipAnnouncesTheUpdate() {
        assertEquals(0, get(0x0A) & 0x80);
        clock.advance(SECOND - 1_000_000);
        assertEquals(0x80, get(0x0A) & 0x80);
        clock.advance(1_000_001);
        assertEquals(0, get(0x0A) & 0x80);
    }

    @Test
    void updateInterruptsComeEverySecondOnceAcknowledged() {
        set(0x0B, 0x12);
        clock.advance(SECOND + 1000);
        assertTrue(interrupts.level(8));
        clock.advance(SECOND);
        assertEquals(1, interrupts.rises(8), "register C was not read");
        assertEquals(0x90, get(0x0C) & 0x90);
        assertFalse(interrupts.level(8));
        assertEquals(0, get(0x0C));
        clock.advance(SECOND);
        assertEquals(2, interrupts.rises(8));
    }

    @Test
    void theAlarmFiresAtItsTime() {
        set(5, 0x00);
        set(3, 0x01);
        set(1, 0x05);
        set(0x0B, 0x22);
        clock.advance(67 * SECOND);
        assertFalse(interrupts.level(8));
        clock.advance(SECOND);
        assertTrue(interrupts.level(8));
        assertEquals(0xA0, get(0x0C) & 0xA0);
    }

    @Test
    void anAlarmOfWildcardsFiresEverySecond() {
        set(5, 0xFF);
        set(3, 0xC0);
        set(1, 0xFF);
        set(0x0B, 0x22);
        for (int i = 1; i <= 5; i++) {
            clock.advance(SECOND);
            assertEquals(i, interrupts.rises(8));
            get(0x0C);
        }
    }

    @Test
    void periodicInterruptsKeepTheirRate() {
        set(0x0A, 0x2A); // 64 Hz
        set(0x0B, 0x42);
        int seen = 0;
        for (int i = 0; i < 1000; i++) {
            clock.advance(SECOND / 1000);
            if (interrupts.level(8)) {
                assertEquals(0xC0, get(0x0C) & 0xC0);
                seen++;
            }
        }
        assertEquals(64, seen, 1);
    }

    @Test
    void flagsCanBePolledWithoutInterrupts() {
        get(0x0C);
        clock.advance(2 * SECOND);
        assertEquals(0x50, get(0x0C) & 0xD0, "update and period, no IRQF");
        assertEquals(0, interrupts.rises(8));
    }

    @Test
    void cmosTellsTheMemorySize() {
        assertEquals(640, get(0x15) | get(0x16) << 8);
        assertEquals(0xFFFF, get(0x17) | get(0x18) << 8);
        assertEquals((512 - 16) * 16, get(0x34) | get(0x35) << 8);
        assertEquals(2 << 14, get(0x5B) | get(0x5C) << 8 | get(0x5D) << 16);
        set(0x60, 0x5A);
        rtc.reset();
        assertEquals(0x5A, get(0x60));
    }

    @Test
    void nonsenseInTheTimeRegistersMeansSomething() {
        for (int register : new int[] {0, 2, 4, 6, 7, 8, 9, 0x32}) {
            set(register, 0xFF);
        }
        get(0);
        clock.advance(SECOND);
        get(9);
        set(0x0B, 0x86);
        for (int register : new int[] {0, 2, 4, 6, 7, 8, 9, 0x32}) {
            set(register, 0x00);
        }
        set(0x0B, 0x06);
        assertTrue(get(0) < 60);
    }

    @Test
    void stateMovesToAnotherClock() {
        set(0x0B, 0x82);
        set(9, 0x50);
        set(0x0B, 0x02);
        set(0x70, 0x77);
        Rtc other = new Rtc(clock, interrupts, wall, 0, 0);
        other.restore(rtc.save());
        other.portWrite(0, 0x70, 1, 9);
        assertEquals(0x50, other.portRead(0, 0x71, 1));
    }
}
