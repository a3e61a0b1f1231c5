package dev.jvisor.devices.motherboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.devices.pm.PmRegisters;
import dev.jvisor.devices.serial.ComPort;
import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.devices.testing.ScriptedBackend;
import dev.jvisor.vmm.acpi.AcpiConfig;
import dev.jvisor.vmm.acpi.AcpiTables;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.StopReason;
import dev.jvisor.vmm.x86.SoftwareBackend;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class MotherboardTest {
    private final ConsoleSerialBackend console = new ConsoleSerialBackend();

    private StopReason run(MotherboardConfig config, Consumer<InterceptHandler> guest) throws InterruptedException {
        try (Partition p = Partition.create(new ScriptedBackend(guest), PartitionConfig.of("test", 16 << 20))) {
            new Motherboard(p, config);
            p.start();
            return p.awaitStop(Duration.ofSeconds(30));
        }
    }

    private static void print(InterceptHandler h, String text) {
        for (char c : text.toCharArray()) {
            h.portWrite(0, 0x3F8, 1, c);
        }
    }

    @Test
    void aGuestPrintsAndSwitchesOff() throws Exception {
        StopReason reason = run(MotherboardConfig.of(console), h -> {
            print(h, "hello\n");
            h.portWrite(0, 0x604, 2, 0x3400);
        });
        assertEquals(StopReason.POWER_OFF, reason);
        assertEquals("hello\n", console.output());
    }

    @Test
    void everyWayToResetResets() throws Exception {
        int[][] ways = {{0x64, 0xFE}, {0xCF9, 0x06}, {0x92, 0x03}};
        for (int[] way : ways) {
            StopReason reason = run(MotherboardConfig.of(console), h -> h.portWrite(0, way[0], 1, way[1]));
            assertEquals(StopReason.RESET, reason, Integer.toHexString(way[0]));
        }
    }

    @Test
    void theDebugExitPortIsThereWhenAskedFor() throws Exception {
        StopReason reason = run(MotherboardConfig.of(console).withDebugExit(true), h -> h.portWrite(0, 0xF4, 4, 42));
        assertEquals(StopReason.debugExit(42), reason);
        reason = run(MotherboardConfig.of(console), h -> {
            h.portWrite(0, 0xF4, 1, 42);
            h.portWrite(0, 0x604, 2, 0x3400);
        });
        assertEquals(StopReason.POWER_OFF, reason);
    }

    @Test
    void everyDebugExitPortEnds() throws Exception {
        assertEquals(StopReason.debugExit(7), run(MotherboardConfig.of(console).withDebugExit(true), h -> h.portWrite(0, 0xF7, 1, 7)));
    }

    @Test
    void testDevicesAreThereWhenAskedFor() throws Exception {
        int[] seen = new int[3];
        Consumer<InterceptHandler> guest = h -> {
            h.portWrite(0, 0xE0, 4, 0x12345678);
            seen[0] = h.portRead(0, 0xE8, 4);
            h.portWrite(0, 0x510, 2, 5);
            seen[1] = h.portRead(0, 0x511, 1);
            h.mmioWrite(0, 0xFF000010L, 4, 0x55);
            seen[2] = (int) h.mmioRead(0, 0xFF000010L, 4);
            h.portWrite(0, 0x604, 2, 0x3400);
        };
        run(MotherboardConfig.of(console).withTestDevices(true), guest);
        assertArrayEquals(new int[] {0x12345678, 1, 0x55}, seen);
        run(MotherboardConfig.of(console), guest);
        assertArrayEquals(new int[] {-1, 0xFF, -1}, seen);
    }

    @Test
    void testImagesInRealModeFindWhatFirmwareLeaves() throws Exception {
        try (Partition p = Partition.create(new SoftwareBackend(), PartitionConfig.of("test", 16 << 20))) {
            new Motherboard(p, MotherboardConfig.of(console).withTestDevices(true).withDebugExit(true));
            // sti; hlt; int 99h; mov ax, [46Ch]; out F4h, ax: the timer's interrupt ends the halt and was counted, others return
            byte[] code = HexFormat.of().parseHex("fbf4cd99a16c04e7f4");
            p.setBootState(new FlatLoader(code, 0x7C00, FlatLoader.Mode.REAL16).load(p.gpa(), BootOptions.of(16 << 20)));
            p.start();
            StopReason end = p.awaitStop(Duration.ofSeconds(30));
            assertEquals(StopReason.Kind.DEBUG_EXIT, end.kind());
            assertTrue(end.code() > 0, () -> "ticks: " + end.code());
        }
    }

    @Test
    void anX87ErrorIsIrq13UntilPortF0IsWritten() throws Exception {
        boolean[] goesOn = new boolean[2];
        int[] lines = new int[2];
        Motherboard[] board = new Motherboard[1];
        try (Partition p = Partition.create(new ScriptedBackend(h -> {
            goesOn[0] = h.coprocessorError(0);
            lines[0] = board[0].save().pic().slave().levels();
            h.portWrite(0, 0xF0, 1, 0);
            goesOn[1] = h.coprocessorError(0);
            lines[1] = board[0].save().pic().slave().levels();
            h.portWrite(0, 0x604, 2, 0x3400);
        }), PartitionConfig.of("test", 16 << 20))) {
            board[0] = new Motherboard(p, MotherboardConfig.of(console));
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(30)));
        }
        assertArrayEquals(new boolean[] {false, true}, goesOn, "IGNNE#");
        assertArrayEquals(new int[] {1 << 13 - 8, 0}, lines, "line 5 of the second PIC");
    }

    @Test
    void theDebugConsoleTakesText() throws Exception {
        ConsoleSerialBackend debug = new ConsoleSerialBackend();
        run(MotherboardConfig.of(console).withDebugConsole(debug), h -> {
            assertEquals(0xE9, h.portRead(0, 0xE9, 1));
            h.portWrite(0, 0xE9, 1, '!');
            h.portWrite(0, 0x604, 2, 0x3400);
        });
        assertEquals("!", debug.output());
    }

    @Test
    void aRestartFindsDevicesReset() throws Exception {
        AtomicInteger starts = new AtomicInteger();
        ScriptedBackend backend = new ScriptedBackend(h -> {
            if (starts.incrementAndGet() == 1) {
                h.portWrite(0, 0x21, 1, 0xFF);
                h.portWrite(0, 0x3FF, 1, 0x5A);
                h.portWrite(0, 0xCF9, 1, 0x06);
            } else {
                print(h, h.portRead(0, 0x21, 1) + " " + h.portRead(0, 0x3FF, 1));
                h.portWrite(0, 0x604, 2, 0x3400);
            }
        });
        try (Partition p = Partition.create(backend, PartitionConfig.of("test", 16 << 20).withRestartOnReset(true))) {
            new Motherboard(p, MotherboardConfig.of(console));
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(30)));
        }
        assertEquals("0 0", console.output());
    }

    @Test
    void theScreenAndThePciBusAreThere() throws Exception {
        try (Partition p = Partition.create(new ScriptedBackend(h -> {
            h.mmioWrite(0, 0xB8000, 2, 0x0700 | 'V');
            h.portWrite(0, 0xCF8, 4, 0x80000000);
            print(h, Integer.toHexString(h.portRead(0, 0xCFC, 4)));
            h.portWrite(0, 0x80, 1, 0x77);
            h.portWrite(0, 0x604, 2, 0x3400);
        }), PartitionConfig.of("test", 16 << 20))) {
            Motherboard board = new Motherboard(p, MotherboardConfig.of(console));
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(30)));
            assertEquals('V', board.screen().characterAt(0, 0));
            assertEquals("12378086", console.output());
            assertEquals(0x77, board.postCode());
        }
    }

    @Test
    void habitsOfOldSoftwareAreNotUnknownPorts() throws Exception {
        try (Partition p = Partition.create(new ScriptedBackend(h -> {
            for (int port : new int[] {0x00, 0x0F, 0x20, 0x40, 0x61, 0x64, 0x70, 0x80, 0x87, 0x92, 0xA0, 0xB2, 0xC0, 0xF0, 0x3DA, 0x4D0, 0x608}) {
                h.portRead(0, port, 1);
            }
            h.portWrite(0, 0x604, 2, 0x3400);
        }), PartitionConfig.of("test", 16 << 20))) {
            new Motherboard(p, MotherboardConfig.of(console));
            p.start();
            p.awaitStop(Duration.ofSeconds(30));
            assertEquals(0, p.counters().unknownPorts);
        }
    }

    @Test
    void theAcpiTablesDescribeThisBoard() {
        try (Partition p = Partition.create(new ScriptedBackend(h -> { }), PartitionConfig.of("acpi", 16 << 20).withProcessors(2))) {
            Motherboard board = new Motherboard(p, MotherboardConfig.of(console).withVga(false));
            assertEquals(AcpiConfig.of(2), board.acpi());
            GpaSpace gpa = p.gpa();
            long xsdt = gpa.read64(AcpiTables.write(gpa, board.acpi()) + 24);
            long fadt = gpa.read64(xsdt + 36);
            assertEquals(0x50434146, gpa.read32(fadt), "FACP");
            assertEquals(PmRegisters.SCI, gpa.read16(fadt + 46));
            assertEquals(PmRegisters.PM1_EVENT, gpa.read32(fadt + 56));
            assertEquals(PmRegisters.PM1_CONTROL, gpa.read32(fadt + 64));
            assertEquals(PmRegisters.PM_TIMER, gpa.read32(fadt + 76));
            assertEquals(Motherboard.PM_TIMER_BITS, (gpa.read32(fadt + 112) & 1 << 8) != 0 ? 32 : 24);
        }
    }

    @Test
    void stateMovesToAnotherBoard() {
        ScriptedBackend backend = new ScriptedBackend(h -> { });
        MotherboardConfig two = MotherboardConfig.of(console)
                .withSerial(Map.of(ComPort.COM1, console, ComPort.COM2, new ConsoleSerialBackend()));
        try (Partition p = Partition.create(backend, PartitionConfig.of("from", 16 << 20));
                Partition q = Partition.create(backend, PartitionConfig.of("to", 16 << 20))) {
            Motherboard from = new Motherboard(p, two);
            Motherboard to = new Motherboard(q, two);
            p.ports().find(0x2FF).portWrite(0, 0x2FF, 1, 0x42);
            p.ports().find(0x21).portWrite(0, 0x21, 1, 0xEF);
            MotherboardState state = from.save();
            assertNotNull(state.vga());
            to.restore(state);
            assertEquals(0x42, q.ports().find(0x2FF).portRead(0, 0x2FF, 1));
            assertEquals(0xEF, q.ports().find(0x21).portRead(0, 0x21, 1));
            assertTrue(to.save().serial().containsKey(ComPort.COM2));
        }
    }
}
