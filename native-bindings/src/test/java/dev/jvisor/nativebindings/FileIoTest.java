package dev.jvisor.nativebindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileIoTest {
    @TempDir
    Path dir;

    @Test
    void piecesAreWrittenAndReadInOrder() throws IOException {
        Path path = dir.resolve("f");
        try (Arena arena = Arena.ofConfined(); FileIo file = FileIo.create(path.toString())) {
            MemorySegment memory = arena.allocate(16384, 8);
            for (int i = 0; i < 16384; i++) {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i / 3));
            }
            IoVector v = new IoVector(arena);
            assertTrue(v.add(memory, 8192, 1000) && v.add(memory, 9192, 24) && v.add(memory, 0, 512));
            assertEquals(1536, v.bytes());
            file.writev(v, 100);
            assertEquals(1636, file.size());
            byte[] all = Files.readAllBytes(path);
            assertEquals((byte) (8192 / 3), all[100]);
            assertEquals((byte) (9215 / 3), all[1123]);
            assertEquals((byte) (511 / 3), all[1635]);
            v.clear();
            v.add(memory, 0, 4096);
            v.add(memory, 12000, 4096);
            assertEquals(1536, file.readv(v, 100), "the file ends");
            assertEquals(8192 - 1536, v.bytes(), "what was not read is left in the list");
            v.zero();
            assertArrayEquals(java.util.Arrays.copyOfRange(all, 100, 1636), memory.asSlice(0, 1536).toArray(ValueLayout.JAVA_BYTE));
            assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 1536));
            assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 12000 + 4095));
            assertThrows(IndexOutOfBoundsException.class, () -> v.add(memory, 16000, 1000));
            assertThrows(IllegalArgumentException.class, () -> v.add(MemorySegment.ofArray(new byte[8]), 0, 8));
        }
    }

    @Test
    void aFullListSaysSo() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4 * IoVector.CAPACITY);
            IoVector v = new IoVector(arena);
            for (int i = 0; i < IoVector.CAPACITY; i++) {
                assertTrue(v.add(memory, 4L * i, 2));
            }
            assertFalse(v.add(memory, 2, 1));
        }
    }

    @Test
    void oneWriterOrManyReadersHoldTheLock() throws IOException {
        Path path = Files.createFile(dir.resolve("l"));
        try (FileIo a = FileIo.open(path.toString(), true); FileIo b = FileIo.open(path.toString(), true)) {
            assertTrue(a.lock(true));
            assertFalse(b.lock(true));
            assertFalse(b.lock(false));
        }
        try (FileIo a = FileIo.open(path.toString(), false); FileIo b = FileIo.open(path.toString(), true)) {
            assertTrue(a.lock(false));
            assertTrue(b.lock(false));
            assertFalse(b.lock(true));
        }
    }

    @Test
    void failuresNameTheFile() {
        String missing = dir.resolve("none").toString();
        ErrnoException e = assertThrows(ErrnoException.class, () -> FileIo.open(missing, false));
        assertEquals("ENOENT", e.errnoName());
        assertTrue(e.getMessage().contains(missing));
    }
}
