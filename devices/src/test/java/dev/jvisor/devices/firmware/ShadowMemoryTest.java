package dev.jvisor.devices.firmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ShadowMemoryTest {
    private static final int ROM_BYTES = 256 << 10;
    private static final int OPEN = ShadowMemory.READ | ShadowMemory.WRITE;

    private final GpaSpace gpa = new GpaSpace(Arena.ofAuto().allocate(4 << 20, 4096));
    private final ShadowMemory shadow = shadow();

    private ShadowMemory shadow() {
        MemoryLayout.mapRam(gpa, 2 << 20);
        byte[] image = new byte[ROM_BYTES];
        for (int i = 0; i < ROM_BYTES; i++) {
            image[i] = (byte) (i >> 12);
        }
        return new ShadowMemory(gpa, new FirmwareRom(gpa, image));
    }

    private static int[] all(int attribute) {
        int[] a = new int[ShadowMemory.SEGMENTS];
        Arrays.fill(a, attribute);
        return a;
    }

    @Test
    void atFirstTheEndOfTheChipIsThereAndNothingBelow() {
        assertEquals(0x3F, gpa.read8(0xFFFF0));
        assertEquals(0x20, gpa.read8(0xE0000));
        assertEquals(0x3F, gpa.read8(0xFFFF_FFF0L));
        assertEquals(0x00, gpa.read8(0xFFFC_0000L));
        assertNull(gpa.find(0xC0000));
        assertNull(gpa.find(0xDFFFF));
        assertNull(gpa.ram(0xF0000, 1), "no device writes to the chip");
    }

    @Test
    void openSegmentsAreOneRegionOfRam() {
        shadow.set(all(OPEN));
        GpaRegion r = gpa.find(0xC0000);
        assertEquals(GpaRegion.Kind.RAM, r.kind());
        assertEquals(0x40000, r.size());
        assertNotNull(gpa.ram(0xC0000, 0x40000), "a file may be read across segments");
        gpa.write(0xF0000, new byte[] {1});
        assertEquals(1, gpa.read8(0xF0000));
        assertEquals(0x30, gpa.read8(0xFFFF_0000L), "the chip keeps what is in it");
    }

    @Test
    void lockedSegmentsKeepWhatWasWritten() {
        shadow.set(all(OPEN));
        gpa.write(0xC4000, new byte[] {7});
        gpa.write(0xF0000, new byte[] {8});
        int[] some = all(OPEN);
        some[1] = ShadowMemory.READ;
        some[12] = ShadowMemory.READ;
        shadow.set(some);
        assertEquals(GpaRegion.Kind.ROM, gpa.find(0xC4000).kind());
        assertEquals(0x4000, gpa.find(0xC4000).size());
        assertEquals(GpaRegion.Kind.RAM, gpa.find(0xC8000).kind());
        assertEquals(7, gpa.read8(0xC4000));
        assertEquals(8, gpa.read8(0xF0000));
        shadow.set(all(0));
        assertEquals(0x30, gpa.read8(0xF0000), "the chip again");
        shadow.set(all(OPEN));
        assertEquals(8, gpa.read8(0xF0000));
    }

    @Test
    void whatIsWrittenBehindTheChipIsFoundLater() {
        shadow.set(all(ShadowMemory.WRITE));
        for (long at : new long[] {0xC0000, 0xF0008}) {
            GpaRegion r = gpa.find(at);
            r.device().mmioWrite(0, at - r.gpa(), 4, 0x12345678);
            assertEquals(at == 0xC0000 ? -1 : 0x30, at == 0xC0000 ? r.device().mmioRead(0, 0, 4) : gpa.read8(at));
        }
        shadow.set(all(OPEN));
        assertEquals(0x12345678, gpa.read32(0xC0000));
        assertEquals(0x12345678, gpa.read32(0xF0008));
    }

    @Test
    void aSmallChipReachesAsFarDownAsItCan() {
        GpaSpace other = new GpaSpace(Arena.ofAuto().allocate(4 << 20, 4096));
        MemoryLayout.mapRam(other, 2 << 20);
        new ShadowMemory(other, new FirmwareRom(other, new byte[64 << 10]));
        assertNull(other.find(0xEC000));
        assertEquals(GpaRegion.Kind.ROM, other.find(0xF0000).kind());
    }

    @Test
    void firmwareIsWholePages() {
        assertThrows(IllegalArgumentException.class, () -> new FirmwareRom(gpa, new byte[100]));
        assertThrows(IllegalArgumentException.class, () -> new FirmwareRom(gpa, new byte[0]));
    }
}
