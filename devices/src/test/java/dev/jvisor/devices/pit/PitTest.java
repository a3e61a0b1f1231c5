package dev.jvisor.devices.pit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.devices.testing.LateTimers;
import dev.jvisor.vmm.time.VirtualClock;
import org.junit.jupiter.api.Test;

class PitTest {
    private static final long MS = 1_000_000;
    private static final long SECOND = 1_000 * MS;

    private final VirtualClock clock = new VirtualClock();
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final Pit pit = new Pit(clock, interrupts);

    private static void out(Pit pit, int port, int value) {
        pit.portWrite(0, port, 1, value);
    }

    private void out(int port, int value) {
        out(pit, port, value);
    }

    private int in(int port) {
        return pit.portRead(0, port, 1);
    }

    private int in16(int port) {
        int low = in(port);
        return in(port) << 8 | low;
    }

    private static void program(Pit pit, int channel, int mode, int count) {
        out(pit, 0x43, channel << 6 | 0x30 | mode << 1);
        out(pit, 0x40 + channel, count & 0xFF);
        out(pit, 0x40 + channel, count >> 8);
    }

    private void program(int channel, int mode, int count) {
        program(pit, channel, mode, count);
    }

    private void advanceTicks(long ticks) {
        clock.advance(PitRegisters.ns(PitRegisters.ticks(clock.nowNs()) + ticks) - clock.nowNs());
    }

    @Test
    void aHundredHertzClockTicksAHundredTimesASecond() {
        program(0, 2, 11932);
        clock.advance(SECOND);
        assertEquals(99, interrupts.rises(0), 1);
        clock.advance(9 * SECOND);
        assertEquals(1000, interrupts.rises(0), 1);
    }

    @Test
    void squareWaveTicksAtTheSameRate() {
        program(0, 3, 0);
        clock.advance(10 * SECOND);
        assertEquals(182, interrupts.rises(0), 1);
    }

    @Test
    void aOneShotFiresOnce() {
        program(0, 0, 1193);
        clock.advance(MS / 2);
        assertEquals(0, interrupts.rises(0));
        clock.advance(SECOND);
        assertEquals(1, interrupts.rises(0));
        assertTrue(interrupts.level(0));
        program(0, 4, 1193);
        clock.advance(SECOND);
        assertEquals(2, interrupts.rises(0));
    }

    @Test
    void ticksThatTheHostMissedAreMadeUpForUpToALimit() {
        LateTimers late = new LateTimers();
        Pit latePit = new Pit(late, interrupts);
        program(latePit, 0, 2, 1193);
        late.jump(2 * MS);
        int before = interrupts.rises(0);
        late.jump(20 * MS);
        for (int i = 0; i < 100; i++) {
            late.jump(MS / 2);
        }
        assertEquals(20 + 50, interrupts.rises(0) - before, 2, "20 missed ones and 50 of the 50 ms since");
        before = interrupts.rises(0);
        late.jump(60 * SECOND);
        for (int i = 0; i < 10_000; i++) {
            late.jump(MS / 2);
        }
        assertEquals(5000 + Pit.MAX_BACKLOG, interrupts.rises(0) - before, 10, "a minute away does not become a minute of ticks");
    }

    @Test
    void aGuestCannotMakeAStormOfInterrupts() {
        program(0, 2, 2);
        clock.advance(SECOND / 10);
        assertTrue(interrupts.rises(0) <= 1001, "rises=" + interrupts.rises(0));
        assertTrue(interrupts.rises(0) > 100);
    }

    @Test
    void theCounterCountsDownAndReloads() {
        program(2, 2, 1000);
        out(0x61, 0x01);
        advanceTicks(0);
        int first = in16(0x42);
        advanceTicks(300);
        assertEquals(300, first - in16(0x42), 1);
        advanceTicks(1000);
        assertEquals(300, first - in16(0x42), 2);
    }

    @Test
    void latchedCountStandsStillUntilRead() {
        program(0, 2, 60000);
        advanceTicks(1000);
        out(0x43, 0x00);
        advanceTicks(5000);
        assertEquals(59000, in16(0x40), 1);
        assertEquals(54000, in16(0x40), 2);
    }

    @Test
    void readBackLatchesStatusAndCount() {
        program(0, 2, 60000);
        advanceTicks(1000);
        out(0x43, 0xC2);
        assertEquals(0xB4, in(0x40), "OUT high, both bytes, mode 2");
        assertEquals(59000, in16(0x40), 1);
        out(0x43, 0x34);
        out(0x43, 0xE2);
        assertEquals(0xF4, in(0x40), "null count until one is written");
    }

    @Test
    void bcdCountsInDecimal() {
        out(0x43, 0x31 | 2 << 1);
        out(0x40, 0x00);
        out(0x40, 0x10);
        advanceTicks(1);
        out(0x43, 0x00);
        assertEquals(0x0999, in16(0x40));
    }

    /** Linux' quick_pit_calibrate: mode 0 from FFFFh on channel 2, the high byte must fall once in 256 ticks. */
    @Test
    void theHighByteFallsAsCalibrationExpects() {
        out(0x61, in(0x61) & ~0x02 | 0x01);
        program(2, 0, 0xFFFF);
        clock.advance(1000);
        in(0x42);
        assertEquals(0xFF, in(0x42));
        for (int expected = 0xFE; expected > 0xD0; expected--) {
            int reads = 0;
            do {
                clock.advance(2000);
                in(0x42);
                assertTrue(++reads < 200, "high byte stuck");
            } while (in(0x42) != expected);
            assertTrue(reads > 50, "high byte fell too fast: reads=" + reads);
        }
    }

    /** Linux' pit_calibrate_tsc: OUT2 at port 61h rises when the count of 50 ms is over. */
    @Test
    void outOfCounter2ShowsTheEndOfACount() {
        out(0x61, in(0x61) & ~0x02 | 0x01);
        program(2, 0, 59659);
        assertEquals(0, in(0x61) & 0x20);
        clock.advance(49 * MS);
        assertEquals(0, in(0x61) & 0x20);
        clock.advance(2 * MS);
        assertEquals(0x20, in(0x61) & 0x20);
    }

    @Test
    void theGateStopsAndStartsCounter2() {
        out(0x61, 0);
        program(2, 0, 10000);
        advanceTicks(20000);
        assertEquals(0, in(0x61) & 0x20);
        out(0x61, 1);
        advanceTicks(6000);
        out(0x61, 0);
        advanceTicks(20000);
        out(0x61, 1);
        advanceTicks(3900);
        assertEquals(0, in(0x61) & 0x20);
        advanceTicks(110);
        assertEquals(0x20, in(0x61) & 0x20);
    }

    @Test
    void theGateTriggersAOneShotInMode1() {
        program(2, 1, 1000);
        assertEquals(0x20, in(0x61) & 0x20);
        out(0x61, 1);
        assertEquals(0, in(0x61) & 0x20);
        advanceTicks(1001);
        assertEquals(0x20, in(0x61) & 0x20);
    }

    @Test
    void theRefreshBitToggles() {
        int before = in(0x61) & 0x10;
        clock.advance(15_085);
        assertNotEquals(before, in(0x61) & 0x10);
    }

    @Test
    void stateMovesToAnotherTimerAtAnotherTime() {
        program(0, 2, 11932);
        clock.advance(25 * MS);
        PitState state = pit.save();
        VirtualClock otherClock = new VirtualClock();
        otherClock.advance(77 * SECOND);
        FakeInterrupts otherInterrupts = new FakeInterrupts();
        Pit other = new Pit(otherClock, otherInterrupts);
        other.restore(state);
        otherClock.advance(4 * MS);
        assertEquals(0, otherInterrupts.rises(0));
        otherClock.advance(2 * MS);
        assertEquals(1, otherInterrupts.rises(0));
    }

    @Test
    void resetSilencesIt() {
        program(0, 2, 1193);
        pit.reset();
        clock.advance(SECOND);
        assertEquals(0, interrupts.rises(0));
        assertFalse(interrupts.level(0));
    }
}
