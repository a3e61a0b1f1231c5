package dev.jvisor.nativebindings;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LibCTest {
    @Test
    void shouldNameCallObjectAndErrnoWhenACallFails() {
        ErrnoException e = assertThrows(ErrnoException.class, () -> LibC.open("/nowhere/file", Flags.O_RDONLY));
        assertEquals("open on /nowhere/file: ENOENT (No such file or directory)", e.getMessage());
        assertEquals("open", e.call());
        assertEquals("/nowhere/file", e.object());
        assertEquals(2, e.errno());
        assertEquals("ENOENT", e.errnoName());
    }

    @Test
    void shouldNameUnknownErrnosByNumber() {
        assertEquals("errno 4321", LibC.errnoName(4321));
    }

    @Test
    void shouldRefuseAccessBeyondAndAfterAMapping() {
        MappedMemory memory = MappedMemory.anonymous("test", 8192);
        memory.segment().set(JAVA_LONG, 8184, 42);
        assertEquals(42, memory.segment().get(JAVA_LONG, 8184));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.segment().get(JAVA_BYTE, 8192));
        memory.discard(4096, 4096);
        assertEquals(0, memory.segment().get(JAVA_LONG, 8184));
        memory.close();
        assertThrows(IllegalStateException.class, () -> memory.segment().get(JAVA_BYTE, 0));
    }

    @Test
    void shouldMapAMemfdThatOthersCanMapToo() {
        try (MappedMemory memory = MappedMemory.memfd("test", 4096);
                MappedMemory again = MappedMemory.ofFd("again", memory.fd(), 4096)) {
            memory.segment().set(JAVA_LONG, 16, 7);
            assertEquals(7, again.segment().get(JAVA_LONG, 16));
        }
    }

    @Test
    void shouldCountSignalsOfAnEventFd() {
        try (EventFd event = new EventFd()) {
            assertFalse(event.await(0));
            assertEquals(0, event.take());
            event.signal();
            event.signal();
            assertTrue(event.await(0));
            assertEquals(2, event.take());
            assertFalse(event.await(0));
        }
    }

    @Test
    void shouldRefuseWhatIsNoIoctlNumber() {
        assertThrows(IllegalArgumentException.class, () -> IoctlNumber.ior(0xAE, 1, 1 << 14));
        assertThrows(IllegalArgumentException.class, () -> IoctlNumber.io(0x100, 1));
    }
}
