package dev.jvisor.devices.pci;

import dev.jvisor.devices.firmware.ShadowMemory;

/**
 * The 440FX host bridge of a board with firmware: its programmable attribute map says what is read and written below 1 MiB. The subsystem id
 * is the one by which firmware made for QEMU knows that there is a {@link dev.jvisor.devices.fwcfg.FwCfg}. Source: Intel 82441FX (PMC)
 * datasheet, 3.2.18.
 */
public final class HostBridge extends PciFunction {
    private static final PciIdentity IDENTITY = new PciIdentity(0x8086, 0x1237, 0x060000, 2, 0x1AF4, 0x1100, 0);
    /** PAM0; its high nibble is F0000h to FFFFFh. Those that follow have 16 KiB in each nibble, from C0000h, the low one first. */
    private static final int PAM0 = 0x59;
    private static final int PAMS = 7;
    private static final int PAM_BITS = 0x33;

    private final ShadowMemory shadow;

    /** @param shadow what the map governs */
    public HostBridge(ShadowMemory shadow) {
        super(IDENTITY);
        this.shadow = shadow;
        definePams();
    }

    private void definePams() {
        define(PAM0, 1, 0, PAM_BITS & 0xF0);
        for (int i = 1; i < PAMS; i++) {
            define(PAM0 + i, 1, 0, PAM_BITS);
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        if (offset < PAM0 + PAMS && offset + size > PAM0) {
            show();
        }
    }

    private void show() {
        int[] attributes = new int[ShadowMemory.SEGMENTS];
        for (int s = 0; s < ShadowMemory.SEGMENTS - 1; s++) {
            attributes[s] = configValue(PAM0 + 1 + s / 2, 1) >> 4 * (s & 1) & (ShadowMemory.READ | ShadowMemory.WRITE);
        }
        attributes[ShadowMemory.SEGMENTS - 1] = configValue(PAM0, 1) >> 4;
        shadow.set(attributes);
    }

    @Override
    protected void deviceReset() {
        definePams();
        show();
    }
}
