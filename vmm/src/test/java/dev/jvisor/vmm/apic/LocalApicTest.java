package dev.jvisor.vmm.apic;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.backend.MsrValue;
import dev.jvisor.vmm.time.Timer;
import dev.jvisor.vmm.time.Timers;
import dev.jvisor.vmm.time.VirtualClock;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LocalApicTest {
    private final VirtualClock clock = new VirtualClock();
    private final SoftwareInterruptController chips = new SoftwareInterruptController(4, clock, 2_000_000_000L);
    private final LocalApic apic = enabled(0);

    private LocalApic enabled(int i) {
        LocalApic a = chips.localApic(i);
        a.mmioWrite(0xF0, 4, 0x1FF);
        return a;
    }

    private void x2apic(LocalApic a) {
        assertTrue(a.msrWrite(0x1B, a.apicBase() | 0x400));
    }

    private static void eoi(LocalApic a) {
        a.mmioWrite(0xB0, 4, 0);
    }

    private long msr(LocalApic a, int index) {
        MsrValue v = new MsrValue();
        assertTrue(a.msrRead(index, v), Integer.toHexString(index));
        return v.value;
    }

    @Test
    void higherVectorsAreDeliveredFirstAndNestOnlyByPriorityClass() {
        apic.accept(0, 0x41, false);
        apic.accept(0, 0x4F, false);
        apic.accept(0, 0x31, false);
        assertEquals(0x4F, apic.acknowledge());
        assertEquals(-1, apic.pendingVector(), "0x41 is of the class in service");
        apic.accept(0, 0x52, false);
        assertEquals(0x52, apic.acknowledge());
        assertEquals(0x50, apic.mmioRead(0xA0, 4));
        eoi(apic);
        eoi(apic);
        assertEquals(0x41, apic.acknowledge());
        eoi(apic);
        assertEquals(0x31, apic.acknowledge());
    }

    @Test
    void taskPriorityHoldsBackAndIsCr8() {
        AtomicInteger told = new AtomicInteger();
        apic.connect(told::incrementAndGet, () -> { });
        apic.setCr8(5);
        assertEquals(0x50, apic.mmioRead(0x80, 4));
        apic.accept(0, 0x5F, false);
        assertEquals(-1, apic.pendingVector());
        int before = told.get();
        apic.mmioWrite(0x80, 4, 0x40);
        assertEquals(0x5F, apic.pendingVector());
        assertTrue(told.get() > before, "lowering the priority wakes the VP");
        assertEquals(4, apic.cr8());
    }

    @Test
    void irrIsrAndTmrShowInTheirRegisters() {
        apic.accept(0, 0x45, true);
        assertEquals(1 << 5, apic.mmioRead(0x220, 4));
        assertEquals(1 << 5, apic.mmioRead(0x1A0, 4));
        apic.acknowledge();
        assertEquals(0, apic.mmioRead(0x220, 4));
        assertEquals(1 << 5, apic.mmioRead(0x120, 4));
        eoi(apic);
        assertEquals(0, apic.mmioRead(0x120, 4));
    }

    @Test
    void oneShotTimerFiresOnce() {
        apic.mmioWrite(0x3E0, 4, 0xB);
        apic.mmioWrite(0x320, 4, 0x30);
        apic.mmioWrite(0x380, 4, 50_000);
        clock.advance(30_000);
        assertEquals(20_000, apic.mmioRead(0x390, 4));
        assertEquals(-1, apic.pendingVector());
        clock.advance(20_000);
        assertEquals(0x30, apic.acknowledge());
        eoi(apic);
        assertEquals(0, apic.mmioRead(0x390, 4));
        clock.advance(1_000_000);
        assertEquals(-1, apic.pendingVector());
    }

    @Test
    void periodicTimerHonoursTheDividerAndGoesOn() {
        apic.mmioWrite(0x3E0, 4, 0x3);
        apic.mmioWrite(0x320, 4, 0x30 | 1 << 17);
        apic.mmioWrite(0x380, 4, 10_000);
        for (int i = 0; i < 3; i++) {
            clock.advance(159_999);
            assertEquals(-1, apic.pendingVector());
            clock.advance(1);
            assertEquals(0x30, apic.acknowledge());
            eoi(apic);
        }
        assertEquals(10_000, apic.mmioRead(0x390, 4));
        apic.mmioWrite(0x380, 4, 0);
        clock.advance(1_000_000);
        assertEquals(-1, apic.pendingVector());
    }

    @Test
    void aPeriodOfANanosecondDoesNotKeepTheTimerThreadForEver() {
        apic.mmioWrite(0x3E0, 4, 0xB);
        apic.mmioWrite(0x320, 4, 0x30 | 1 << 17);
        apic.mmioWrite(0x380, 4, 1);
        clock.advance(1_000);
        assertTrue(clock.nextDeadlineNs() >= clock.nowNs() + 10_000);
    }

    @Test
    void tscDeadlineUsesTheTscRateAndDisarmsItself() {
        apic.msrWrite(0x6E0, 1000);
        assertEquals(0, msr(apic, 0x6E0), "ignored in another mode");
        apic.mmioWrite(0x320, 4, 0x31 | 2 << 17);
        apic.msrWrite(0x6E0, 200_001);
        assertEquals(200_001, msr(apic, 0x6E0));
        clock.advance(100_000);
        assertEquals(-1, apic.pendingVector(), "2 GHz: 200001 ticks are 100000.5 ns");
        clock.advance(1);
        assertEquals(0x31, apic.acknowledge());
        assertEquals(0, msr(apic, 0x6E0));
    }

    @Test
    void tscDeadlineFollowsWhatTheGuestDidToItsTsc() {
        apic.mmioWrite(0x320, 4, 0x31 | 2 << 17);
        apic.setTscOffset(100_000);
        apic.msrWrite(0x6E0, 300_000);
        clock.advance(99_999);
        assertEquals(-1, apic.pendingVector());
        clock.advance(1);
        assertEquals(0x31, apic.acknowledge());
        eoi(apic);
        apic.msrWrite(0x6E0, 50);
        clock.advance(1);
        assertEquals(0x31, apic.acknowledge(), "long past");
        eoi(apic);
        apic.setTscOffset(-200_000);
        apic.msrWrite(0x6E0, 100_000);
        clock.advance(49_998);
        assertEquals(-1, apic.pendingVector());
        clock.advance(1);
        assertEquals(0x31, apic.acknowledge());
    }

    @Test
    void maskedTimerIsSilent() {
        apic.mmioWrite(0x320, 4, 0x30 | 1 << 16);
        apic.mmioWrite(0x380, 4, 1000);
        clock.advance(100_000);
        assertEquals(-1, apic.pendingVector());
    }

    @Test
    void ipiReachesThePhysicalDestination() {
        LocalApic two = enabled(2);
        apic.mmioWrite(0x310, 4, 2 << 24);
        apic.mmioWrite(0x300, 4, 0x4000 | 0x66);
        assertEquals(0x66, two.pendingVector());
        assertEquals(-1, apic.pendingVector());
        assertEquals(0x4066, apic.mmioRead(0x300, 4));
    }

    @Test
    void logicalDestinationsFlatAndCluster() {
        for (int i = 0; i < 4; i++) {
            enabled(i).mmioWrite(0xD0, 4, 1L << 24 + i);
        }
        apic.mmioWrite(0x310, 4, 0xAL << 24);
        apic.mmioWrite(0x300, 4, 0x4800 | 0x50);
        assertEquals(-1, chips.localApic(0).pendingVector());
        assertEquals(0x50, chips.localApic(1).pendingVector());
        assertEquals(-1, chips.localApic(2).pendingVector());
        assertEquals(0x50, chips.localApic(3).pendingVector());

        for (int i = 0; i < 4; i++) {
            LocalApic a = chips.localApic(i);
            a.mmioWrite(0xE0, 4, 0);
            a.mmioWrite(0xD0, 4, (long) (i >> 1) << 28 | 1L << 24 + (i & 1));
        }
        apic.mmioWrite(0x310, 4, 0x11L << 24);
        apic.mmioWrite(0x300, 4, 0x4800 | 0x70);
        assertEquals(0x70, chips.localApic(2).pendingVector());
        assertEquals(0x50, chips.localApic(3).pendingVector());
        assertEquals(-1, chips.localApic(0).pendingVector());
    }

    @Test
    void x2apicAddressesClustersAndSendsWithOneWrite() {
        for (int i = 0; i < 4; i++) {
            x2apic(enabled(i));
        }
        assertEquals(1 << 3, msr(chips.localApic(3), 0x80D));
        assertEquals(3, msr(chips.localApic(3), 0x802));
        assertTrue(apic.msrWrite(0x830, 0xCL << 32 | 0x4800 | 0x55));
        assertEquals(0x55, chips.localApic(2).pendingVector());
        assertEquals(0x55, chips.localApic(3).pendingVector());
        assertEquals(-1, chips.localApic(1).pendingVector());
        assertTrue(apic.msrWrite(0x83F, 0x99));
        assertEquals(0x99, apic.acknowledge());
        assertTrue(apic.msrWrite(0x80B, 0));
        assertFalse(apic.msrWrite(0x80B, 1), "EOI must be 0");
        assertFalse(apic.msrWrite(0x802, 1), "the id is read-only");
        assertFalse(apic.msrRead(0x80E, new MsrValue()), "no DFR");
        assertEquals(-1, apic.mmioRead(0x30, 4), "no register page");
    }

    @Test
    void apicBaseTransitionsFollowTheManual() {
        long xapic = apic.apicBase();
        assertEquals(0xFEE00900L, xapic);
        assertFalse(apic.msrWrite(0x1B, xapic & ~0x800L | 0x400));
        x2apic(apic);
        assertFalse(apic.msrWrite(0x1B, xapic), "x2APIC goes back only through disabled");
        assertTrue(apic.msrWrite(0x1B, xapic & ~0x800L));
        assertFalse(apic.msrWrite(0x1B, xapic | 0x400), "disabled does not go to x2APIC at once");
        assertTrue(apic.msrWrite(0x1B, xapic));
        assertFalse(apic.msrRead(0x802, new MsrValue()));
    }

    @Test
    void shorthandsAndInitSipi() {
        for (int i = 0; i < 4; i++) {
            enabled(i);
        }
        AtomicBoolean startup = new AtomicBoolean();
        chips.localApic(1).connect(() -> { }, () -> startup.set(true));
        apic.mmioWrite(0x300, 4, 3 << 18 | 0x4500);
        assertTrue(startup.get());
        assertFalse(apic.initPending());
        for (int i = 1; i < 4; i++) {
            LocalApic a = chips.localApic(i);
            assertTrue(a.takeInit());
            assertFalse(a.initPending());
            assertEquals(0xFF, a.mmioRead(0xF0, 4), "INIT resets the registers");
        }
        apic.mmioWrite(0x300, 4, 3 << 18 | 0x8500);
        assertFalse(chips.localApic(1).initPending(), "level de-assert is nothing");
        apic.mmioWrite(0x310, 4, 1 << 24);
        apic.mmioWrite(0x300, 4, 0x4600 | 0x9A);
        assertTrue(chips.localApic(1).sipiPending());
        assertEquals(0x9A, chips.localApic(1).takeSipi());
        assertEquals(-1, chips.localApic(1).takeSipi());
        apic.mmioWrite(0x300, 4, 2 << 18 | 0x4400);
        for (int i = 0; i < 4; i++) {
            assertTrue(chips.localApic(i).takeNmi());
            assertFalse(chips.localApic(i).nmiPending());
        }
    }

    @Test
    void externalInterruptComesThroughLint0OfVp0UntilMasked() {
        AtomicBoolean line = new AtomicBoolean();
        chips.connectPic((irq, level) -> { }, new ExternalInterrupt() {
            @Override
            public boolean asserted() {
                return line.get();
            }

            @Override
            public int acknowledge() {
                line.set(false);
                return 0x20;
            }
        });
        assertEquals(-1, apic.pendingVector());
        line.set(true);
        chips.externalInterruptChanged();
        assertEquals(-1, chips.localApic(1).pendingVector());
        assertTrue(apic.pendingVector() >= 0);
        assertEquals(0x20, apic.acknowledge());
        assertEquals(-1, apic.pendingVector());
        line.set(true);
        apic.mmioWrite(0x350, 4, 0x10700);
        assertEquals(-1, apic.pendingVector());
        // The "virtual wire" fallback of Linux: LINT0 as a fixed vector.
        line.set(false);
        chips.externalInterruptChanged();
        apic.mmioWrite(0x350, 4, 0x30);
        line.set(true);
        chips.externalInterruptChanged();
        assertEquals(0x30, apic.acknowledge());
    }

    @Test
    void softwareDisableMasksTheTableAndHoldsInterrupts() {
        apic.mmioWrite(0x320, 4, 0x30);
        apic.mmioWrite(0xF0, 4, 0xFF);
        assertEquals(0x10030, apic.mmioRead(0x320, 4));
        assertFalse(apic.accept(0, 0x50, false));
        apic.mmioWrite(0x320, 4, 0x30);
        assertEquals(0x10030, apic.mmioRead(0x320, 4), "stays masked while disabled");
    }

    @Test
    void errorsAreLatchedByWritingEsrAndRaiseTheirVector() {
        apic.mmioWrite(0x370, 4, 0xFE);
        apic.mmioWrite(0x300, 4, 0x4000 | 0x05);
        assertEquals(0, apic.mmioRead(0x280, 4));
        apic.mmioWrite(0x280, 4, 0);
        assertEquals(0x20, apic.mmioRead(0x280, 4));
        assertEquals(0xFE, apic.acknowledge());
    }

    @Test
    void lowestPriorityPrefersTheIdleProcessor() {
        for (int i = 0; i < 4; i++) {
            enabled(i).mmioWrite(0x80, 4, i == 2 ? 0 : 0x20);
        }
        chips.signalMsi(0xFEE00000L | 0xFF << 12, 0x100 | 0x61);
        assertEquals(0x61, chips.localApic(2).pendingVector());
        for (int i : new int[] {0, 1, 3}) {
            assertEquals(-1, chips.localApic(i).pendingVector());
        }
    }

    @Test
    void stateMovesToAnotherApicWithTheTimeLeft() {
        apic.mmioWrite(0x3E0, 4, 0xB);
        apic.mmioWrite(0x320, 4, 0x30);
        apic.mmioWrite(0x380, 4, 90_000);
        apic.accept(0, 0x80, true);
        apic.acknowledge();
        apic.accept(0, 0x71, false);
        clock.advance(40_000);
        VirtualClock other = new VirtualClock();
        other.advance(7);
        SoftwareInterruptController copy = new SoftwareInterruptController(4, other, 2_000_000_000L);
        copy.restore(chips.save());
        LocalApic b = copy.localApic(0);
        assertEquals(50_000, b.mmioRead(0x390, 4));
        assertEquals(-1, b.pendingVector());
        eoi(b);
        assertEquals(0x71, b.acknowledge());
        eoi(b);
        other.advance(50_000);
        assertEquals(0x30, b.acknowledge());
    }

    @Test
    void deadlineInThePastInterruptsBeforeTheNextInstruction() {
        apic.mmioWrite(0x320, 4, 2 << 17 | 0x60);
        clock.advance(1000);
        assertTrue(apic.msrWrite(0x6E0, 1));
        assertEquals(0x60, apic.pendingVector(), "the timer thread has had no time to run");
        assertEquals(0, msr(apic, 0x6E0));
    }

    @Test
    void oneShotThatTheGuestSeesAtZeroIsOverThoughTheTimerThreadIsLate() {
        LateClock late = new LateClock();
        SoftwareInterruptController board = new SoftwareInterruptController(1, late, 1_000_000_000L);
        LocalApic a = board.localApic(0);
        a.mmioWrite(0xF0, 4, 0x1FF);
        a.mmioWrite(0x3E0, 4, 0xB);
        a.mmioWrite(0x320, 4, 0x61);
        a.mmioWrite(0x380, 4, 1000);
        late.now = 1000;
        assertEquals(0, a.mmioRead(0x390, 4));
        assertEquals(0x61, a.pendingVector(), "at zero the interrupt has been sent");
        a.mmioWrite(0x320, 4, 1 << 17 | 0x61);
        late.now = 1500;
        assertEquals(0, a.mmioRead(0x390, 4), "a change to periodic does not start what is over");
    }

    /** Time that passes without any timer firing. */
    private static final class LateClock implements Timers {
        long now;

        @Override
        public long nowNs() {
            return now;
        }

        @Override
        public Timer create(String name, Runnable callback) {
            return new Timer() {
                @Override
                public void arm(long deadlineNs) { }

                @Override
                public void disarm() { }
            };
        }
    }

    @Test
    void selfIpiHasNoMoreThanAVector() {
        x2apic(apic);
        assertFalse(apic.msrWrite(0x83F, 0x100));
        assertFalse(apic.msrWrite(0x83F, 0xFF000041L));
        assertTrue(apic.msrWrite(0x83F, 0x41));
        assertEquals(0x41, apic.pendingVector());
    }

    @Test
    void reservedBitsWereTakenInX2apicMode() {
        x2apic(apic);
        long[][] good = {{0x80F, 0x1FF}, {0x80F, 0x3FF}, {0x832, 0x700FF}, {0x833, 0x107FF}, {0x835, 0x1A7FF}, {0x835, 0x57FF}, {0x837, 0x100FE},
            {0x83E, 0xB}, {0x838, -1L >>> 32}, {0x830, 0xC8441}};
        for (long[] g : good) {
            assertTrue(apic.msrWrite((int) g[0], g[1]), Long.toHexString(g[0]) + " " + Long.toHexString(g[1]));
        }
        long[][] bad = {{0x80F, 0x11FF}, {0x80F, 0x5FF}, {0x832, 0x800FF}, {0x832, 0x100}, {0x833, 0x20000}, {0x835, 0x800}, {0x837, 0x400},
            {0x83E, 4}, {0x83E, 0x10}, {0x830, 0x2041}, {0x830, 0x10041}, {0x830, 0x100041}, {0x80F, 1L << 32 | 0x1FF}};
        for (long[] b : bad) {
            assertFalse(apic.msrWrite((int) b[0], b[1]), Long.toHexString(b[0]) + " " + Long.toHexString(b[1]));
        }
    }

    @Test
    void twoNmisBeforeTheFirstIsServedAreTwo() {
        apic.accept(4, 0, false);
        apic.accept(4, 0, false);
        apic.accept(4, 0, false);
        assertTrue(apic.takeNmi());
        assertTrue(apic.nmiPending(), "one in service and one waiting");
        apic.endOfNmi();
        assertTrue(apic.takeNmi());
        assertFalse(apic.nmiPending());
        apic.accept(4, 0, false);
        apic.accept(4, 0, false);
        apic.endOfNmi();
        assertTrue(apic.takeNmi());
        assertFalse(apic.nmiPending(), "while one is served, the others are one");
    }
}
