package dev.jvisor.vmm.acpi;

import static org.junit.jupiter.api.Assertions.*;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcpiTablesTest {
    private static final AcpiConfig CONFIG = AcpiConfig.of(4).withVga(true).withVmbus(true)
            .withSerial(List.of(AcpiConfig.COM1, new AcpiConfig.SerialPort(2, 0x2F8, 3)));

    @TempDir
    Path dir;

    private static int sum(GpaSpace gpa, long at, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += gpa.read8(at + i);
        }
        return sum & 0xFF;
    }

    private static String signature(GpaSpace gpa, long at, int length) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < length; i++) {
            s.append((char) gpa.read8(at + i));
        }
        return s.toString();
    }

    /** Walks the tables as a guest does: root pointer, XSDT, each table, and from the FADT to DSDT and FACS. */
    @Test
    void aGuestFindsEveryTableWithARightChecksum() {
        try (Arena arena = Arena.ofConfined()) {
            GpaSpace gpa = new GpaSpace(arena.allocate(4 << 20, 4096));
            MemoryLayout.mapRam(gpa, 4 << 20);
            long rsdp = AcpiTables.write(gpa, CONFIG);
            assertEquals("RSD PTR ", signature(gpa, rsdp, 8));
            assertEquals(0, rsdp & 15);
            assertEquals(0, sum(gpa, rsdp, 20));
            assertEquals(0, sum(gpa, rsdp, 36));
            long xsdt = gpa.read64(rsdp + 24);
            assertEquals("XSDT", signature(gpa, xsdt, 4));
            assertEquals(0, sum(gpa, xsdt, gpa.read32(xsdt + 4)));
            StringBuilder found = new StringBuilder();
            for (int at = 36; at < gpa.read32(xsdt + 4); at += 8) {
                long table = gpa.read64(xsdt + at);
                found.append(signature(gpa, table, 4)).append(' ');
                assertEquals(0, sum(gpa, table, gpa.read32(table + 4)), found.toString());
                if (found.toString().equals("FACP ")) {
                    long dsdt = gpa.read64(table + 140);
                    assertEquals("DSDT", signature(gpa, dsdt, 4));
                    assertEquals(0, sum(gpa, dsdt, gpa.read32(dsdt + 4)));
                    assertEquals(gpa.read32(table + 40), dsdt);
                    assertEquals("FACS", signature(gpa, gpa.read32(table + 36), 4));
                    assertEquals(0, gpa.read32(table + 36) & 63);
                    assertEquals(0x604, gpa.read32(table + 64));
                    assertEquals(0, gpa.read32(table + 112) & 1 << 20, "not hardware-reduced");
                }
            }
            assertEquals("FACP APIC ", found.toString());
        }
    }

    /** GRUB 2.06 looked through memory without end for a table to halt by. */
    @Test
    void theOldRootTableNamesTheSameTables() {
        try (Arena arena = Arena.ofConfined()) {
            GpaSpace gpa = new GpaSpace(arena.allocate(4 << 20, 4096));
            MemoryLayout.mapRam(gpa, 4 << 20);
            long rsdp = AcpiTables.write(gpa, CONFIG);
            long rsdt = gpa.read32(rsdp + 16);
            assertEquals("RSDT", signature(gpa, rsdt, 4));
            assertEquals(0, sum(gpa, rsdt, gpa.read32(rsdt + 4)));
            assertEquals(36 + 2 * 4, gpa.read32(rsdt + 4));
            long xsdt = gpa.read64(rsdp + 24);
            for (int i = 0; i < 2; i++) {
                assertEquals(gpa.read64(xsdt + 36 + 8 * i), gpa.read32(rsdt + 36 + 4 * i));
            }
        }
    }

    @Test
    void amlLengthsOfAllSizes() {
        for (int n : new int[] {0, 10, 56, 57, 58, 59, 100, 4085, 4086, 4087, 5000, 70_000}) {
            byte[] aml = new Aml().scope("ABCD", a -> {
                for (int i = 0; i < n; i++) {
                    a.integer(0);
                }
            }).bytes();
            int extra = aml[1] >> 6 & 3;
            int length = extra == 0 ? aml[1] : aml[1] & 0xF;
            for (int i = 0; i < extra; i++) {
                length |= Byte.toUnsignedInt(aml[2 + i]) << 4 + 8 * i;
            }
            assertEquals(aml.length - 1, length, "n=" + n);
        }
    }

    @Test
    void sixtyFourProcessorsFit() {
        Map<Long, byte[]> tables = AcpiTables.placed(AcpiConfig.of(64));
        long end = 0;
        for (Map.Entry<Long, byte[]> e : tables.entrySet()) {
            assertTrue(e.getKey() >= AcpiTables.RSDP && e.getKey() + e.getValue().length <= 0x100000);
            end = Math.max(end, e.getKey() + e.getValue().length);
        }
        assertTrue(end > AcpiTables.RSDP + 64 * 20);
    }

    private String run(String... command) throws Exception {
        Process p;
        try {
            p = new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true).start();
        } catch (IOException e) {
            Assumptions.abort("iasl (package acpica-tools) is not installed");
            return "";
        }
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(p.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, p.exitValue(), out);
        return out;
    }

    @Test
    void iaslDisassemblesTheTablesAndCompilesTheDsdtAgain() throws Exception {
        for (byte[] table : AcpiTables.placed(CONFIG).values()) {
            String name = new String(table, 0, 4, StandardCharsets.US_ASCII);
            if (name.equals("RSD ")) {
                continue;
            }
            Files.write(dir.resolve(name + ".aml"), table);
            String out = run("iasl", "-d", name + ".aml");
            assertFalse(out.contains("Error") || out.contains("Invalid") || out.contains("Incorrect checksum"), out);
        }
        String dsl = Files.readString(dir.resolve("DSDT.dsl"));
        assertTrue(dsl.contains("EisaId (\"PNP0A03\")") && dsl.contains("_S5") && dsl.contains("COM2") && dsl.contains("\"VMBus\""), dsl);
        assertFalse(dsl.contains("Unknown") || dsl.contains("ZERO_WITH"), dsl);
        // The id is Hyper-V's own, and no id by the letter of the standard.
        Files.writeString(dir.resolve("DSDT.dsl"), dsl.replace("\"VMBus\"", "\"VMBS0001\""));
        String again = run("iasl", "DSDT.dsl");
        assertTrue(again.contains("0 Errors, 0 Warnings"), again);
        String madt = Files.readString(dir.resolve("APIC.dsl"));
        assertTrue(madt.contains("Interrupt Source Override") && madt.contains("Local APIC NMI"), madt);
    }
}
