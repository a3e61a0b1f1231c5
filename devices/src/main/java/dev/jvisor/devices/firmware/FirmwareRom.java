package dev.jvisor.devices.firmware;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;

/** The chip with the firmware: read-only memory that ends at 4 GiB, so that its last 16 bytes are where a processor starts. */
public final class FirmwareRom {
    /** Most bytes of firmware and flash together. */
    public static final long MAX_BYTES = MemoryLayout.ABOVE_4G - MemoryLayout.FIRMWARE;
    /** As much of the chip's end as there is below 1 MiB too: E0000h to FFFFFh. */
    static final long LOW_BYTES = 128 << 10;

    private final GpaRegion region;

    /**
     * Puts the chip into a partition's memory. Before the partition starts.
     *
     * @param image what is in it; whole pages, at most {@link #MAX_BYTES}
     */
    public FirmwareRom(GpaSpace gpa, byte[] image) {
        if (!fits(image.length)) {
            throw new IllegalArgumentException("firmware must be whole pages and at most 16 MiB: bytes=" + image.length);
        }
        region = gpa.mapRom(MemoryLayout.ABOVE_4G - image.length, image.length);
        gpa.write(region.gpa(), image);
    }

    /** {@return whether firmware, or firmware and flash, of that size can be} */
    public static boolean fits(long bytes) {
        return bytes > 0 && bytes <= MAX_BYTES && bytes % GpaSpace.PAGE_SIZE == 0;
    }

    /** {@return GPA of its first byte} */
    public long gpa() {
        return region.gpa();
    }

    /** {@return the host offset of what stands at an address below 1 MiB; -1 where the chip does not reach} */
    long lowHostOffset(long low) {
        long behind = MemoryLayout.HIGH - low;
        return behind > LOW_BYTES || behind > region.size() ? -1 : region.hostOffset() + region.size() - behind;
    }
}
