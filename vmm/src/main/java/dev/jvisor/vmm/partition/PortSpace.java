package dev.jvisor.vmm.partition;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The 65536 I/O ports of a partition. An access wider than the device at its first port is split into halves as a bus bridge would; one that
 * is not goes there whole, as a 16-bit read of an IDE data port does though the next port is another register. Ports without a device read all-ones.
 *
 * <p>Threads: any number of VPs may read and write while devices come and go.
 */
public final class PortSpace {
    /** Number of ports. */
    public static final int PORTS = 0x10000;

    /** What answers at one port; shared by all ports of a registration. */
    private record Slot(PortDevice device, int width) { }

    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Slot[].class);

    private final Slot[] slots = new Slot[PORTS];

    /**
     * Puts a device of 8-bit registers behind ports: wider accesses reach it byte by byte.
     *
     * @param first first port
     * @param count number of ports
     * @param device what answers
     */
    public void register(int first, int count, PortDevice device) {
        register(first, count, 1, device);
    }

    /**
     * Puts a device behind ports.
     *
     * @param first first port
     * @param count number of ports
     * @param width widest access it takes in one piece: 1, 2 or 4 bytes
     * @param device what answers
     * @throws IllegalArgumentException when a port is taken already, or is not a port
     */
    public synchronized void register(int first, int count, int width, PortDevice device) {
        if (first < 0 || count <= 0 || first + count > PORTS || (width != 1 && width != 2 && width != 4)) {
            throw new IllegalArgumentException("not a port range: first=" + first + ", count=" + count + ", width=" + width);
        }
        for (int p = first; p < first + count; p++) {
            if (slots[p] != null) {
                throw new IllegalArgumentException("port 0x" + Integer.toHexString(p) + " belongs to " + slots[p].device() + " already");
            }
        }
        Slot slot = new Slot(device, width);
        for (int p = first; p < first + count; p++) {
            SLOT.setRelease(slots, p, slot);
        }
    }

    /** Takes whatever answers behind ports away. */
    public synchronized void unregister(int first, int count) {
        for (int p = first; p < first + count; p++) {
            SLOT.setRelease(slots, p, (Slot) null);
        }
    }

    /** {@return the device behind a port, or null} */
    public PortDevice find(int port) {
        Slot s = slot(port);
        return s == null ? null : s.device;
    }

    private Slot slot(int port) {
        return port >= 0 && port < PORTS ? (Slot) SLOT.getAcquire(slots, port) : null;
    }

    /** {@return what IN of {@code size} bytes gives, zero-extended} */
    int read(int vp, int port, int size, VpCounters counters) {
        Slot s = slot(port);
        if (size == 1) {
            if (s == null) {
                counters.unknownPorts++;
                return 0xFF;
            }
            return s.device.portRead(vp, port, 1) & 0xFF;
        }
        if (s != null && s.width >= size) {
            int value = s.device.portRead(vp, port, size);
            return size == 2 ? value & 0xFFFF : value;
        }
        int half = size >> 1;
        int low = read(vp, port, half, counters);
        return low | read(vp, port + half, half, counters) << half * 8;
    }

    /** OUT of {@code size} bytes. */
    void write(int vp, int port, int size, int value, VpCounters counters) {
        Slot s = slot(port);
        if (size == 1) {
            if (s == null) {
                counters.unknownPorts++;
            } else {
                s.device.portWrite(vp, port, 1, value & 0xFF);
            }
            return;
        }
        if (s != null && s.width >= size) {
            s.device.portWrite(vp, port, size, size == 2 ? value & 0xFFFF : value);
            return;
        }
        int half = size >> 1;
        write(vp, port, half, value, counters);
        write(vp, port + half, half, value >>> half * 8, counters);
    }
}
