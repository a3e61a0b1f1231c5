package dev.jvisor.vmm.acpi;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The ACPI tables of a partition: RSDP, XSDT, FADT, FACS, MADT, DSDT (ACPI 6.5, chapter 5), all inside 0xE0000-0xFFFFF, where a guest that is
 * not told searches for them. They describe what module devices builds: PM registers at port 0x600, SCI 9, reset register 0xCF9, ISA timer on
 * I/O APIC pin 2, PCI interrupts on pins 16 to 23.
 */
public final class AcpiTables {
    /** First port of the power management registers: event block +0, control +4, timer +8. */
    public static final int PM_BASE = 0x600;
    /** GPA of the root pointer, and first byte of the area used. */
    public static final long RSDP = 0xE0000;

    private static final long FACS = RSDP + 64;
    /** Firmware_Waking_Vector in the FACS (5.2.10). */
    private static final int WAKING_VECTOR = 12;
    private static final long AREA_END = 0x100000;
    private static final int HEADER = 36;
    private static final int RSDP_SIZE = 36;
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

    private AcpiTables() { }

    /**
     * Writes the tables.
     *
     * @param gpa RAM as {@link MemoryLayout} has it
     * @param config what they are to say
     * @return the GPA of the root pointer
     */
    public static long write(GpaSpace gpa, AcpiConfig config) {
        build(config).forEach(gpa::write);
        return RSDP;
    }

    /** {@return where a guest wants to be woken from S3, in real mode; 0 for nowhere} */
    public static long wakingVector(GpaSpace gpa) {
        return Integer.toUnsignedLong(gpa.read32(FACS + WAKING_VECTOR));
    }

    /** {@return every table by its address, the root pointer first} */
    static Map<Long, byte[]> build(AcpiConfig config) {
        Map<Long, byte[]> placed = new LinkedHashMap<>();
        placed.put(RSDP, new byte[RSDP_SIZE]);
        long facs = FACS;
        byte[] facsBytes = ByteBuffer.allocate(FACS_SIZE).order(ByteOrder.LITTLE_ENDIAN)
                .put("FACS".getBytes(StandardCharsets.US_ASCII)).putInt(FACS_SIZE).put(32, (byte) 2).array();
        placed.put(facs, facsBytes);
        long at = facs + FACS_SIZE;

        long dsdt = at;
        at = place(placed, at, table("DSDT", 2, Dsdt.build(config)));
        List<Long> listed = new ArrayList<>();
        listed.add(at);
        at = place(placed, at, fadt(config, facs, dsdt));
        listed.add(at);
        at = place(placed, at, madt(config));
        ByteBuffer pointers = ByteBuffer.allocate(8 * listed.size()).order(ByteOrder.LITTLE_ENDIAN);
        listed.forEach(pointers::putLong);
        long xsdt = at;
        at = place(placed, at, table("XSDT", 1, pointers.array()));
        if (at > AREA_END) {
            throw new IllegalStateException("ACPI tables do not fit: end=0x" + Long.toHexString(at));
        }
        placed.put(RSDP, rsdp(xsdt));
        return placed;
    }

    private static long place(Map<Long, byte[]> placed, long at, byte[] table) {
        placed.put(at, table);
        return at + table.length + 15 & -16L;
    }

    /** A table with its header and checksum (5.2.6). */
    private static byte[] table(String signature, int revision, byte[] content) {
        ByteBuffer b = ByteBuffer.allocate(HEADER + content.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(b.capacity()).put((byte) revision).put((byte) 0);
        b.put("JVISOR".getBytes(StandardCharsets.US_ASCII)).put("JVISORPC".getBytes(StandardCharsets.US_ASCII)).putInt(1);
        b.put("JVSR".getBytes(StandardCharsets.US_ASCII)).putInt(1).put(content);
        b.put(9, checksum(b.array(), b.capacity()));
        return b.array();
    }

    private static byte checksum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }

    private static byte[] rsdp(long xsdt) {
        ByteBuffer b = ByteBuffer.allocate(RSDP_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.put("RSD PTR ".getBytes(StandardCharsets.US_ASCII)).put((byte) 0).put("JVISOR".getBytes(StandardCharsets.US_ASCII)).put((byte) 2);
        b.putInt(0).putInt(RSDP_SIZE).putLong(xsdt);
        b.put(8, checksum(b.array(), 20));
        b.put(32, checksum(b.array(), RSDP_SIZE));
        return b.array();
    }

    /** Offsets as in table 5.9, less the header. */
    private static byte[] fadt(AcpiConfig config, long facs, long dsdt) {
        ByteBuffer b = ByteBuffer.allocate(FADT_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(36, (int) facs).putInt(40, (int) dsdt);
        b.putShort(46, (short) SCI);
        // SMI_CMD stays 0: the partition is always in ACPI mode.
        b.putInt(56, PM_BASE).putInt(64, PM_BASE + 4).putInt(76, PM_BASE + 8);
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
        port(b, 148, 32, 2, PM_BASE);
        port(b, 172, 16, 2, PM_BASE + 4);
        port(b, 208, 32, 3, PM_BASE + 8);
        byte[] content = new byte[FADT_SIZE - HEADER];
        b.get(HEADER, content);
        return table("FACP", 5, content);
    }

    /** A generic address in I/O space (5.2.3.2). */
    private static void port(ByteBuffer b, int at, int bits, int accessSize, int port) {
        b.put(at, (byte) 1).put(at + 1, (byte) bits).put(at + 2, (byte) 0).put(at + 3, (byte) accessSize).putLong(at + 4, port);
    }

    private static byte[] madt(AcpiConfig config) {
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
