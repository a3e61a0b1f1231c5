package dev.jvisor.devices.motherboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.devices.testing.ScriptedBackend;
import dev.jvisor.vmm.acpi.AcpiConfig;
import dev.jvisor.vmm.backend.Backend;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FirmwareBoardTest {
    private static final long MEMORY = 16 << 20;
    private static final int ROM_BYTES = 64 << 10;

    private final ConsoleSerialBackend console = new ConsoleSerialBackend();

    /** Firmware that stays in its chip below 4 GiB and prints the first byte of F0000h: shadow off, open, locked. */
    private static byte[] probe() {
        byte[] rom = new byte[ROM_BYTES];
        rom[0] = 'R';
        byte[] code = HexFormat.of().parseHex(
                "b800f08ed8" // mov ax, F000h; mov ds, ax
                + "a00000baf803ee" // mov al, [0]; print
                + "c606000058" + "a00000ee" // mov byte [0], 'X'; print what is there
                + "66b858000080baf80c66ef" // PCI address: host bridge, PAM0
                + "b030bafd0cee" // readable and writable
                + "c606000057" + "a00000baf803ee" // mov byte [0], 'W'; print
                + "b010bafd0cee" // readable
                + "c606000058" + "a00000baf803ee" // mov byte [0], 'X'; print
                + "b006baf90cee" // reset
                + "f4ebfd");
        System.arraycopy(code, 0, rom, 0xE000, code.length);
        // The reset vector: jmp near to E000h of the same segment.
        System.arraycopy(HexFormat.of().parseHex("e90de0"), 0, rom, ROM_BYTES - 16, 3);
        return rom;
    }

    private void runProbe(Backend backend) throws InterruptedException {
        try (Partition p = Partition.create(backend, PartitionConfig.of("probe", MEMORY))) {
            new Motherboard(p, MotherboardConfig.of(console).withFirmware(FirmwareConfig.of(probe())));
            p.start();
            assertEquals(StopReason.RESET, p.awaitStop(Duration.ofSeconds(30)));
            assertEquals("RRWW", console.output());
        }
    }

    @Test
    void aProcessorStartsInTheChipAndShadowsIt() throws Exception {
        runProbe(new SoftwareBackend());
    }

    @Test
    @Tag("kvm")
    void aRealProcessorStartsInTheChipAndShadowsIt() throws Exception {
        Assumptions.assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no access to /dev/kvm");
        try (KvmBackend kvm = KvmBackend.open()) {
            runProbe(kvm);
        }
    }

    @Test
    void aRestartFindsTheChipAgain() throws Exception {
        try (Partition p = Partition.create(new SoftwareBackend(), PartitionConfig.of("probe", MEMORY).withRestartOnReset(true))) {
            new Motherboard(p, MotherboardConfig.of(console).withFirmware(FirmwareConfig.of(probe())));
            p.start();
            while (console.output().length() < 12) {
                assertNull(p.awaitStop(Duration.ofMillis(20)));
            }
            assertEquals("RRWWRRWWRRWW", console.output().substring(0, 12));
        }
    }

    private static int port(PortSpace ports, int port, int size) {
        return ports.find(port).portRead(0, port, size);
    }

    private static void config(PortSpace ports, int function, int offset, int size, int value) {
        PortDevice pci = ports.find(0xCF8);
        pci.portWrite(0, 0xCF8, 4, 0x80000000 | function << 8 | offset & 0xFC);
        pci.portWrite(0, 0xCFC + (offset & 3), size, value);
    }

    private static byte[] item(PortSpace ports, int key, int length) {
        ports.find(0x510).portWrite(0, 0x510, 2, key);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) port(ports, 0x511, 1);
        }
        return bytes;
    }

    /** {@return a file, found through the directory} */
    private static byte[] file(PortSpace ports, String name) {
        int count = ByteBuffer.wrap(item(ports, 0x19, 4)).getInt();
        ByteBuffer directory = ByteBuffer.wrap(item(ports, 0x19, 4 + count * 64));
        for (int i = 0; i < count; i++) {
            int at = 4 + i * 64;
            String found = new String(directory.array(), at + 8, 56, StandardCharsets.US_ASCII).trim();
            if (found.equals(name)) {
                return item(ports, directory.getShort(at + 4), directory.getInt(at));
            }
        }
        return null;
    }

    @Test
    void firmwareIsToldOfTheMachine() {
        FirmwareConfig firmware = FirmwareConfig.of(probe()).withVgaRom(new byte[] {0x55, (byte) 0xAA}).withVmbus(true)
                .withBootOrder(List.of("/first", "/second"));
        try (Partition p = Partition.create(new ScriptedBackend(h -> { }), PartitionConfig.of("told", MEMORY).withProcessors(2))) {
            Motherboard board = new Motherboard(p, MotherboardConfig.of(console).withFirmware(firmware));
            PortSpace ports = p.ports();
            assertEquals("/first\n/second\0", new String(file(ports, "bootorder"), StandardCharsets.US_ASCII));
            assertArrayEquals(new byte[] {0x55, (byte) 0xAA}, file(ports, "vgaroms/vgabios.bin"));
            assertEquals(1, item(ports, 4, 2)[0], "the serial line is the console");
            assertNotNull(file(ports, "etc/table-loader"));
            assertEquals(36, file(ports, "etc/acpi/rsdp").length);
            config(ports, 0, 0x2C, 4, 0);
            assertEquals(0x11001AF4, port(ports, 0xCFC, 4), "the id that firmware knows QEMU's boards by");
            assertEquals(new AcpiConfig(2, true, List.of(AcpiConfig.COM1), true, 0x600, 0x8000_0000L), board.acpi());
        }
    }

    /** Firmware chooses the PM base first and asks for the tables afterwards. */
    @Test
    void theTablesSayWhereFirmwareHasPutThePowerManagement() {
        try (Partition p = Partition.create(new ScriptedBackend(h -> { }), PartitionConfig.of("tables", MEMORY))) {
            Motherboard board = new Motherboard(p, MotherboardConfig.of(console).withFirmware(FirmwareConfig.of(probe())));
            PortSpace ports = p.ports();
            int size = file(ports, "etc/acpi/tables").length;
            config(ports, 1 << 3 | 3, 0x40, 4, 0xB001);
            config(ports, 1 << 3 | 3, 0x80, 1, 1);
            assertEquals(0xB000, board.acpi().pmBase());
            byte[] tables = file(ports, "etc/acpi/tables");
            assertEquals(size, tables.length);
            int fadt = new String(tables, StandardCharsets.ISO_8859_1).indexOf("FACP");
            assertEquals(0xB004, ByteBuffer.wrap(tables).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt(fadt + 64));
            assertEquals(0xFF, port(ports, 0xB001, 1) | 0xFF);
        }
    }

    @Test
    void variablesLieBelowTheCode() {
        byte[] variables = new byte[32 << 10];
        variables[0] = 0x42;
        long[] changed = {-1};
        FirmwareConfig firmware = FirmwareConfig.of(probe()).withVariables(variables, (offset, bytes) -> changed[0] = offset);
        try (Partition p = Partition.create(new ScriptedBackend(h -> { }), PartitionConfig.of("variables", MEMORY))) {
            new Motherboard(p, MotherboardConfig.of(console).withFirmware(firmware));
            long at = MemoryLayout.ABOVE_4G - ROM_BYTES - variables.length;
            assertEquals(0x42, p.gpa().read8(at));
            GpaRegion flash = p.gpa().find(at);
            flash.device().mmioWrite(0, 16, 1, 0x10);
            flash.device().mmioWrite(0, 16, 1, 0x43);
            assertEquals(16, changed[0]);
        }
    }

    @Test
    void stateMovesToAnotherBoard() {
        FirmwareConfig firmware = FirmwareConfig.of(probe()).withVariables(new byte[8192], (offset, bytes) -> { });
        MotherboardConfig config = MotherboardConfig.of(console).withFirmware(firmware);
        ScriptedBackend backend = new ScriptedBackend(h -> { });
        try (Partition p = Partition.create(backend, PartitionConfig.of("from", MEMORY));
                Partition q = Partition.create(backend, PartitionConfig.of("to", MEMORY))) {
            Motherboard from = new Motherboard(p, config);
            Motherboard to = new Motherboard(q, config);
            config(p.ports(), 0, 0x59, 1, 0x30);
            config(p.ports(), 1 << 3 | 3, 0x40, 4, 0x0601);
            config(p.ports(), 1 << 3 | 3, 0x80, 1, 1);
            to.restore(from.save());
            assertEquals(GpaRegion.Kind.RAM, q.gpa().find(0xF0000).kind());
            assertNotNull(q.ports().find(0x604));
        }
    }
}
