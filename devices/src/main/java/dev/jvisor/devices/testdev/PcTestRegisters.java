package dev.jvisor.devices.testdev;

/**
 * Where a {@link PcTestDevice} answers. Source: QEMU, {@code hw/misc/pc-testdev.c}.
 *
 * <pre>
 *   ports E0-E3      a latch of 32 bits, taken in whole accesses
 *         E4-E7      "flush page"
 *         E8-EB      the same latch, byte by byte
 *         2000-2017  interrupt lines 0 to 23: 0 releases, anything else asserts
 *   FF000000         64 KiB of device memory
 * </pre>
 */
public final class PcTestRegisters {
    /** The latch. */
    public static final int LATCH = 0xE0;
    /** Drops the host's mapping of the page that the value lies in. */
    public static final int FLUSH = 0xE4;
    /** The latch, byte by byte. */
    public static final int LATCH_BYTES = 0xE8;
    /** Ports of each of these three. */
    public static final int LATCH_PORTS = 4;
    /** Interrupt line 0. */
    public static final int LINES = 0x2000;
    /** Number of interrupt lines. */
    public static final int LINE_COUNT = 24;
    /** First guest physical address of the memory. */
    public static final long MEMORY = 0xFF00_0000L;
    /** Bytes of the memory. */
    public static final int MEMORY_SIZE = 0x10000;

    private PcTestRegisters() { }
}
