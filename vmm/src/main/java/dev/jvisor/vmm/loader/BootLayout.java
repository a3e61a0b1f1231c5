package dev.jvisor.vmm.loader;

/**
 * Where loaders put their own things: all in the first 640 KiB, which no kernel is loaded to.
 *
 * <pre>
 *   0x00500  GDT
 *   0x07000  Linux boot_params ("zero page")
 *   0x08FF0  top of a small stack
 *   0x09000  page tables: PML4, PDPT, four page directories that map 4 GiB to itself
 *   0x10000  PVH start_info, its memory map and module list; or multiboot information
 *   0x12000  setup_data
 *   0x20000  command line, up to 64 KiB
 *   0x9FC00  extended BIOS data area (reserved)
 * </pre>
 */
final class BootLayout {
    static final long GDT = 0x500;
    static final long ZERO_PAGE = 0x7000;
    static final long STACK_TOP = 0x8FF0;
    static final long PML4 = 0x9000;
    static final long PDPT = 0xA000;
    static final long PAGE_DIRECTORIES = 0xB000;
    static final long START_INFO = 0x10000;
    static final long SETUP_DATA = 0x12000;
    static final long COMMAND_LINE = 0x20000;
    static final int COMMAND_LINE_MAX = 0x10000;
    static final long EBDA = 0x9FC00;

    private BootLayout() { }
}
