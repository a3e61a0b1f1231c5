package dev.jvisor.devices.pm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.time.VirtualClock;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PowerManagementTest {
    private static final long SECOND = 1_000_000_000L;

    private final VirtualClock clock = new VirtualClock();
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final AtomicInteger offs = new AtomicInteger();
    private final PowerManagement pm = new PowerManagement(clock, interrupts, 32, offs::incrementAndGet);

    @Test
    void theTimerRunsAtItsFrequency() {
        int before = pm.portRead(0, 0x608, 4);
        clock.advance(SECOND);
        assertEquals(3_579_545, pm.portRead(0, 0x608, 4) - before);
        PowerManagement narrow = new PowerManagement(clock, interrupts, 24, () -> { });
        clock.advance(100 * SECOND);
        assertEquals(0, narrow.portRead(0, 0x608, 4) >>> 24);
    }

    @Test
    void s5SwitchesOffAndOtherStatesDoNot() {
        assertEquals(1, pm.portRead(0, 0x604, 2), "always in ACPI mode");
        pm.portWrite(0, 0x604, 2, 5 << 10);
        assertEquals(0, offs.get());
        pm.portWrite(0, 0x604, 2, 3 << 10 | 1 << 13);
        assertEquals(0, offs.get());
        pm.portWrite(0, 0x604, 2, 5 << 10 | 1 << 13);
        assertEquals(1, offs.get());
    }

    @Test
    void s3SleepsUntilAnEventThatWakes() {
        AtomicInteger sleeps = new AtomicInteger();
        AtomicInteger wakes = new AtomicInteger();
        pm.onSleep(sleeps::incrementAndGet, wakes::incrementAndGet);
        pm.alarm();
        assertEquals(0, wakes.get(), "nobody sleeps");
        pm.portWrite(0, 0x600, 2, 0x400);
        pm.portWrite(0, 0x604, 2, 1 << 10 | 1 << 13);
        assertEquals(1, sleeps.get());
        pm.alarm();
        assertEquals(0, wakes.get(), "the alarm's event is not enabled");
        pm.portWrite(0, 0x600, 2, 0x400);
        pm.portWrite(0, 0x602, 2, 0x400);
        pm.alarm();
        assertEquals(1, wakes.get());
        assertEquals(0x8400, pm.portRead(0, 0x600, 2), "woken, by the clock");
        pm.alarm();
        assertEquals(1, wakes.get(), "once");
        pm.portWrite(0, 0x600, 2, 0x8400);
        pm.portWrite(0, 0x604, 2, 1 << 10 | 1 << 13);
        pm.pressPowerButton();
        assertEquals(2, wakes.get());
    }

    @Test
    void anAlarmThatHasGoneOffAlreadyKeepsItAwake() {
        AtomicInteger wakes = new AtomicInteger();
        pm.onSleep(() -> { }, wakes::incrementAndGet);
        pm.portWrite(0, 0x602, 2, 0x400);
        pm.alarm();
        pm.portWrite(0, 0x604, 2, 1 << 10 | 1 << 13);
        assertEquals(1, wakes.get());
    }

    @Test
    void thePowerButtonRaisesTheSciUntilItIsCleared() {
        assertFalse(pm.pressPowerButton());
        assertFalse(interrupts.level(9));
        pm.portWrite(0, 0x600, 2, 0x100);
        pm.portWrite(0, 0x602, 2, 0x100);
        assertTrue(pm.pressPowerButton());
        assertTrue(interrupts.level(9));
        assertEquals(0x100, pm.portRead(0, 0x600, 2));
        pm.portWrite(0, 0x601, 1, 0x01);
        assertFalse(interrupts.level(9));
    }

    @Test
    void theTimersHighestBitRaisesTheSciWhenAskedFor() {
        pm.portWrite(0, 0x602, 2, 1);
        clock.advance(599 * SECOND);
        assertFalse(interrupts.level(9));
        clock.advance(2 * SECOND);
        assertTrue(interrupts.level(9));
        pm.portWrite(0, 0x600, 2, 1);
        assertFalse(interrupts.level(9));
    }

    @Test
    void stateMovesToOtherHardwareAtAnotherTime() {
        clock.advance(5 * SECOND);
        pm.portWrite(0, 0x602, 2, 0x100);
        PmState state = pm.save();
        VirtualClock later = new VirtualClock();
        later.advance(1000 * SECOND);
        PowerManagement other = new PowerManagement(later, interrupts, 32, () -> { });
        other.restore(state);
        assertEquals(pm.portRead(0, 0x608, 4), other.portRead(0, 0x608, 4));
        assertEquals(0x100, other.portRead(0, 0x602, 2));
    }
}
