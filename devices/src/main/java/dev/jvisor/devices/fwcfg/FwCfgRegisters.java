package dev.jvisor.devices.fwcfg;

/** Ports, keys and bits of the firmware configuration device. Source: QEMU, {@code docs/specs/fw_cfg.rst}. */
public final class FwCfgRegisters {
    /** Selector: a 16-bit write chooses an item and goes back to its start. The next port is data: each read gives the next byte. */
    public static final int SELECTOR = 0x510;
    /** Data. */
    public static final int DATA = 0x511;
    /** Address of a DMA descriptor, big-endian: the high half, then the low half, whose write starts the transfer. */
    public static final int DMA = 0x514;
    /** Low half of {@link #DMA}. */
    public static final int DMA_LOW = DMA + 4;

    /** Item: the letters QEMU. */
    public static final int SIGNATURE = 0x00;
    /** Item: u32 of features. */
    public static final int FEATURES = 0x01;
    /** Item: u64, bytes of RAM. */
    public static final int RAM_SIZE = 0x03;
    /** Item: u16, 1 when there is no screen and the serial line is the console. */
    public static final int NO_GRAPHIC = 0x04;
    /** Item: u16, processors that run. */
    public static final int PROCESSORS = 0x05;
    /** Item: u16, 1 to show firmware's boot menu. */
    public static final int BOOT_MENU = 0x0E;
    /** Item: u16, one more than the highest APIC id that there can be. */
    public static final int MAX_PROCESSORS = 0x0F;
    /** Item: the directory of files. */
    public static final int FILE_DIRECTORY = 0x19;
    /** Item of the first file. */
    public static final int FIRST_FILE = 0x20;
    /** Item: u8, 1 when the ISA timer is on I/O APIC pin 2. */
    public static final int IRQ0_OVERRIDE = 0x8002;

    /** Bits of a selector that name an item: bit 14 once asked for writing, bit 15 is for what belongs to one architecture. */
    static final int KEY_BITS = 0xBFFF;
    static final int FEATURE_TRADITIONAL = 1, FEATURE_DMA = 2;

    /** What the DMA register reads as: QEMU CFG, its first letter in the lowest byte. */
    static final int DMA_SIGNATURE_HIGH = 0x554D_4551, DMA_SIGNATURE_LOW = 0x4746_4320;

    // DMA descriptor, big-endian: u32 control @0, u32 length @4, u64 address @8.
    static final int CONTROL = 0, LENGTH = 4, ADDRESS = 8, DESCRIPTOR = 16;
    static final int CONTROL_ERROR = 1, CONTROL_READ = 1 << 1, CONTROL_SKIP = 1 << 2, CONTROL_SELECT = 1 << 3, CONTROL_WRITE = 1 << 4;

    // Directory, big-endian: u32 count @0, then for each file u32 size @0, u16 key @4, u16 reserved @6, name[56] with its NUL @8.
    static final int DIRECTORY_HEADER = 4, DIRECTORY_ENTRY = 64, ENTRY_KEY = 4, ENTRY_NAME = 8, NAME_BYTES = 56;

    private FwCfgRegisters() { }
}
