package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Limit and type checks of data accesses in modes with segmentation (Intel SDM 3A, 5.3 to 5.5). */
public final class SegmentCheck {
    private SegmentCheck() { }

    /**
     * Checks an access and makes its linear address. In 64-bit mode nothing is checked and only FS and GS have a base.
     *
     * @param seg segment register
     * @param offset offset in it, already truncated to the address size
     * @param size bytes accessed
     * @param write whether it is a write
     * @param u the step, for the fault
     * @return the linear address, truncated to 32 bits outside 64-bit mode
     */
    public static long linear(Cpu c, int seg, long offset, int size, boolean write, Uop u) {
        if (c.long64()) {
            return seg >= Cpu.FS ? c.segBase[seg] + offset : offset;
        }
        int attr = c.segAttr[seg];
        boolean bad = (attr & 1 << 16) != 0;
        long limit = Integer.toUnsignedLong(c.segLimit[seg]);
        boolean data = (attr & 8) == 0;
        if ((c.mode & Cpu.MODE_REAL) == 0) {
            bad |= data ? write && (attr & 2) == 0 : write || (attr & 2) == 0;
        }
        long last = offset + size - 1;
        if (data && (attr & 4) != 0) {
            // Expand-down: valid offsets lie above the limit.
            bad |= offset <= limit || last > ((attr & 1 << 14) != 0 ? 0xFFFFFFFFL : 0xFFFFL);
        } else {
            bad |= last > limit;
        }
        if (bad) {
            throw c.fault(seg == Cpu.SS ? Cpu.STACK : Cpu.GP, 0, u);
        }
        return c.segBase[seg] + offset & 0xFFFFFFFFL;
    }
}
