package dev.jvisor.devices.legacy;

import dev.jvisor.vmm.partition.PortDevice;

/** Port 92h: the fast A20 gate, which is always open here, and the fast reset. */
public final class SystemControlA implements PortDevice {
    /** The port. */
    public static final int PORT = 0x92;

    private static final int RESET = 0x01;
    private static final int A20 = 0x02;

    private final Runnable reset;

    /** @param reset what a reset does */
    public SystemControlA(Runnable reset) {
        this.reset = reset;
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return A20;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        if ((value & RESET) != 0) {
            reset.run();
        }
    }
}
