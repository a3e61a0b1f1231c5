package dev.jvisor.devices.i8042;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class I8042Test {
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final AtomicInteger resets = new AtomicInteger();
    private final I8042 i8042 = new I8042(interrupts, resets::incrementAndGet);

    private void command(int value) {
        i8042.portWrite(0, 0x64, 1, value);
    }

    private void data(int value) {
        i8042.portWrite(0, 0x60, 1, value);
    }

    private int status() {
        return i8042.portRead(0, 0x64, 1);
    }

    private int read() {
        assertEquals(1, status() & 1, "nothing to read");
        return i8042.portRead(0, 0x60, 1);
    }

    private List<Integer> readAll() {
        List<Integer> all = new ArrayList<>();
        while ((status() & 1) != 0) {
            all.add(i8042.portRead(0, 0x60, 1));
        }
        return all;
    }

    @Test
    void selfTestsPass() {
        command(0xAA);
        assertEquals(0x55, read());
        command(0xAB);
        assertEquals(0x00, read());
        assertEquals(0x04, status() & 0x04, "system flag");
    }

    @Test
    void theConfigurationByteIsRememberedButForTheAbsentAuxiliaryPort() {
        command(0x60);
        data(0x43);
        command(0x20);
        assertEquals(0x63, read());
        command(0xA8);
        command(0x20);
        assertEquals(0x20, read() & 0x20, "the auxiliary clock cannot be enabled");
    }

    @Test
    void theAuxiliaryPortIsFoundAbsentWithoutTimeOuts() {
        command(0xD3);
        data(0x5A);
        assertEquals(0x01, status() & 0x21, "an answer, but not from the auxiliary port");
        assertEquals(0x5A, read());
        command(0xA9);
        assertEquals(0x04, read());
        command(0xD4);
        data(0xF2);
        assertEquals(0x61, status() & 0x61);
        read();
    }

    @Test
    void theResetPulseResets() {
        command(0xFF);
        assertEquals(0, resets.get());
        command(0xFE);
        assertEquals(1, resets.get());
        command(0xD1);
        data(0xFE);
        assertEquals(2, resets.get());
    }

    @Test
    void theKeyboardIdentifiesItselfTranslated() {
        data(0xFF);
        assertEquals(List.of(0xFA, 0xAA), readAll());
        data(0xF2);
        assertEquals(List.of(0xFA, 0xAB, 0x41), readAll());
        command(0x60);
        data(0x25);
        data(0xF2);
        assertEquals(List.of(0xFA, 0xAB, 0x83), readAll());
    }

    @Test
    void keysArriveInSet1WhenTranslatedAndInSet2WhenNot() {
        i8042.key(Key.A, true);
        i8042.key(Key.A, false);
        i8042.key(Key.UP, true);
        i8042.key(Key.UP, false);
        assertEquals(List.of(0x1E, 0x9E, 0xE0, 0x48, 0xE0, 0xC8), readAll());
        command(0x60);
        data(0x21);
        i8042.key(Key.A, false);
        i8042.key(Key.UP, false);
        assertEquals(List.of(0xF0, 0x1C, 0xE0, 0xF0, 0x75), readAll());
        data(0xF0);
        data(0x01);
        assertEquals(List.of(0xFA, 0xFA), readAll());
        i8042.key(Key.A, false);
        assertEquals(List.of(0x9E), readAll());
    }

    @Test
    void everyKeyTranslatesToItsSet1Code() {
        for (Key key : Key.values()) {
            i8042.key(key, true);
            int code = 0;
            for (int b : readAll()) {
                code = code << 8 | b;
            }
            assertEquals(key.set1(), code, key.name());
        }
    }

    @Test
    void eachByteIsAnEdgeOfLine1() {
        i8042.key(Key.UP, true);
        assertTrue(interrupts.level(1));
        assertEquals(1, interrupts.rises(1));
        read();
        assertEquals(2, interrupts.rises(1));
        read();
        assertFalse(interrupts.level(1));
        command(0xAA);
        assertFalse(interrupts.level(1), "the controller's own answers do not interrupt");
    }

    @Test
    void aKeyboardThatIsOffSendsNothing() {
        data(0xF5);
        assertEquals(List.of(0xFA), readAll());
        assertFalse(i8042.key(Key.A, true));
        data(0xF4);
        readAll();
        assertTrue(i8042.key(Key.A, true));
    }

    @Test
    void ledsFollowTheGuest() {
        data(0xED);
        data(0x02);
        assertEquals(List.of(0xFA, 0xFA), readAll());
        assertEquals(2, i8042.leds());
    }

    @Test
    void aGuestThatNeverReadsLosesKeysOnly() {
        int taken = 0;
        for (int i = 0; i < 1000; i++) {
            taken += i8042.key(Key.A, true) ? 1 : 0;
        }
        assertTrue(taken > 100 && taken < 300, "taken=" + taken);
        assertEquals(taken, readAll().size());
    }

    @Test
    void stateMovesToAnotherController() {
        i8042.key(Key.A, true);
        i8042.key(Key.B, true);
        I8042 other = new I8042(interrupts, () -> { });
        other.restore(i8042.save());
        assertEquals(0x1E, other.portRead(0, 0x60, 1));
        assertEquals(0x30, other.portRead(0, 0x60, 1));
        assertEquals(0, other.portRead(0, 0x64, 1) & 1);
    }
}
