package dev.jvisor.guest.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.guest.HostCommand;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Archives that other readers understand, the same ones each time. */
class CpioWriterTest {
    private static byte[] sample() {
        CpioWriter cpio = new CpioWriter();
        cpio.directory("d", 0755);
        cpio.file("d/odd", 0644, "seven".getBytes(StandardCharsets.US_ASCII));
        cpio.file("d/empty", 0600, new byte[0]);
        cpio.symlink("link", "d/odd");
        cpio.characterDevice("null", 0666, 1, 3);
        return cpio.finish();
    }

    @Test
    void isReadByAnotherImplementation() throws IOException {
        try (CpioArchiveInputStream in = new CpioArchiveInputStream(new ByteArrayInputStream(sample()))) {
            CpioArchiveEntry d = in.getNextEntry();
            assertEquals("d", d.getName());
            assertTrue(d.isDirectory());
            CpioArchiveEntry odd = in.getNextEntry();
            assertEquals("d/odd", odd.getName());
            assertEquals(0100644, odd.getMode());
            assertEquals("seven", new String(in.readAllBytes(), StandardCharsets.US_ASCII));
            assertEquals(0, in.getNextEntry().getSize());
            assertTrue(in.getNextEntry().isSymbolicLink());
            CpioArchiveEntry device = in.getNextEntry();
            assertTrue(device.isCharacterDevice());
            assertEquals(1, device.getRemoteDeviceMaj());
            assertEquals(3, device.getRemoteDeviceMin());
            assertEquals(null, in.getNextEntry());
        }
    }

    @Test
    void isReadByCpio(@TempDir Path directory) throws IOException, InterruptedException {
        Assumptions.assumeTrue(HostCommand.isPresent("cpio"), "cpio is not installed");
        Path file = directory.resolve("a.cpio");
        Files.write(file, sample());
        String list = HostCommand.run(60, List.of("cpio", "-tv", "-F", file.toString())).output();
        assertTrue(list.contains("drwxr-xr-x") && list.contains("-rw-r--r--   1 root     root            5"), list);
        assertTrue(list.contains("link -> d/odd") && list.contains("crw-rw-rw-   1 root     root       1,   3"), list);
        Path out = Files.createDirectory(directory.resolve("out"));
        String text = HostCommand.run(60, List.of("sh", "-c", "cd '" + out + "' && cpio -id --quiet d d/odd link < '" + file + "' && cat link")).output();
        assertTrue(text.startsWith("seven"), text);
    }

    @Test
    void sameCallsGiveSameBytesAndFullBlocks() {
        assertArrayEquals(sample(), sample());
        assertEquals(0, sample().length % 512);
    }

    @Test
    void refusesWhatTheKernelWouldLose() {
        CpioWriter cpio = new CpioWriter();
        assertThrows(IllegalArgumentException.class, () -> cpio.file("/absolute", 0644, new byte[0]));
        assertThrows(IllegalArgumentException.class, () -> cpio.file("no/directory", 0644, new byte[0]));
        cpio.directory("twice", 0755);
        assertThrows(IllegalArgumentException.class, () -> cpio.directory("twice", 0755));
    }
}
