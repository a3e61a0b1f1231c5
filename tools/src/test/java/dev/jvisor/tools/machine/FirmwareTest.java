package dev.jvisor.tools.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.tools.options.UserMistake;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirmwareTest {
    private static final int CODE_BYTES = 64 << 10, VARIABLES_BYTES = 16 << 10;
    /** EFI_FIRMWARE_FILE_SYSTEM2_GUID: a volume of code, its first half. */
    private static final long CODE_GUID = 0x4F7E_3D78_8C8C_E578L;
    private static final long VARIABLES_GUID = 0x4C8B_7696_FFF1_2B8DL;

    @TempDir
    Path dir;
    private Path code;

    /** A firmware volume with nothing in it (PI 1.8 volume 3, 3.2.1). */
    private static byte[] volume(int bytes, long guid) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(16, guid)
                .put(40, "_FVH".getBytes(StandardCharsets.US_ASCII)).array();
    }

    @BeforeEach
    void files() throws IOException {
        code = Files.write(dir.resolve("OVMF_CODE_4M.fd"), volume(CODE_BYTES, CODE_GUID));
        Files.write(dir.resolve("OVMF_VARS_4M.fd"), volume(VARIABLES_BYTES, VARIABLES_GUID));
    }

    private static Firmware open(Path image, Path variables) {
        return Firmware.open(new FirmwareSpec(image, variables, true, null), false, List.of());
    }

    /** As flash does when the guest has programmed it. */
    private static void change(Firmware f) {
        try (Arena arena = Arena.ofConfined()) {
            f.config().keeper().changed(100, arena.allocateFrom(ValueLayout.JAVA_BYTE, (byte) 1, (byte) 2, (byte) 3));
        }
    }

    private static void mistake(String says, Path image, Path variables) {
        UserMistake e = assertThrows(UserMistake.class, () -> open(image, variables).close());
        assertTrue(e.getMessage().contains(says), e.getMessage());
    }

    @Test
    void aStoreThatIsNewComesFromTheTemplateAndKeepsChanges() throws IOException {
        Path store = dir.resolve("mine.fd");
        try (Firmware f = open(code, store)) {
            assertArrayEquals(volume(VARIABLES_BYTES, VARIABLES_GUID), f.config().variables());
            change(f);
        }
        try (Firmware f = open(code, store)) {
            assertEquals(2, f.config().variables()[101]);
        }
        assertEquals(0, Files.readAllBytes(dir.resolve("OVMF_VARS_4M.fd"))[101], "the template is nobody's");
    }

    @Test
    void withoutAStoreChangesAreForgotten() throws IOException {
        try (Firmware f = open(code, null)) {
            change(f);
        }
        assertArrayEquals(volume(VARIABLES_BYTES, VARIABLES_GUID), Files.readAllBytes(dir.resolve("OVMF_VARS_4M.fd")));
    }

    @Test
    void aStoreIsOneMachinesOnly() {
        Path store = dir.resolve("mine.fd");
        try (Firmware _ = open(code, store)) {
            mistake("in use", code, store);
        }
    }

    @Test
    void aBiosHasNoVariables() throws IOException {
        Path bios = Files.write(dir.resolve("bios.bin"), new byte[CODE_BYTES]);
        try (Firmware f = open(bios, null)) {
            assertNull(f.config().variables());
        }
        mistake("--firmware-vars", bios, dir.resolve("mine.fd"));
    }

    @Test
    void whatIsNoFirmwareOrNoStoreIsSaidToBeNone() throws IOException {
        Path text = Files.writeString(dir.resolve("letter.txt"), "Dear reader");
        mistake("--firmware: " + text + " is no firmware", text, null);
        mistake("--firmware-vars: " + text, code, text);
        mistake("--firmware-vars: " + code, code, code);
        mistake("system management mode", Files.copy(code, dir.resolve("OVMF_CODE_4M.secboot.fd")), null);
        Files.delete(dir.resolve("OVMF_VARS_4M.fd"));
        mistake("no template", code, null);
        mistake("no template", code, dir.resolve("mine.fd"));
    }

    @Test
    void aNameThatIsNoPackagesIsAFile() {
        assertEquals(Path.of("./seabios"), FirmwareSpec.find("./seabios"));
        assertEquals(Path.of("bios.bin"), FirmwareSpec.find("bios.bin"));
    }
}
