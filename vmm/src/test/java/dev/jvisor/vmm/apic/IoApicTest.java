package dev.jvisor.vmm.apic;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.time.VirtualClock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class IoApicTest {
    private final SoftwareInterruptController chips = new SoftwareInterruptController(2, new VirtualClock(), 1_000_000_000L);
    private final IoApic io = chips.ioApic();
    private final LocalApic apic = chips.localApic(0);

    @BeforeEach
    void enable() {
        apic.mmioWrite(0xF0, 4, 0x1FF);
        chips.localApic(1).mmioWrite(0xF0, 4, 0x1FF);
    }

    private void entry(int pin, long value) {
        io.mmioWrite(0, 0, 4, 0x11 + 2 * pin);
        io.mmioWrite(0, 0x10, 4, value >>> 32);
        io.mmioWrite(0, 0, 4, 0x10 + 2 * pin);
        io.mmioWrite(0, 0x10, 4, value & 0xFFFFFFFFL);
    }

    private long low(int pin) {
        io.mmioWrite(0, 0, 4, 0x10 + 2 * pin);
        return io.mmioRead(0, 0x10, 4);
    }

    private int serve() {
        int v = apic.acknowledge();
        apic.mmioWrite(0xB0, 4, 0);
        return v;
    }

    @Test
    void identifiesItself() {
        io.mmioWrite(0, 0, 4, 1);
        assertEquals(0x170020, io.mmioRead(0, 0x10, 4));
        assertEquals(0x10000, low(23), "masked after reset");
    }

    @Test
    void edgeFiresOnTheRiseAndOnlyThen() {
        entry(4, 0x34);
        chips.setLine(4, true);
        assertEquals(0x34, serve());
        chips.setLine(4, true);
        assertEquals(-1, apic.pendingVector());
        chips.setLine(4, false);
        assertEquals(-1, apic.pendingVector());
        chips.setLine(4, true);
        assertEquals(0x34, serve());
    }

    @Test
    void isaTimerArrivesOnPinTwo() {
        entry(2, 0x30);
        entry(0, 0x31);
        chips.setLine(0, true);
        assertEquals(0x30, serve());
        assertEquals(-1, apic.pendingVector());
    }

    @Test
    void levelRepeatsUntilTheLineFalls() {
        entry(17, 0x8000 | 0x51);
        chips.setLine(17, true);
        assertEquals(0x51, apic.acknowledge());
        assertEquals(0x8000 | 0x4000 | 0x51, low(17), "remote IRR");
        assertEquals(-1, apic.pendingVector());
        apic.mmioWrite(0xB0, 4, 0);
        assertEquals(0x51, apic.acknowledge());
        chips.setLine(17, false);
        apic.mmioWrite(0xB0, 4, 0);
        assertEquals(-1, apic.pendingVector());
        assertEquals(0x8000 | 0x51, low(17));
    }

    @Test
    void maskedLevelIsDeliveredOnUnmasking() {
        entry(9, 0x18000 | 0x49);
        chips.setLine(9, true);
        assertEquals(-1, apic.pendingVector());
        entry(9, 0x8000 | 0x49);
        assertEquals(0x49, apic.pendingVector());
    }

    @Test
    void eoiRegisterAndTriggerFlipClearRemoteIrr() {
        entry(20, 0x8000 | 0x60);
        chips.setLine(20, true);
        chips.setLine(20, false);
        assertEquals(0x4000, low(20) & 0x4000);
        io.mmioWrite(0, 0x40, 4, 0x60);
        assertEquals(0, low(20) & 0x4000);
        chips.setLine(20, true);
        chips.setLine(20, false);
        entry(20, 0x10060);
        entry(20, 0x8060);
        assertEquals(0, low(20) & 0x4000);
    }

    @Test
    void destinationSelectsTheProcessor() {
        entry(5, 1L << 56 | 0x35);
        chips.setLine(5, true);
        assertEquals(-1, apic.pendingVector());
        assertEquals(0x35, chips.localApic(1).pendingVector());
    }

    @Test
    void aMessageNobodyTakesDoesNotBlockTheLine() {
        entry(18, 9L << 56 | 0x8000 | 0x52);
        chips.setLine(18, true);
        assertEquals(0, low(18) & 0x4000);
        entry(18, 0x8000 | 0x52);
        assertEquals(0x52, apic.pendingVector());
    }

    @Test
    void isaLinesReachThePicToo() {
        List<String> seen = new ArrayList<>();
        chips.connectPic((irq, level) -> seen.add(irq + "=" + level), new ExternalInterrupt() {
            @Override
            public boolean asserted() {
                return false;
            }

            @Override
            public int acknowledge() {
                return 0;
            }
        });
        chips.setLine(0, true);
        chips.setLine(2, true);
        chips.setLine(15, true);
        chips.setLine(16, true);
        assertEquals(List.of("0=true", "15=true"), seen);
    }

    @Test
    void linesThatDoNotExistAreIgnored() {
        chips.setLine(24, true);
        chips.setLine(-1, true);
        chips.signalMsi(0x12345678, 0x30);
        assertEquals(-1, apic.pendingVector());
    }

    @Test
    void stateIsCarriedOver() {
        entry(17, 0x8000 | 0x51);
        chips.setLine(17, true);
        SoftwareInterruptController copy = new SoftwareInterruptController(2, new VirtualClock(), 1_000_000_000L);
        copy.restore(chips.save());
        LocalApic b = copy.localApic(0);
        assertEquals(0x51, b.acknowledge());
        b.mmioWrite(0xB0, 4, 0);
        assertEquals(0x51, b.acknowledge(), "the line is still asserted");
    }
}
