package dev.jvisor.devices.legacy;

import dev.jvisor.vmm.partition.PortDevice;
import dev.jvisor.vmm.partition.PortSpace;

/** Ports of hardware that software touches by habit and that is not there: reads answer all-ones, writes are dropped, nobody is told. */
public final class LegacyPorts implements PortDevice {
    /** First port and number of ports: DMA controllers and page registers, SMI command, I/O delay, coprocessor reset, ISA PnP, EISA id, super I/O. */
    private static final int[][] RANGES = {
        {0x00, 0x10}, {0x81, 0x0F}, {0xC0, 0x20}, {0xB2, 2}, {0xED, 1}, {0xF1, 1}, {0x279, 1}, {0xA79, 1}, {0xC80, 4}, {0x2E, 2}, {0x4E, 2},
    };

    /** Puts it behind all of its ports. */
    public void register(PortSpace ports) {
        for (int[] range : RANGES) {
            ports.register(range[0], range[1], 4, this);
        }
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return -1;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) { }
}
