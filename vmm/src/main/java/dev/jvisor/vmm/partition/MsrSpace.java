package dev.jvisor.vmm.partition;

/** The model-specific registers of a partition that the backend does not keep itself, by range. Thread-safe. */
public final class MsrSpace {
    private record Range(int first, int last, MsrDevice device) {
        boolean contains(int index) {
            return Integer.compareUnsigned(index, first) >= 0 && Integer.compareUnsigned(index, last) <= 0;
        }
    }

    private volatile Range[] ranges = new Range[0];

    /**
     * Puts a device behind registers.
     *
     * @param first first register, unsigned
     * @param last last register, unsigned, inclusive
     * @param device what answers
     * @throws IllegalArgumentException when a register is taken already
     */
    public synchronized void register(int first, int last, MsrDevice device) {
        if (Integer.compareUnsigned(first, last) > 0) {
            throw new IllegalArgumentException("not an MSR range: first=" + Integer.toHexString(first) + ", last=" + Integer.toHexString(last));
        }
        Range[] old = ranges;
        for (Range r : old) {
            if (Integer.compareUnsigned(first, r.last) <= 0 && Integer.compareUnsigned(r.first, last) <= 0) {
                throw new IllegalArgumentException("MSRs " + Integer.toHexString(first) + "-" + Integer.toHexString(last) + " overlap "
                        + Integer.toHexString(r.first) + "-" + Integer.toHexString(r.last));
            }
        }
        Range[] next = java.util.Arrays.copyOf(old, old.length + 1);
        next[old.length] = new Range(first, last, device);
        ranges = next;
    }

    /** {@return what answers for a register, or null} */
    public MsrDevice find(int index) {
        for (Range r : ranges) {
            if (r.contains(index)) {
                return r.device;
            }
        }
        return null;
    }
}
