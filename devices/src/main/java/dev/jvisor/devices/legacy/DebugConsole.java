package dev.jvisor.devices.legacy;

import dev.jvisor.devices.serial.SerialBackend;
import dev.jvisor.vmm.partition.PortDevice;

/** A port that takes text, byte by byte, as the Bochs emulator's does. It reads as its own number, which is how guests find it. */
public final class DebugConsole implements PortDevice {
    /** The port. */
    public static final int PORT = 0xE9;
    /** Another, which firmware made for QEMU writes to. */
    public static final int FIRMWARE_PORT = 0x402;

    private final SerialBackend backend;

    /** @param backend where the text goes; attached by the caller if it needs to be */
    public DebugConsole(SerialBackend backend) {
        this.backend = backend;
    }

    @Override
    public int portRead(int vp, int port, int size) {
        return PORT;
    }

    @Override
    public void portWrite(int vp, int port, int size, int value) {
        backend.awaitWritable();
        backend.write(value & 0xFF);
    }
}
