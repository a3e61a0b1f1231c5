package dev.jvisor.devices.legacy;

import dev.jvisor.vmm.partition.PortDevice;

/** Port 80h: firmware shows where it is, others write to it to pass the time. Remembers the last value. */
public final class PostCode implements PortDevice {
    /** The port. */
    public static final int PORT = 0x80;

    private volatile int last;

    /** {@return the value written last} */
    public int last() {
        return last;
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return last;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        last = value & 0xFF;
    }
}
