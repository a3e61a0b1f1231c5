package dev.jvisor.devices.pci;

/** The host bridge of a board without firmware: Intel's 440FX, which every system knows how to leave alone. */
public final class PciBridges {
    private static final int INTEL = 0x8086;
    private static final int CLASS_HOST_BRIDGE = 0x060000;

    private PciBridges() { }

    /** {@return the host bridge, for device 0} */
    public static PciFunction host() {
        return new PciFunction(new PciIdentity(INTEL, 0x1237, CLASS_HOST_BRIDGE, 2, 0, 0, 0));
    }
}
