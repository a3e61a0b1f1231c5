package dev.jvisor.vmm.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What tells firmware how to place an {@link AcpiImage}: commands of 128 bytes that allocate memory for named files, add addresses of one into
 * another, and sum up. Little endian; file names are 56 bytes with their NUL. Source: QEMU, {@code hw/acpi/bios-linker-loader.c}.
 *
 * <pre>
 *   1 ALLOCATE      name @4, u32 alignment @60, u8 zone @64 (1 anywhere, 2 in F0000h-FFFFFh)
 *   2 ADD POINTER   name of what is changed @4, name of what is pointed to @60, u32 offset @116, u8 size @120
 *   3 ADD CHECKSUM  name @4, u32 offset of the sum @60, u32 first byte @64, u32 bytes @68
 * </pre>
 */
public final class TableLoader {
    /** Name of the file with the tables. */
    public static final String TABLES = "etc/acpi/tables";
    /** Name of the file with the root pointer. */
    public static final String ROOT = "etc/acpi/rsdp";
    /** Name of the file with the commands. */
    public static final String COMMANDS = "etc/table-loader";

    private static final int COMMAND = 128, NAME = 56;
    private static final int ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3;
    private static final int ANYWHERE = 1, LOW = 2;
    private static final int TABLES_ALIGNMENT = 64, ROOT_ALIGNMENT = 16;

    private TableLoader() { }

    /** {@return the commands for an image whose parts are in the files {@link #TABLES} and {@link #ROOT}} */
    public static byte[] commands(AcpiImage image) {
        ByteBuffer out = ByteBuffer.allocate(COMMAND * (2 + image.pointers().size() + image.sums().size())).order(ByteOrder.LITTLE_ENDIAN);
        int at = 0;
        at = allocate(out, at, TABLES, TABLES_ALIGNMENT, ANYWHERE);
        at = allocate(out, at, ROOT, ROOT_ALIGNMENT, LOW);
        for (AcpiImage.Pointer p : image.pointers()) {
            out.putInt(at, ADD_POINTER);
            name(out, at + 4, p.inRoot() ? ROOT : TABLES);
            name(out, at + 4 + NAME, TABLES);
            out.putInt(at + 4 + 2 * NAME, p.offset()).put(at + 8 + 2 * NAME, (byte) p.size());
            at += COMMAND;
        }
        for (AcpiImage.Sum s : image.sums()) {
            out.putInt(at, ADD_CHECKSUM);
            name(out, at + 4, s.inRoot() ? ROOT : TABLES);
            out.putInt(at + 4 + NAME, s.offset()).putInt(at + 8 + NAME, s.start()).putInt(at + 12 + NAME, s.length());
            at += COMMAND;
        }
        return out.array();
    }

    private static int allocate(ByteBuffer out, int at, String file, int alignment, int zone) {
        out.putInt(at, ALLOCATE);
        name(out, at + 4, file);
        out.putInt(at + 4 + NAME, alignment).put(at + 8 + NAME, (byte) zone);
        return at + COMMAND;
    }

    private static void name(ByteBuffer out, int at, String file) {
        out.put(at, file.getBytes(StandardCharsets.US_ASCII));
    }
}
