package dev.jvisor.vmm.acpi;

import dev.jvisor.vmm.partition.MemoryLayout;

/** The content of the DSDT: processors, the PCI root with its windows and interrupt routing, ISA devices, and how to switch off. */
final class Dsdt {
    /** SLP_TYP of S5, which the power management device knows too. */
    private static final int S5 = 5;
    private static final int FIRST_PCI_GSI = 16;
    private static final int PCI_GSIS = 8;
    private static final int PCI_DEVICES = 32;
    private static final int PINS = 4;

    private Dsdt() { }

    static byte[] build(AcpiConfig config) {
        Aml aml = new Aml();
        aml.define("\\_S5", a -> a.pack(4, p -> p.integer(S5).integer(S5).integer(0).integer(0)));
        // The guest says by this which interrupt model it uses; lines are wired to both.
        aml.emptyMethod("\\_PIC", 1);
        aml.scope("\\_SB", sb -> {
            for (int i = 0; i < config.processors(); i++) {
                int uid = i;
                sb.device(String.format("CP%02X", i), d -> d
                        .define("_HID", v -> v.string("ACPI0007"))
                        .define("_UID", v -> v.integer(uid)));
            }
            sb.device("PCI0", d -> pciRoot(d, config));
        });
        return aml.bytes();
    }

    private static void pciRoot(Aml d, AcpiConfig config) {
        d.define("_HID", v -> v.eisaId("PNP0A03"));
        d.define("_UID", v -> v.integer(0));
        d.define("_BBN", v -> v.integer(0));
        d.define("_CRS", v -> v.resources(r -> {
            r.busNumbers(0, 0xFF).io(0xCF8, 8).portWindow(0, 0xCF7).portWindow(0xD00, 0xFFFF);
            if (config.vga()) {
                r.memoryWindow(MemoryLayout.VGA_HOLE, MemoryLayout.SHADOW - 1, true);
            }
            r.memoryWindow(config.pciMemory(), MemoryLayout.PCI_MEMORY_END - 1, false);
        }));
        d.define("_PRT", v -> v.pack(PCI_DEVICES * PINS, p -> {
            for (int device = 0; device < PCI_DEVICES; device++) {
                for (int pin = 0; pin < PINS; pin++) {
                    long address = (long) device << 16 | 0xFFFF;
                    int number = pin;
                    int gsi = FIRST_PCI_GSI + (device + pin & PCI_GSIS - 1);
                    p.pack(4, e -> e.integer(address).integer(number).integer(0).integer(gsi));
                }
            }
        }));
        isaDevices(d, config);
        if (config.vmbus()) {
            vmbus(d);
        }
    }

    /**
     * The root of the synthetic devices. Linux matches the id, wants a _CRS that evaluates (its content is of no use here: the SINTs' vectors
     * are the guest's choice), and takes the memory for synthetic devices from the windows of the bridge above.
     */
    private static void vmbus(Aml d) {
        d.device("VMBS", c -> c
                .define("_HID", v -> v.string("VMBus"))
                .define("_UID", v -> v.integer(0))
                .define("_STA", v -> v.integer(0xF))
                .emptyMethod("_PS0", 0)
                .emptyMethod("_PS3", 0)
                .define("_CRS", v -> v.resources(r -> { })));
    }

    private static void isaDevices(Aml d, AcpiConfig config) {
        isa(d, "PIC", "PNP0000", r -> r.io(0x20, 2).io(0xA0, 2).io(0x4D0, 2).irq(2));
        isa(d, "TMR", "PNP0100", r -> r.io(0x40, 4).irq(0));
        isa(d, "RTC", "PNP0B00", r -> r.io(0x70, 2).irq(8));
        isa(d, "KBD", "PNP0303", r -> r.io(0x60, 1).io(0x64, 1).irq(1));
        isa(d, "SPKR", "PNP0800", r -> r.io(0x61, 1));
        // Ports of the power management block, so that nobody else is given them.
        isa(d, "PMIO", "PNP0C02", r -> r.io(config.pmBase(), 0x10));
        for (AcpiConfig.SerialPort s : config.serial()) {
            d.device("COM" + s.number(), c -> c
                    .define("_HID", v -> v.eisaId("PNP0501"))
                    .define("_UID", v -> v.integer(s.number()))
                    .define("_CRS", v -> v.resources(r -> r.io(s.port(), 8).irq(s.irq()))));
        }
    }

    private static void isa(Aml d, String name, String id, java.util.function.Consumer<Aml> resources) {
        d.device(name, c -> c
                .define("_HID", v -> v.eisaId(id))
                .define("_CRS", v -> v.resources(resources)));
    }
}
