package dev.jvisor.guest.baremetal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.guest.HostCommand;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The forms a guest can be had in. */
class GuestProgramTest {
    @Test
    void everyGuestIsFoundByItsName() {
        for (GuestProgram guest : BareMetalGuests.all(2)) {
            assertEquals(guest.loadAddress(), BareMetalGuests.find(guest.name(), 2).orElseThrow().loadAddress());
        }
        assertTrue(BareMetalGuests.find("none", 1).isEmpty());
    }

    @Test
    void parametersGoToTheirBlock() {
        GuestProgram guest = ExitStormGuest.program(5, 6, 0xFEC00000L, true);
        ByteBuffer block = ByteBuffer.wrap(guest.image(), GuestProgram.PARAMETER_OFFSET, 32).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(5, block.getLong());
        assertEquals(6, block.getLong());
        assertEquals(0xFEC00000L, block.getLong());
        assertEquals(1, block.getLong());
        assertThrows(IllegalArgumentException.class, () -> HelloGuest.realModeProgram().withParameter(0, 1));
        assertThrows(IllegalArgumentException.class, () -> guest.withParameter(8, 1));
    }

    @Test
    void multibootHeaderIsInTheFirstEightKibibytesAndSumsToZero() {
        GuestProgram guest = HelloGuest.program();
        ByteBuffer file = ByteBuffer.wrap(guest.toMultiboot()).order(ByteOrder.LITTLE_ENDIAN);
        int at = MultibootWrapping.HEADER_OFFSET;
        assertEquals(0x1BADB002, file.getInt(at));
        assertEquals(0, file.getInt(at) + file.getInt(at + 4) + file.getInt(at + 8));
        assertEquals(guest.loadAddress() + at, file.getInt(at + 12));
        assertEquals(guest.entry(), file.getInt(at + 28));
        assertNotEquals(0x1BADB002, ByteBuffer.wrap(guest.image()).order(ByteOrder.LITTLE_ENDIAN).getInt(at));
    }

    @Test
    void elfHasAPvhNoteWithTheEntry(@TempDir Path directory) throws IOException, InterruptedException {
        Assumptions.assumeTrue(HostCommand.isPresent("readelf"), "GNU binutils (readelf) are not installed");
        Path file = directory.resolve("hello.elf");
        HelloGuest.program().write(file);
        String text = HostCommand.run(60, List.of("readelf", "-lnW", file.toString())).output();
        assertTrue(text.contains("Entry point 0x100000"), text);
        assertTrue(text.matches("(?s).*LOAD\\s+0x001000 0x0*100000 0x0*100000 .*"), text);
        assertTrue(text.contains("Xen") && text.matches("(?s).*0x00000012.*00 00 10 00 00 00 00 00.*"), text);
        assertFalse(text.contains("Warning"), text);
    }

    @Test
    void realModeGuestsAreFlatOnly() {
        assertThrows(IllegalStateException.class, () -> HelloGuest.realModeProgram().toElf());
        assertEquals(512, HelloGuest.realModeProgram().image().length);
    }

    @Test
    void checksumOfTheUserLoopIsFixed() {
        assertEquals(0x435e3ec182cf8639L, UserComputeGuest.checksum(1_000_000));
    }
}
