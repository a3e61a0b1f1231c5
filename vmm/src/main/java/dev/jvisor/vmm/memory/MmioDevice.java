package dev.jvisor.vmm.memory;

/**
 * A device behind a range of guest physical addresses. Called on VP threads, possibly by several at once: a device synchronizes itself. A
 * device never throws on what a guest does; reads of nothing answer all-ones.
 */
public interface MmioDevice {
    /**
     * Reads from the device.
     *
     * @param vp index of the virtual processor that reads
     * @param offset from the start of the mapped range
     * @param size 1, 2, 4 or 8 bytes
     * @return the value, zero-extended
     */
    long mmioRead(int vp, long offset, int size);

    /**
     * Writes to the device.
     *
     * @param vp index of the virtual processor that writes
     * @param offset from the start of the mapped range
     * @param size 1, 2, 4 or 8 bytes
     * @param value zero-extended
     */
    void mmioWrite(int vp, long offset, int size, long value);
}
