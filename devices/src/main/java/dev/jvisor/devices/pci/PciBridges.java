package dev.jvisor.devices.pci;

/** The functions that are on every board: Intel's 440FX host bridge and PIIX3 ISA bridge, which every system knows how to leave alone. */
public final class PciBridges {
    private static final int INTEL = 0x8086;
    private static final int CLASS_HOST_BRIDGE = 0x060000;
    private static final int CLASS_ISA_BRIDGE = 0x060100;
    /** PIIX3: interrupt routes of the four pins to ISA lines; 80h is "not routed". */
    private static final int PIRQ_ROUTES = 0x60;

    private PciBridges() { }

    /** {@return the host bridge, for device 0} */
    public static PciFunction host() {
        return new PciFunction(new PciIdentity(INTEL, 0x1237, CLASS_HOST_BRIDGE, 2, 0, 0, 0));
    }

    /** {@return the ISA bridge, for device 1. Its pin routes are remembered; pins go to the I/O APIC only} */
    public static PciFunction isa() {
        PciFunction f = new PciFunction(new PciIdentity(INTEL, 0x7000, CLASS_ISA_BRIDGE, 0, 0, 0, 0));
        f.define(PIRQ_ROUTES, 4, 0x80808080, 0x8F8F8F8F);
        return f;
    }
}
