package dev.jvisor.devices.motherboard;

import dev.jvisor.devices.fwcfg.FwCfgItems;
import dev.jvisor.devices.fwcfg.FwCfgRegisters;
import dev.jvisor.vmm.acpi.AcpiConfig;
import dev.jvisor.vmm.acpi.AcpiImage;
import dev.jvisor.vmm.acpi.AcpiTables;
import dev.jvisor.vmm.acpi.TableLoader;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** What firmware is told through the configuration device, in the items and files that SeaBIOS and OVMF know. */
final class FirmwareItems {
    /** Milliseconds after which firmware that found nothing to boot restarts: never. */
    private static final byte[] NEVER = {-1, -1, -1, -1};

    private FirmwareItems() { }

    /**
     * Adds what firmware wants to know to what describes the machine.
     *
     * @param items filled
     * @param acpi what the ACPI tables are to say; asked when they are read, since firmware chooses some of it, but their size must not change
     */
    static void add(FwCfgItems items, FirmwareConfig config, Supplier<AcpiConfig> acpi) {
        items.add16(FwCfgRegisters.NO_GRAPHIC, config.serialConsole() ? 1 : 0);
        items.add16(FwCfgRegisters.BOOT_MENU, 0);
        items.add(FwCfgRegisters.IRQ0_OVERRIDE, new byte[] {1});
        items.addFile("etc/boot-fail-wait", NEVER);
        if (!config.bootOrder().isEmpty()) {
            items.addFile("bootorder", (String.join("\n", config.bootOrder()) + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        if (config.vgaRom() != null) {
            items.addFile("vgaroms/vgabios.bin", config.vgaRom());
        }
        AcpiImage image = AcpiTables.build(acpi.get());
        items.addFile(TableLoader.TABLES, image.tables().length, () -> AcpiTables.build(acpi.get()).tables());
        items.addFile(TableLoader.ROOT, image.root());
        items.addFile(TableLoader.COMMANDS, TableLoader.commands(image));
    }
}
