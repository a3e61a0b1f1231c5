package dev.jvisor.tools.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.tools.options.UserMistake;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DiskConfigTest {
    @Test
    void aFileAloneIsWritableOnScsiInWhateverFormat() {
        assertEquals(DiskConfig.of(Path.of("a.vhdx"), null), DiskConfig.parse("a.vhdx"));
    }

    @Test
    void wordsComeInAnyOrder() {
        DiskConfig all = new DiskConfig(Path.of("d/a.img"), DiskConfig.Bus.IDE, DiskConfig.Media.DISK, true, DiskFormat.RAW);
        assertEquals(all, DiskConfig.parse("d/a.img,bus=ide,readonly,format=raw"));
        assertEquals(all, DiskConfig.parse("d/a.img,format=raw,readonly,bus=ide"));
    }

    @Test
    void commasMayBePartOfTheName() {
        assertEquals(new DiskConfig(Path.of("a,b.img"), null, DiskConfig.Media.DISK, true, null), DiskConfig.parse("a,b.img,readonly"));
    }

    @Test
    void mistakesNameTheWordAndTheFix() {
        assertTrue(assertThrows(IllegalArgumentException.class, () -> DiskConfig.parse("a,bus=sata")).getMessage().contains("bus=scsi or bus=ide"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> DiskConfig.parse("a,format=qcow2")).getMessage().contains("format=raw"));
        assertThrows(IllegalArgumentException.class, () -> DiskConfig.parse(",readonly"));
        assertTrue(assertThrows(UserMistake.class, () -> DiskConfig.parse("/nowhere/a.img").open()).getMessage().startsWith("--disk: "));
    }
}
