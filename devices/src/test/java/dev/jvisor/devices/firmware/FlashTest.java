package dev.jvisor.devices.firmware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FlashTest {
    private static final long AT = 0xFFC0_0000L;
    private static final int BYTES = 16 << 10;

    @TempDir
    Path dir;

    private final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(1 << 20, 4096));
    private final byte[] kept = content();
    private final Flash flash = new Flash(gpa, AT, content(), (offset, changed) -> {
        for (int i = 0; i < changed.byteSize(); i++) {
            kept[(int) offset + i] = changed.get(ValueLayout.JAVA_BYTE, i);
        }
    });

    private static byte[] content() {
        byte[] b = new byte[BYTES];
        for (int i = 0; i < BYTES; i++) {
            b[i] = (byte) (i * 7 + 3);
        }
        return b;
    }

    private void write(long offset, int... values) {
        for (int v : values) {
            GpaRegion r = gpa.find(AT + offset);
            r.device().mmioWrite(0, offset, 1, v);
        }
    }

    /** Reads as a VP does: memory where there is memory, else the device. */
    private int read(long offset) {
        GpaRegion r = gpa.find(AT + offset);
        return r.hostOffset() >= 0 ? gpa.read8(AT + offset) : (int) r.device().mmioRead(0, offset, 1);
    }

    @Test
    void betweenCommandsItIsMemory() {
        assertEquals(GpaRegion.Kind.ROM, gpa.find(AT).kind());
        assertEquals(content()[5] & 0xFF, read(5));
        write(0, 0x70);
        assertEquals(GpaRegion.Kind.MMIO, gpa.find(AT).kind());
        write(0, 0xFF);
        assertEquals(GpaRegion.Kind.ROM, gpa.find(AT).kind());
    }

    /** OVMF tells flash from RAM and ROM by this, and counts on a status of 0 after it was cleared. */
    @Test
    void firmwareFindsFlash() {
        write(1, 0x50);
        assertEquals(content()[1] & 0xFF, read(1));
        write(1, 0x70);
        assertEquals(0, read(1));
        write(1, 0xFF);
        assertEquals(content()[1] & 0xFF, read(1));
    }

    @Test
    void bytesAreProgrammed() {
        write(100, 0x10, 0xA5, 0x40, 0x5A);
        assertEquals(0x80, read(0), "ready");
        write(0, 0xFF);
        assertEquals(0x5A, read(100));
        assertEquals(0x5A, kept[100] & 0xFF);
        assertEquals(content()[101], kept[101]);
    }

    @Test
    void blocksAreErased() {
        write(4096 + 17, 0x20, 0xD0);
        assertEquals(0x80, read(4096));
        write(0, 0xFF);
        byte[] expected = content();
        Arrays.fill(expected, 4096, 8192, (byte) 0xFF);
        assertArrayEquals(expected, kept);
        assertEquals(0xFF, read(8191));
        assertEquals(expected[8192] & 0xFF, read(8192));
    }

    @Test
    void anEraseThatIsNotConfirmedDoesNothing() {
        write(0, 0x20, 0x12);
        assertEquals(GpaRegion.Kind.ROM, gpa.find(AT).kind());
        assertArrayEquals(content(), kept);
        write(0, 0x70);
        assertEquals(0xB0, read(0), "ready, with both errors of a bad sequence");
        write(0, 0x50);
        write(0, 0x20, 0xFF);
        assertArrayEquals(content(), kept);
    }

    @Test
    void buffersAreProgrammedInOneGo() {
        write(256, 0xE8, 3);
        write(260, 1);
        write(261, 2);
        write(262, 3);
        write(263, 4);
        assertArrayEquals(content(), kept, "not before it is confirmed");
        write(256, 0xD0);
        write(0, 0xFF);
        byte[] expected = content();
        System.arraycopy(new byte[] {1, 2, 3, 4}, 0, expected, 260, 4);
        assertArrayEquals(expected, kept);
        write(256, 0xE8, 0, 9, 0x55);
        assertArrayEquals(expected, kept, "not confirmed");
    }

    @Test
    void itSaysWhatItIs() {
        write(0, 0x90);
        assertEquals(0x89, read(0));
        write(0, 0xFF);
        write(0, 0x98);
        assertEquals('Q', read(0x10));
        assertEquals('R', read(0x11));
        assertEquals('Y', read(0x12));
        assertEquals(BYTES, 1 << read(0x27));
        assertEquals(BYTES, (read(0x2D) + 1) * read(0x2F) * 256);
        write(0, 0xFF);
        assertEquals(content()[0] & 0xFF, read(0));
    }

    @Test
    void stateMovesInTheMiddleOfACommand() {
        GpaSpace other = new GpaSpace(Arena.ofAuto().allocate(1 << 20, 4096));
        byte[] changes = {0};
        Flash to = new Flash(other, AT, content(), (offset, changed) -> changes[0]++);
        write(7, 0x10);
        to.restore(flash.save());
        assertEquals(GpaRegion.Kind.MMIO, other.find(AT).kind());
        to.mmioWrite(0, 7, 1, 0x77);
        assertEquals(1, changes[0]);
        to.reset();
        assertEquals(0x77, other.read8(AT + 7));
    }

    @Test
    void noSequenceOfWritesMakesItThrow() {
        long seed = Long.getLong("jvisor.seed", new Random().nextLong());
        System.out.println("hostile guest against flash: -Djvisor.seed=" + seed);
        Random random = new Random(seed);
        int[] commands = {0x10, 0x20, 0x50, 0x60, 0x70, 0x90, 0x98, 0xE8, 0xD0, 0xFF, 0x01};
        for (int i = 0; i < 200_000; i++) {
            int size = 1 << random.nextInt(4);
            long offset = random.nextInt(BYTES - 8 + 1);
            if (random.nextInt(3) == 0) {
                flash.mmioRead(0, offset, size);
            } else {
                flash.mmioWrite(0, offset, size, random.nextBoolean() ? commands[random.nextInt(commands.length)] : random.nextLong());
            }
            if (random.nextInt(100) == 0) {
                flash.restore(flash.save());
            }
        }
        flash.reset();
        for (int i = 0; i < BYTES; i++) {
            assertEquals(kept[i] & 0xFF, read(i), "the keeper was told of every change");
        }
    }

    /** All in one basic block: a translation made for the array must not outlive the command that hides it. */
    @Test
    void aProcessorSeesTheStatusInTheInstructionAfterTheCommand() throws Exception {
        byte[] code = HexFormat.of().parseHex(
                "bf0000c0ff" // mov edi, FFC00000h
                + "8a07" // mov al, [edi]
                + "c60770" + "8a27" // mov byte [edi], 70h; mov ah, [edi]
                + "c60710" + "c6075a" + "8a1f" // program 5Ah; mov bl, [edi]
                + "c607ff" + "8a3f" // read the array; mov bh, [edi]
                + "f4");
        try (Partition p = Partition.create(new SoftwareBackend(), PartitionConfig.of("flash", 4 << 20))) {
            new Flash(p.gpa(), AT, content(), (offset, changed) -> { });
            p.setBootState(new FlatLoader(code, 0x100000, FlatLoader.Mode.PROTECTED32).load(p.gpa(), BootOptions.of(4 << 20)));
            p.start();
            assertEquals(StopReason.HALTED_FOREVER, p.awaitStop(Duration.ofSeconds(30)));
            VpState s = new VpState();
            p.processor(0).getState(s);
            assertEquals(0x0003, s.gpr[0] & 0xFFFF, "AX: the array, then a clear status");
            assertEquals(0x5A80, s.gpr[3] & 0xFFFF, "BX: ready, then what was programmed");
        }
    }

    @Test
    void aFileKeepsTheChangesAndHasOneWriter() throws Exception {
        Path file = dir.resolve("vars.fd");
        Files.write(file, content());
        try (FlashFile f = FlashFile.open(file)) {
            assertArrayEquals(content(), f.content());
            IOException second = assertThrows(IOException.class, () -> FlashFile.open(file));
            assertTrue(second.getMessage().contains("in use by another"), second.getMessage());
            GpaSpace other = new GpaSpace(Arena.ofAuto().allocate(1 << 20, 4096));
            Flash chip = new Flash(other, AT, f.content(), f);
            chip.mmioWrite(0, 9, 1, 0x10);
            chip.mmioWrite(0, 9, 1, 0x77);
        }
        byte[] expected = content();
        expected[9] = 0x77;
        assertArrayEquals(expected, Files.readAllBytes(file));
        try (FlashFile again = FlashFile.open(file)) {
            assertArrayEquals(expected, again.content());
        }
    }

    @Test
    void aFileOfAnotherSizeIsNoFlash() throws Exception {
        Path file = dir.resolve("odd.fd");
        Files.write(file, new byte[5000]);
        assertTrue(assertThrows(IOException.class, () -> FlashFile.open(file)).getMessage().contains("4 KiB"));
        assertThrows(IOException.class, () -> FlashFile.open(dir.resolve("none.fd")));
    }
}
