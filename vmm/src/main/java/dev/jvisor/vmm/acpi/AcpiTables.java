package dev.jvisor.vmm.acpi;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The ACPI tables of a partition: RSDP, RSDT, XSDT, FADT, FACS, MADT, DSDT (ACPI 6.5, chapter 5). Without firmware they are put inside
 * 0xE0000-0xFFFFF, where a guest that is not told searches for them; firmware takes them as an {@link AcpiImage} and places them itself.
 * They describe what module devices builds: PM registers, SCI 9, reset register 0xCF9, ISA timer on I/O APIC pin 2, PCI interrupts on pins 16
 * to 23.
 */
public final class AcpiTables {
    /** GPA of the root pointer without firmware, and first byte of the area used. */
    public static final long RSDP = 0xE0000;

    private static final long TABLES = RSDP + 64;
    /** The FACS comes first. */
    private static final long FACS = TABLES;
    /** Firmware_Waking_Vector in the FACS (5.2.10). */
    private static final int WAKING_VECTOR = 12;
    private static final long AREA_END = 0x100000;
    private static final int HEADER = 36;
    private static final int HEADER_SUM = 9;
    private static final int RSDP_SIZE = 36;
    /** The part of the root pointer that revision 0 had, with a checksum of its own. */
    private static final int RSDP_OLD_SIZE = 20;
    private static final int FACS_SIZE = 64;
    private static final int FADT_SIZE = 268;
    private static final int SCI = 9;
    private static final int RESET_PORT = 0xCF9;
    private static final int RESET_VALUE = 6;

    // FADT flags, ACPI 6.5 table 5.10. The power button is a fixed one (bit 4 clear), and
    // so is the RTC's wake event (bit 6 clear); there is no sleep button (bit 5 set).
    private static final int WBINVD = 1, PROC_C1 = 1 << 2, SLP_BUTTON = 1 << 5, TMR_VAL_EXT = 1 << 8, RESET_REG_SUP = 1 << 10;
    // IA-PC boot architecture flags, table 5.11.
    private static final int LEGACY_DEVICES = 1, HAS_8042 = 1 << 1, NO_VGA = 1 << 2;
    // MADT interrupt flags, table 5.26: active high, level.
    private static final int ACTIVE_HIGH_LEVEL = 0xD;

    private final ByteArrayOutputStream tables = new ByteArrayOutputStream();
    private final List<Integer> starts = new ArrayList<>();
    private final List<AcpiImage.Pointer> pointers = new ArrayList<>();
    private final List<AcpiImage.Sum> sums = new ArrayList<>();

    private AcpiTables() { }

    /**
     * Writes the tables where a guest searches for them.
     *
     * @param gpa RAM as {@link MemoryLayout} has it
     * @param config what they are to say
     * @return the GPA of the root pointer
     */
    public static long write(GpaSpace gpa, AcpiConfig config) {
        placed(config).forEach(gpa::write);
        return RSDP;
    }

    /** {@return every table by its address, the root pointer first} */
    static Map<Long, byte[]> placed(AcpiConfig config) {
        AcpiImage image = build(config);
        if (TABLES + image.tables().length > AREA_END) {
            throw new IllegalStateException("ACPI tables do not fit: bytes=" + image.tables().length);
        }
        return image.place(RSDP, TABLES);
    }

    /** {@return where a guest wants to be woken from S3, in real mode; 0 for nowhere} Of tables that {@link #write} has put there. */
    public static long wakingVector(GpaSpace gpa) {
        return Integer.toUnsignedLong(gpa.read32(FACS + WAKING_VECTOR));
    }

    /** {@return the tables, without addresses} Their size depends on processors, VGA, serial ports and VMBus only. */
    public static AcpiImage build(AcpiConfig config) {
        return new AcpiTables().all(config);
    }

    private AcpiImage all(AcpiConfig config) {
        int facs = add(ByteBuffer.allocate(FACS_SIZE).order(ByteOrder.LITTLE_ENDIAN)
                .put("FACS".getBytes(StandardCharsets.US_ASCII)).putInt(FACS_SIZE).put(32, (byte) 2).array());
        int dsdt = table("DSDT", 2, Dsdt.build(config));
        int fadt = fadt(config, facs, dsdt);
        int madt = madt(config);
        int xsdt = table("XSDT", 1, ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(fadt).putLong(madt).array());
        pointer(xsdt + HEADER, 8);
        pointer(xsdt + HEADER + 8, 8);
        // For boot loaders that know no other: GRUB switches off by the tables that it finds there.
        int rsdt = table("RSDT", 1, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(fadt).putInt(madt).array());
        pointer(rsdt + HEADER, 4);
        pointer(rsdt + HEADER + 4, 4);
        return new AcpiImage(root(rsdt, xsdt), tables.toByteArray(), starts, pointers, sums);
    }

    /** {@return where it begins} */
    private int add(byte[] table) {
        while (tables.size() % 16 != 0) {
            tables.write(0);
        }
        int at = tables.size();
        starts.add(at);
        tables.writeBytes(table);
        return at;
    }

    private void pointer(int at, int size) {
        pointers.add(new AcpiImage.Pointer(false, at, size));
    }

    /** Adds a table with its header (5.2.6). {@return where it begins} */
    private int table(String signature, int revision, byte[] content) {
        ByteBuffer b = ByteBuffer.allocate(HEADER + content.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(b.capacity()).put((byte) revision).put((byte) 0);
        b.put("JVISOR".getBytes(StandardCharsets.US_ASCII)).put("JVISORPC".getBytes(StandardCharsets.US_ASCII)).putInt(1);
        b.put("JVSR".getBytes(StandardCharsets.US_ASCII)).putInt(1).put(content);
        int at = add(b.array());
        sums.add(new AcpiImage.Sum(false, at + HEADER_SUM, at, b.capacity()));
        return at;
    }

    private byte[] root(int rsdt, int xsdt) {
        ByteBuffer b = ByteBuffer.allocate(RSDP_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.put("RSD PTR ".getBytes(StandardCharsets.US_ASCII)).put((byte) 0).put("JVISOR".getBytes(StandardCharsets.US_ASCII)).put((byte) 2);
        b.putInt(rsdt).putInt(RSDP_SIZE).putLong(xsdt);
        pointers.add(new AcpiImage.Pointer(true, 16, 4));
        pointers.add(new AcpiImage.Pointer(true, 24, 8));
        sums.add(new AcpiImage.Sum(true, 8, 0, RSDP_OLD_SIZE));
        sums.add(new AcpiImage.Sum(true, 32, 0, RSDP_SIZE));
        return b.array();
    }

    /** Offsets as in table 5.9, less the header. */
    private int fadt(AcpiConfig config, int facs, int dsdt) {
        int pm = config.pmBase();
        ByteBuffer b = ByteBuffer.allocate(FADT_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(36, facs).putInt(40, dsdt);
        b.putShort(46, (short) SCI);
        // SMI_CMD stays 0: the partition is always in ACPI mode.
        b.putInt(56, pm).putInt(64, pm + 4).putInt(76, pm + 8);
        b.put(88, (byte) 4).put(89, (byte) 2).put(91, (byte) 4);
        // C2 and C3 are not there: latencies beyond the limits.
        b.putShort(96, (short) 0xFFF).putShort(98, (short) 0xFFF);
        b.put(108, (byte) 0x32);
        b.putShort(109, (short) (LEGACY_DEVICES | HAS_8042 | (config.vga() ? 0 : NO_VGA)));
        b.putInt(112, WBINVD | PROC_C1 | SLP_BUTTON | TMR_VAL_EXT | RESET_REG_SUP);
        port(b, 116, 8, 1, RESET_PORT);
        b.put(128, (byte) RESET_VALUE);
        b.put(131, (byte) 1);
        // X_FIRMWARE_CTRL stays 0: only one of the two may say where the FACS is.
        b.putLong(140, dsdt);
        port(b, 148, 32, 2, pm);
        port(b, 172, 16, 2, pm + 4);
        port(b, 208, 32, 3, pm + 8);
        byte[] content = new byte[FADT_SIZE - HEADER];
        b.get(HEADER, content);
        int at = table("FACP", 5, content);
        pointer(at + 36, 4);
        pointer(at + 40, 4);
        pointer(at + 140, 8);
        return at;
    }

    /** A generic address in I/O space (5.2.3.2). */
    private static void port(ByteBuffer b, int at, int bits, int accessSize, int port) {
        b.put(at, (byte) 1).put(at + 1, (byte) bits).put(at + 2, (byte) 0).put(at + 3, (byte) accessSize).putLong(at + 4, port);
    }

    private int madt(AcpiConfig config) {
        ByteBuffer b = ByteBuffer.allocate(8 + config.processors() * 8 + 12 + 2 * 10 + 6).order(ByteOrder.LITTLE_ENDIAN);
        // PCAT_COMPAT: there is a PIC too.
        b.putInt((int) MemoryLayout.LOCAL_APIC).putInt(1);
        for (int i = 0; i < config.processors(); i++) {
            b.put((byte) 0).put((byte) 8).put((byte) i).put((byte) i).putInt(1);
        }
        b.put((byte) 1).put((byte) 12).put((byte) 0).put((byte) 0).putInt((int) MemoryLayout.IO_APIC).putInt(0);
        interruptOverride(b, 0, 2, 0);
        interruptOverride(b, SCI, SCI, ACTIVE_HIGH_LEVEL);
        // NMI on LINT1 of every processor.
        b.put((byte) 4).put((byte) 6).put((byte) 0xFF).putShort((short) 0).put((byte) 1);
        return table("APIC", 4, b.array());
    }

    private static void interruptOverride(ByteBuffer b, int isa, int gsi, int flags) {
        b.put((byte) 2).put((byte) 10).put((byte) 0).put((byte) isa).putInt(gsi).putShort((short) flags);
    }
}
