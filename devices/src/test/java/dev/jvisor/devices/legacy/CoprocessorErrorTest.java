package dev.jvisor.devices.legacy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.testing.FakeInterrupts;
import org.junit.jupiter.api.Test;

class CoprocessorErrorTest {
    private final FakeInterrupts interrupts = new FakeInterrupts();
    private final CoprocessorError chip = new CoprocessorError(interrupts);

    private void write() {
        chip.portWrite(0, 0xF0, 1, 0);
    }

    @Test
    void anErrorRaisesIrq13UntilPortF0IsWritten() {
        assertFalse(chip.ferrAsserted(0));
        assertTrue(interrupts.level(13));
        assertFalse(chip.ferrAsserted(0), "the same error again");
        write();
        assertFalse(interrupts.level(13));
        assertEquals(1, interrupts.rises(13));
    }

    @Test
    void ignneIsActiveFromTheWriteUntilTheErrorIsCleared() {
        chip.ferrAsserted(0);
        write();
        assertTrue(chip.ferrAsserted(0));
        assertFalse(interrupts.level(13), "no new request meanwhile");
        chip.ferrReleased(0);
        assertFalse(chip.ferrAsserted(0));
        assertEquals(2, interrupts.rises(13), "the next error");
    }

    @Test
    void aWriteWithoutAnErrorDoesNotMakeTheNextOneIgnored() {
        write();
        assertFalse(chip.ferrAsserted(0));
        assertTrue(interrupts.level(13));
    }

    @Test
    void clearingTheErrorDoesNotTakeTheRequestBack() {
        chip.ferrAsserted(0);
        chip.ferrReleased(0);
        assertTrue(interrupts.level(13));
        write();
        assertFalse(interrupts.level(13));
        assertFalse(chip.ferrAsserted(0));
    }

    @Test
    void onlyTheFirstProcessorsPinsAreConnected() {
        assertFalse(chip.ferrAsserted(1));
        assertFalse(interrupts.level(13));
        chip.ferrAsserted(0);
        write();
        assertFalse(chip.ferrAsserted(1));
        chip.ferrReleased(1);
        assertTrue(chip.ferrAsserted(0));
    }

    @Test
    void stateMoves() {
        chip.ferrAsserted(0);
        FakeInterrupts there = new FakeInterrupts();
        CoprocessorError other = new CoprocessorError(there);
        other.restore(chip.save());
        assertTrue(there.level(13));
        write();
        other.restore(chip.save());
        assertFalse(there.level(13));
        assertTrue(other.ferrAsserted(0));
        other.reset();
        assertFalse(other.ferrAsserted(0));
        other.restore(new CoprocessorErrorState(false, false, true));
        assertFalse(other.ferrAsserted(0), "IGNNE# without FERR# cannot be");
    }
}
