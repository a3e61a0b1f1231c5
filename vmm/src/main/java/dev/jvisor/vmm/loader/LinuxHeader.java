package dev.jvisor.vmm.loader;

/** Offsets and bits of the Linux/x86 boot protocol: setup header and boot_params (Linux, Documentation/arch/x86/boot.rst, zero-page.rst). */
final class LinuxHeader {
    // The setup header, at the same offsets in the image and in boot_params.
    static final int SETUP_SECTS = 0x1F1;
    static final int SYSSIZE = 0x1F4;
    static final int BOOT_FLAG = 0x1FE;
    static final int JUMP_LENGTH = 0x201;
    static final int MAGIC = 0x202;
    static final int VERSION = 0x206;
    static final int KERNEL_VERSION = 0x20E;
    static final int TYPE_OF_LOADER = 0x210;
    static final int LOADFLAGS = 0x211;
    static final int CODE32_START = 0x214;
    static final int RAMDISK_IMAGE = 0x218;
    static final int RAMDISK_SIZE = 0x21C;
    static final int CMD_LINE_PTR = 0x228;
    static final int INITRD_ADDR_MAX = 0x22C;
    static final int KERNEL_ALIGNMENT = 0x230;
    static final int RELOCATABLE = 0x234;
    static final int XLOADFLAGS = 0x236;
    static final int CMDLINE_SIZE = 0x238;
    static final int PAYLOAD_OFFSET = 0x248;
    static final int PAYLOAD_LENGTH = 0x24C;
    static final int SETUP_DATA = 0x250;
    static final int PREF_ADDRESS = 0x258;
    static final int INIT_SIZE = 0x260;

    // The rest of boot_params.
    static final int EXT_MEM_K = 0x002;
    static final int ACPI_RSDP_ADDR = 0x070;
    static final int ALT_MEM_K = 0x1E0;
    static final int E820_ENTRIES = 0x1E8;
    static final int E820_TABLE = 0x2D0;

    /** Unit of SYSSIZE, the size of the protected-mode part. */
    static final int PARAGRAPH = 16;
    static final int BOOT_FLAG_VALUE = 0xAA55;
    static final int MAGIC_VALUE = 0x53726448;
    static final int LOADED_HIGH = 1;
    static final int XLF_KERNEL_64 = 1;
    static final int LOADER_UNDEFINED = 0xFF;
    static final int ENTRY_64 = 0x200;
    static final int SETUP_RNG_SEED = 9;

    private LinuxHeader() { }
}
