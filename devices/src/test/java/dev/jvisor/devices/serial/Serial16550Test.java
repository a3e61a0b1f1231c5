package dev.jvisor.devices.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import dev.jvisor.vmm.time.VirtualClock;
import org.junit.jupiter.api.Test;

class Serial16550Test {
    private static final int BASE = 0x3F8;
    private static final int IRQ = 4;
    private static final int RBR = 0;
    private static final int THR = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;
    private static final long MS = 1_000_000;

    private final VirtualClock clock = new VirtualClock();
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final FakeLine line = new FakeLine();
    private final Serial16550 port = new Serial16550(BASE, IRQ, clock, interrupts, line);

    private void out(int register, int value) {
        port.portWrite(0, BASE + register, 1, value);
    }

    private int in(int register) {
        return port.portRead(0, BASE + register, 1);
    }

    /** What a driver's interrupt handler does; {@return the text received}. */
    private String receive() {
        StringBuilder text = new StringBuilder();
        while ((in(IIR) & 1) == 0) {
            while ((in(LSR) & 1) != 0) {
                text.append((char) in(RBR));
            }
            in(MSR);
        }
        return text.toString();
    }

    private String receiveFor(long ms) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < ms; i++) {
            clock.advance(MS);
            text.append(receive());
        }
        return text.toString();
    }

    /** The register writes of Linux' serial8250_do_startup, in order. */
    private void startUpAsLinux() {
        out(IER, 0);
        out(FCR, 0x01);
        out(FCR, 0x07);
        out(FCR, 0x00);
        in(LSR);
        in(RBR);
        in(IIR);
        in(MSR);
        out(LCR, 0x03);
        out(MCR, 0x08);
        out(IER, 0x02); // the THRE test
        in(IIR);
        out(IER, 0x00);
        in(LSR);
        in(RBR);
        in(IIR);
        in(MSR);
        out(IER, 0x05);
        out(FCR, 0x81);
        out(MCR, 0x0B);
    }

    @Test
    void outputReachesTheLineInOrder() {
        for (char c : "Hello, world\n".toCharArray()) {
            assertEquals(0x60, in(LSR) & 0x60);
            out(THR, c);
        }
        assertEquals("Hello, world\n", line.output.toString());
    }

    @Test
    void autoconfigurationFindsA16550A() {
        out(IER, 0);
        assertEquals(0, in(IER) & 0x0F);
        out(IER, 0x0F);
        assertEquals(0x0F, in(IER));
        out(IER, 0xFF);
        assertEquals(0x0F, in(IER), "no bits of later chips");
        out(IER, 0);
        out(MCR, 0x10 | 0x0A);
        assertEquals(0x90, in(MSR) & 0xF0, "loopback: OUT2 is DCD, RTS is CTS");
        out(MCR, 0);
        out(LCR, 0xBF);
        out(FCR, 0);
        out(LCR, 0);
        out(FCR, 0x01);
        assertEquals(3, in(IIR) >> 6);
        out(FCR, 0x21);
        assertEquals(6, in(IIR) >> 5, "no 64-byte FIFO");
        out(7, 0xA5);
        assertEquals(0xA5, in(7));
    }

    @Test
    void theDivisorHidesBehindDlab() {
        out(LCR, 0x83);
        out(0, 0x01);
        out(1, 0x02);
        assertEquals(0x01, in(0));
        assertEquals(0x02, in(1));
        out(LCR, 0x03);
        assertEquals(0, in(IER));
    }

    @Test
    void enablingThreWithAnEmptyTransmitterInterruptsAndReadingIirClears() {
        out(IER, 0x02);
        assertTrue(interrupts.level(IRQ));
        assertEquals(0x02, in(IIR) & 0x0F);
        assertFalse(interrupts.level(IRQ));
        assertEquals(0x01, in(IIR) & 0x0F);
        out(IER, 0);
        out(IER, 0x02);
        assertEquals(0x02, in(IIR) & 0x0F, "Linux' test for the THRE bug");
        out(THR, 'x');
        assertTrue(interrupts.level(IRQ), "empty again at once");
    }

    @Test
    void theTransmitterIsNotEmptyWhileTheHostIsBusy() {
        out(IER, 0x02);
        in(IIR);
        line.writable = false;
        out(THR, 'a');
        assertEquals(0, in(LSR) & 0x60);
        assertFalse(interrupts.level(IRQ));
        line.makeRoom();
        assertTrue(interrupts.level(IRQ));
        assertEquals(0x60, in(LSR) & 0x60);
    }

    @Test
    void aFewCharactersComeByTimeOutAndManyByTrigger() {
        startUpAsLinux();
        line.type("abc");
        assertFalse(interrupts.level(IRQ), "below the trigger level of 8");
        clock.advance(MS);
        assertTrue(interrupts.level(IRQ));
        assertEquals(0x0C, in(IIR) & 0x0F);
        assertEquals("abc", receive());
        assertFalse(interrupts.level(IRQ));
        line.type("0123456789");
        assertEquals(0x04, in(IIR) & 0x0F);
        assertEquals("0123456789", receive());
    }

    @Test
    void inputTypedBeforeTheDriverStartsIsNotLost() {
        line.type("echo six\n");
        in(RBR);
        startUpAsLinux();
        assertEquals("echo six\n", receiveFor(5));
    }

    @Test
    void inputInTheFifoSurvivesARestartOfTheDriver() {
        startUpAsLinux();
        line.type("0123456789abcdefghij");
        assertEquals('0', in(RBR));
        startUpAsLinux();
        assertEquals("123456789abcdefghij", receiveFor(5));
    }

    @Test
    void aLongInputArrivesWholeAndNoFasterThanALine() {
        startUpAsLinux();
        StringBuilder sent = new StringBuilder();
        for (int i = 0; i < 5000; i++) {
            sent.append((char) (32 + i % 90));
        }
        line.type(sent.toString());
        String first = receiveFor(100);
        assertTrue(first.length() <= 1200, "100 ms at 115200 baud: length=" + first.length());
        assertTrue(first.length() >= 800, "length=" + first.length());
        assertEquals(sent.toString(), first + receiveFor(600));
    }

    @Test
    void inputWaitsWhileTheGuestHoldsRtsBack() {
        startUpAsLinux();
        line.type("x");
        assertEquals("x", receiveFor(2));
        out(MCR, 0x09);
        line.type("y");
        assertEquals("", receiveFor(5));
        out(MCR, 0x0B);
        assertEquals("y", receiveFor(2));
    }

    @Test
    void aGuestThatPollsGetsItsInputToo() {
        line.type("key");
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            clock.advance(MS);
            if ((in(LSR) & 1) != 0) {
                text.append((char) in(RBR));
            }
        }
        assertEquals("key", text.toString());
    }

    /** GRUB under UEFI got a key now and then only. */
    @Test
    void aGuestThatPollsTheModemLinesTooGetsItsInput() {
        line.type("key");
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            clock.advance(20 * MS);
            in(MCR);
            in(MSR);
            if ((in(LSR) & 1) != 0) {
                text.append((char) in(RBR));
            }
        }
        assertEquals("key", text.toString());
    }

    @Test
    void aGuestThatOnlySendsTakesNoInput() {
        line.type("for the driver that comes later");
        for (int i = 0; i < 1000; i++) {
            in(LSR);
            out(THR, '.');
        }
        assertEquals(31, line.waiting());
    }

    @Test
    void loopbackComesBack() {
        line.type("host");
        out(FCR, 0x01);
        out(MCR, 0x10);
        out(THR, 0x55);
        assertEquals(1, in(LSR) & 1);
        assertEquals(0x55, in(RBR));
        assertEquals("", line.output.toString());
        for (int i = 0; i < 17; i++) {
            out(THR, i);
        }
        assertEquals(0x02, in(LSR) & 0x02, "overrun");
        assertEquals(0, in(LSR) & 0x02);
        out(MCR, 0);
        assertEquals(0, in(LSR) & 1);
        startUpAsLinux();
        assertEquals("host", receiveFor(2));
    }

    @Test
    void modemStatusChangesInterrupt() {
        out(IER, 0x08);
        in(MSR);
        out(MCR, 0x10);
        assertTrue(interrupts.level(IRQ));
        assertEquals(0x00, in(IIR) & 0x0F);
        assertEquals(0x0B, in(MSR), "CTS, DSR and DCD have fallen");
        assertFalse(interrupts.level(IRQ));
    }

    @Test
    void stateMovesToAnotherPort() {
        startUpAsLinux();
        line.type("0123456789");
        in(RBR);
        Serial16550 other = new Serial16550(BASE, IRQ, clock, new FakeInterrupts(), new FakeLine());
        other.restore(port.save());
        assertEquals('1', other.portRead(0, BASE, 1));
        assertEquals(0x05, other.portRead(0, BASE + IER, 1));
        assertEquals(0x0B, other.portRead(0, BASE + MCR, 1));
    }
}
