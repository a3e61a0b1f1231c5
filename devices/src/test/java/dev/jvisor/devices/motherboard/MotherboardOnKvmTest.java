package dev.jvisor.devices.motherboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.jvisor.devices.serial.ConsoleSerialBackend;
import dev.jvisor.vmm.backend.BackendConfig.Irqchip;
import dev.jvisor.vmm.kvm.KvmBackend;
import dev.jvisor.vmm.loader.BootOptions;
import dev.jvisor.vmm.loader.FlatLoader;
import dev.jvisor.vmm.partition.Partition;
import dev.jvisor.vmm.partition.PartitionConfig;
import dev.jvisor.vmm.partition.StopReason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The board under a real processor, wherever the interrupt controllers are. */
@Tag("kvm")
@Timeout(120)
class MotherboardOnKvmTest {
    /**
     * A real-mode guest: sets up the master PIC with base 20h and only line 0 open, the PIT to 1 kHz, halts until 50 ticks have come,
     * prints OK on COM1 and switches off through PM1_CNT.
     */
    private static final byte[] TICKS = HexFormat.of().parseHex(
            "31c08ed8" // xor ax, ax; mov ds, ax
            + "b011e620b020e621b004e621b001e621b0fee621" // ICW1-4 and mask
            + "c70680004b00" // mov word [80h], handler
            + "8c0e8200" // mov [82h], cs
            + "b034e643b0a9e640b004e640" // counter 0, mode 2, 1193
            + "31c9fb" // xor cx, cx; sti
            + "f483f93272fa" // hlt; cmp cx, 50; jb
            + "fabaf803b04feeb04bee" // cli; print OK
            + "ba0406b80034ef" // out 604h, 3400h
            + "f4ebfd" // hlt; jmp
            + "41b020e620cf"); // handler: inc cx; EOI; iret

    @ParameterizedTest
    @EnumSource(names = {"USER", "BACKEND"})
    void timerTicksReachTheGuest(Irqchip irqchip) throws Exception {
        Assumptions.assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no access to /dev/kvm");
        ConsoleSerialBackend console = new ConsoleSerialBackend();
        try (KvmBackend kvm = KvmBackend.open();
                Partition p = Partition.create(kvm, PartitionConfig.of("ticks", 16 << 20).withIrqchip(irqchip))) {
            new Motherboard(p, MotherboardConfig.of(console));
            p.setBootState(new FlatLoader(TICKS, 0x10000, FlatLoader.Mode.REAL16).load(p.gpa(), BootOptions.of(16 << 20)));
            p.start();
            assertEquals(StopReason.POWER_OFF, p.awaitStop(Duration.ofSeconds(60)));
            assertEquals("OK", console.output());
        }
    }
}
