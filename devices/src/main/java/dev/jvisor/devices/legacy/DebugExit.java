package dev.jvisor.devices.legacy;

import dev.jvisor.vmm.partition.PortDevice;
import java.util.function.IntConsumer;

/** Ports that end the run, as QEMU's {@code isa-debug-exit}: what the guest writes to any of them becomes its exit code. */
public final class DebugExit implements PortDevice {
    /** The first port. */
    public static final int PORT = 0xF4;
    /** How many ports it takes, so that a 32-bit OUT is one access. */
    public static final int PORTS = 4;

    private final IntConsumer exit;

    /** @param exit told of the value, 0 to 255; on the writing VP's thread */
    public DebugExit(IntConsumer exit) {
        this.exit = exit;
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return -1;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        exit.accept(value & 0xFF);
    }
}
