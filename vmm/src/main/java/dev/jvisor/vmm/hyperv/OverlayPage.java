package dev.jvisor.vmm.hyperv;

import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;

/**
 * A page of the hypervisor's laid over a guest page (TLFS 5.2.1), named by an MSR: bit 0 enables, 63-12 is the page. The contents go with the
 * page when it is moved or disabled. They are written straight into the guest's RAM; what was there before does not come back. Not
 * thread-safe: its owner's lock guards it.
 */
final class OverlayPage {
    private static final int SIZE = GpaSpace.PAGE_SIZE;

    private final GpaSpace gpa;
    private final byte[] carried = new byte[SIZE];
    private long msr;
    private MemorySegment page;

    OverlayPage(GpaSpace gpa) {
        this.gpa = gpa;
    }

    /** {@return the MSR, as written} */
    long msr() {
        return msr;
    }

    /** {@return the guest's memory; null when the page is disabled, or is not in RAM} */
    MemorySegment page() {
        return page;
    }

    /** {@return the GPA of a byte of the page} */
    long gpa(long offset) {
        return (msr & -SIZE) + offset;
    }

    /** The guest writes the MSR. */
    void write(long value) {
        boolean same = ((value ^ msr) & (-SIZE | 1)) == 0;
        if (!same && page != null) {
            MemorySegment.copy(page, 0, MemorySegment.ofArray(carried), 0, SIZE);
            page = null;
        }
        msr = value;
        if (!same && (value & 1) != 0) {
            page = gpa.ram(value & -SIZE, SIZE);
            if (page != null) {
                MemorySegment.copy(MemorySegment.ofArray(carried), 0, page, 0, SIZE);
                written(0, SIZE);
            }
        }
    }

    /** Notes that we have written to the page. */
    void written(long offset, long length) {
        gpa.written(gpa(offset), length);
    }

    void reset() {
        msr = 0;
        page = null;
        java.util.Arrays.fill(carried, (byte) 0);
    }

    /** {@return contents that are not in guest memory} */
    byte[] carried() {
        return carried.clone();
    }

    /** Restores; guest memory has its own contents and is not written. */
    void restore(long savedMsr, byte[] contents) {
        msr = savedMsr;
        System.arraycopy(contents, 0, carried, 0, SIZE);
        page = (msr & 1) != 0 ? gpa.ram(msr & -SIZE, SIZE) : null;
    }
}
