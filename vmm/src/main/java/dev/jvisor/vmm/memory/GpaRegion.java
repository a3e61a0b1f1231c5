package dev.jvisor.vmm.memory;

/**
 * One mapped range of the GPA space.
 *
 * @param kind what answers there
 * @param gpa first guest physical address; a multiple of 4096
 * @param size bytes; a multiple of 4096
 * @param hostOffset offset of the first byte in {@link GpaSpace#host()}; -1 for MMIO
 * @param device for MMIO, and for ROM that takes writes (flash); else null
 */
public record GpaRegion(Kind kind, long gpa, long size, long hostOffset, MmioDevice device) {
    /** What answers in a region. */
    public enum Kind {
        /** Read, write, execute. */
        RAM,
        /** Read and execute; writes are dropped, or go to the region's device. */
        ROM,
        /** Every access is an intercept. */
        MMIO
    }

    /** {@return the address after the last one} */
    public long end() {
        return gpa + size;
    }

    /** {@return whether {@code address} lies inside} */
    public boolean contains(long address) {
        return address - gpa >= 0 && address - gpa < size;
    }
}
