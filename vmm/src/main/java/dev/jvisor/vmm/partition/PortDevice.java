package dev.jvisor.vmm.partition;

/**
 * A device behind I/O ports. Called on VP threads, possibly by several at once: a device synchronizes itself. A device never throws on what
 * a guest does; registers it does not have read all-ones.
 */
public interface PortDevice {
    /**
     * IN.
     *
     * @param vp index of the virtual processor that reads
     * @param port the port, not an offset
     * @param size 1, 2 or 4 bytes, at most the width the device was registered with
     * @return the value; bits above {@code size} are ignored
     */
    int portRead(int vp, int port, int size);

    /**
     * OUT.
     *
     * @param vp index of the virtual processor that writes
     * @param port the port, not an offset
     * @param size 1, 2 or 4 bytes, at most the width the device was registered with
     * @param value zero-extended
     */
    void portWrite(int vp, int port, int size, int value);
}
