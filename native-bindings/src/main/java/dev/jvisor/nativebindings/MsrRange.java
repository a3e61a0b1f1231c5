package dev.jvisor.nativebindings;

/**
 * A range of an MSR filter: accesses to {@code count} MSRs from {@code base} are refused by the kernel, thus exit to user space
 * where {@link KvmVm#enableUserSpaceMsrs} asked for filtered accesses.
 *
 * @param base the first MSR
 * @param count how many, at most 0x3000
 * @param reads whether the range is about RDMSR
 * @param writes whether the range is about WRMSR
 */
public record MsrRange(int base, int count, boolean reads, boolean writes) {
    /** Checks the range. */
    public MsrRange {
        if (count <= 0 || count > 0x3000 || !(reads || writes)) {
            throw new IllegalArgumentException("base=" + Integer.toHexString(base) + ", count=" + count);
        }
    }
}
