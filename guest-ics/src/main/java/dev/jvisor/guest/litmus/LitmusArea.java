package dev.jvisor.guest.litmus;

/**
 * Where the instances of a test lie in guest memory. Each copy of the test has half a MiB from {@link #GPA} on: its instances one after
 * another, and from {@link #OBSERVED} on what each of them observed.
 */
final class LitmusArea {
    /** Of the first copy. */
    static final int GPA = 0x80_0000;
    /** Binary logarithm of the bytes of a copy. */
    static final int COPY_SHIFT = 19;
    /** Offset, in a copy, of what its first instance observed. */
    static final int OBSERVED = 0x4_0000;
    /** Bytes of what an instance observed: a cache line for each value. */
    static final int OBSERVED_BYTES = 512;
    /** Binary logarithm of a large instance's size. */
    static final int LARGE_SHIFT = 13;
    /** Linear address of the windows of all large instances: one page table full. */
    static final int WINDOW = 0x4000_0000;
    /** GPA of the page table that maps the windows. */
    static final int WINDOW_TABLE = 0x50_0000;

    private static final int SMALL_BYTES = 1024;
    private static final int SMALL_INSTANCES = 64;
    private static final int LARGE_INSTANCES = 32;

    private LitmusArea() { }

    /** {@return the bytes of an instance of a test} */
    static int instanceBytes(LitmusTest test) {
        return test.isLarge() ? 1 << LARGE_SHIFT : SMALL_BYTES;
    }

    /** {@return how many instances a copy of a test has} */
    static int instances(LitmusTest test) {
        return test.isLarge() ? LARGE_INSTANCES : SMALL_INSTANCES;
    }
}
