package dev.jvisor.devices.pic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PicTest {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xA0;
    private static final int EOI = 0x20;

    private final AtomicInteger changes = new AtomicInteger();
    private final Pic pic = new Pic(changes::incrementAndGet);

    private void out(int port, int value) {
        pic.portWrite(0, port, 1, value);
    }

    private int in(int port) {
        return pic.portRead(0, port, 1);
    }

    /** As Linux' init_8259A does. */
    private void initialize(int masterIcw4) {
        out(0x21, 0xFF);
        out(MASTER, 0x11);
        out(0x21, 0x30);
        out(0x21, 0x04);
        out(0x21, masterIcw4);
        out(SLAVE, 0x11);
        out(0xA1, 0x38);
        out(0xA1, 0x02);
        out(0xA1, 0x01);
        out(0x21, 0x00);
        out(0xA1, 0x00);
    }

    @BeforeEach
    void initialize() {
        initialize(0x01);
    }

    private void pulse(int irq) {
        pic.setLine(irq, false);
        pic.setLine(irq, true);
    }

    @Test
    void anEdgeIsDeliveredOnceAndAgainAfterEoiAndAnotherEdge() {
        pulse(0);
        assertTrue(pic.asserted());
        assertEquals(0x30, pic.acknowledge());
        assertFalse(pic.asserted());
        out(MASTER, EOI);
        assertFalse(pic.asserted(), "the line is still high but has not risen again");
        pulse(0);
        assertTrue(pic.asserted());
    }

    @Test
    void linesOfTheSlaveComeThroughTheCascade() {
        pulse(8);
        assertTrue(pic.asserted());
        assertEquals(0x38, pic.acknowledge());
        pulse(12);
        assertFalse(pic.asserted(), "8 is in service and more urgent than 12");
        out(SLAVE, EOI);
        out(MASTER, EOI);
        assertTrue(pic.asserted());
        assertEquals(0x3C, pic.acknowledge());
    }

    @Test
    void aMoreUrgentLineInterruptsALessUrgentOne() {
        pulse(5);
        assertEquals(0x35, pic.acknowledge());
        pulse(6);
        assertFalse(pic.asserted());
        pulse(1);
        assertEquals(0x31, pic.acknowledge());
        out(MASTER, 0x60 | 1);
        assertFalse(pic.asserted());
        out(MASTER, EOI);
        assertEquals(0x36, pic.acknowledge());
    }

    @Test
    void aMaskedLineWaitsInIrr() {
        out(0x21, 0x10);
        pulse(4);
        assertFalse(pic.asserted());
        out(MASTER, 0x0A);
        assertEquals(0x10, in(MASTER));
        out(0x21, 0x00);
        assertTrue(pic.asserted());
        pic.acknowledge();
        assertEquals(0, in(MASTER));
        out(MASTER, 0x0B);
        assertEquals(0x10, in(MASTER));
    }

    @Test
    void acknowledgeWithNothingPendingIsSpurious() {
        assertEquals(0x37, pic.acknowledge());
        out(MASTER, 0x0B);
        assertEquals(0, in(MASTER), "a spurious interrupt is not in service");
    }

    @Test
    void aSlaveLineThatWentAwayIsSpuriousOnTheSlave() {
        out(0x4D1, 0x02);
        pic.setLine(9, true);
        assertTrue(pic.asserted());
        pic.setLine(9, false);
        assertTrue(pic.asserted(), "the master has latched the cascade");
        assertEquals(0x3F, pic.acknowledge());
        out(SLAVE, 0x0B);
        assertEquals(0, in(SLAVE));
        out(MASTER, 0x0B);
        assertEquals(4, in(MASTER), "only the master's line 2 needs an EOI");
    }

    @Test
    void aLevelTriggeredLineComesAgainUntilTheDeviceLetsGo() {
        out(0x4D0, 0x20);
        assertEquals(0x20, in(0x4D0));
        pic.setLine(5, true);
        assertEquals(0x35, pic.acknowledge());
        out(MASTER, EOI);
        assertTrue(pic.asserted());
        assertEquals(0x35, pic.acknowledge());
        pic.setLine(5, false);
        out(MASTER, EOI);
        assertFalse(pic.asserted());
    }

    @Test
    void timerKeyboardAndCascadeStayEdgeTriggered() {
        out(0x4D0, 0xFF);
        out(0x4D1, 0xFF);
        assertEquals(0xF8, in(0x4D0));
        assertEquals(0xDE, in(0x4D1));
    }

    @Test
    void automaticEoiLeavesNothingInService() {
        initialize(0x03);
        pulse(3);
        assertEquals(0x33, pic.acknowledge());
        pulse(4);
        assertTrue(pic.asserted());
        out(MASTER, 0x0B);
        assertEquals(0, in(MASTER));
    }

    @Test
    void twoSlaveLinesUnderAutomaticEoiAreBothDelivered() {
        initialize(0x03);
        out(SLAVE, 0x11);
        out(0xA1, 0x38);
        out(0xA1, 0x02);
        out(0xA1, 0x03);
        pulse(12);
        pulse(14);
        assertEquals(0x3C, pic.acknowledge());
        assertTrue(pic.asserted());
        assertEquals(0x3E, pic.acknowledge());
    }

    @Test
    void rotationMakesTheServedLineTheLeastUrgent() {
        pulse(0);
        pulse(1);
        assertEquals(0x30, pic.acknowledge());
        out(MASTER, 0xA0);
        pulse(0);
        assertEquals(0x31, pic.acknowledge());
        out(MASTER, 0xC0 | 5);
        out(MASTER, EOI);
        pulse(6);
        assertEquals(0x36, pic.acknowledge(), "5 is the least urgent, so 6 is the most");
    }

    @Test
    void specialMaskLetsLessUrgentLinesThrough() {
        pulse(2 + 1);
        assertEquals(0x33, pic.acknowledge());
        pulse(5);
        assertFalse(pic.asserted());
        out(MASTER, 0x68);
        out(0x21, 1 << 3);
        assertEquals(0x35, pic.acknowledge());
        out(MASTER, EOI);
        out(MASTER, 0x0B);
        assertEquals(1 << 3, in(MASTER), "the non-specific EOI spares the masked line");
    }

    @Test
    void pollAcceptsInsteadOfAnAcknowledge() {
        out(MASTER, 0x0C);
        assertEquals(0, in(MASTER));
        pulse(4);
        out(MASTER, 0x0C);
        assertEquals(0x84, in(MASTER));
        assertFalse(pic.asserted());
    }

    @Test
    void theListenerHearsOfEveryChange() {
        changes.set(0);
        pulse(4);
        assertEquals(1, changes.get());
        pulse(3);
        assertEquals(1, changes.get());
        out(0x21, 0xFF);
        assertEquals(2, changes.get());
    }

    @Test
    void stateMovesToAnotherPair() {
        pulse(5);
        pic.acknowledge();
        pulse(8);
        Pic other = new Pic(() -> { });
        other.restore(pic.save());
        assertEquals(pic.save(), other.save());
        assertTrue(other.asserted());
        assertEquals(0x38, other.acknowledge());
    }
}
