package dev.jvisor.vmm.acpi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TableLoaderTest {
    private static final AcpiConfig CONFIG = AcpiConfig.of(3).withVga(true).withVmbus(true).withPmBase(0xB000);
    private static final long ROOT_AT = 0xF5A40, TABLES_AT = 0x0FFF_E000;

    private static String name(ByteBuffer b, int at) {
        int end = at;
        while (b.get(end) != 0) {
            end++;
        }
        return new String(b.array(), at, end - at, StandardCharsets.US_ASCII);
    }

    /** Firmware's side, written from the description of the commands. */
    private static Map<String, byte[]> execute(byte[] commands, Map<String, byte[]> files, Map<String, Long> places) {
        ByteBuffer b = ByteBuffer.wrap(commands).order(ByteOrder.LITTLE_ENDIAN);
        Map<String, byte[]> allocated = new HashMap<>();
        for (int at = 0; at < commands.length; at += 128) {
            String file = name(b, at + 4);
            switch (b.getInt(at)) {
                case 1 -> {
                    assertEquals(0, places.get(file) % b.getInt(at + 60), "alignment");
                    assertEquals(file.endsWith("rsdp") ? 2 : 1, b.get(at + 64), "zone");
                    allocated.put(file, files.get(file).clone());
                }
                case 2 -> {
                    ByteBuffer target = ByteBuffer.wrap(allocated.get(file)).order(ByteOrder.LITTLE_ENDIAN);
                    long base = places.get(name(b, at + 60));
                    int offset = b.getInt(at + 116);
                    if (b.get(at + 120) == 8) {
                        target.putLong(offset, target.getLong(offset) + base);
                    } else {
                        assertEquals(4, b.get(at + 120));
                        target.putInt(offset, target.getInt(offset) + (int) base);
                    }
                }
                case 3 -> {
                    byte[] target = allocated.get(file);
                    int sum = 0;
                    for (int i = b.getInt(at + 64); i < b.getInt(at + 64) + b.getInt(at + 68); i++) {
                        sum += target[i];
                    }
                    target[b.getInt(at + 60)] -= (byte) sum;
                }
                default -> throw new AssertionError("command " + b.getInt(at));
            }
        }
        return allocated;
    }

    @Test
    void firmwarePlacesTheTablesAsWeWould() {
        AcpiImage image = AcpiTables.build(CONFIG);
        Map<String, byte[]> done = execute(TableLoader.commands(image), Map.of(TableLoader.ROOT, image.root(), TableLoader.TABLES, image.tables()),
                Map.of(TableLoader.ROOT, ROOT_AT, TableLoader.TABLES, TABLES_AT));
        Map<Long, byte[]> ours = image.place(ROOT_AT, TABLES_AT);
        assertArrayEquals(ours.get(ROOT_AT), done.get(TableLoader.ROOT));
        byte[] tables = done.get(TableLoader.TABLES);
        assertEquals(7, ours.size());
        ours.forEach((at, table) -> {
            if (at != ROOT_AT) {
                byte[] theirs = new byte[table.length];
                System.arraycopy(tables, (int) (at - TABLES_AT), theirs, 0, table.length);
                assertArrayEquals(table, theirs);
            }
        });
    }

    @Test
    void theSizeDoesNotDependOnWhatFirmwareChooses() {
        assertEquals(AcpiTables.build(CONFIG).tables().length,
                AcpiTables.build(CONFIG.withPmBase(0x600).withPciMemory(0x8000_0000L)).tables().length);
        assertArrayEquals(TableLoader.commands(AcpiTables.build(CONFIG)),
                TableLoader.commands(AcpiTables.build(CONFIG.withPmBase(0x600).withPciMemory(0x8000_0000L))));
        assertTrue(TableLoader.commands(AcpiTables.build(CONFIG)).length % 128 == 0);
    }
}
