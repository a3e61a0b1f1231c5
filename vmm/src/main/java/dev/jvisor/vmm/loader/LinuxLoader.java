package dev.jvisor.vmm.loader;

import static dev.jvisor.vmm.loader.LinuxHeader.*;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.partition.MemoryLayout;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A Linux bzImage, boot protocol 2.06 or later: entered at its 64-bit or 32-bit entry with boot_params in the zero page, or unpacked here and
 * entered at the startup_64 of its vmlinux.
 */
public final class LinuxLoader implements KernelImage {
    private static final int RSI = 6;
    private static final int SECTOR = 512;
    private static final long DEFAULT_ADDRESS = 0x100000;
    private static final int OLDEST = 0x206;

    private final ImageBytes image;
    private final int version;
    private final int setupBytes;
    private final boolean has64;

    LinuxLoader(ImageBytes image) throws LoaderException {
        this.image = image;
        this.version = image.u16(VERSION);
        if (version < OLDEST) {
            throw new LoaderException(image.name() + ": Linux boot protocol " + text(version) + " is too old, 2.06 is the oldest supported");
        }
        if ((image.u8(LOADFLAGS) & LOADED_HIGH) == 0) {
            throw new LoaderException(image.name() + ": a zImage; only a bzImage can be loaded");
        }
        int sectors = image.u8(SETUP_SECTS);
        this.setupBytes = ((sectors == 0 ? 4 : sectors) + 1) * SECTOR;
        this.has64 = version >= 0x20C && (image.u16(XLOADFLAGS) & XLF_KERNEL_64) != 0;
        // The size is rounded up to whole paragraphs; the file need not be.
        long whole = setupBytes + image.u32(SYSSIZE) * PARAGRAPH;
        if (image.size() <= Math.max(setupBytes, whole - PARAGRAPH)) {
            throw new LoaderException(image.name() + ": cut short: the kernel in it has " + whole + " bytes, the file " + image.size());
        }
    }

    static boolean isLinux(ImageBytes image) throws LoaderException {
        return image.size() > E820_TABLE && image.u16(BOOT_FLAG) == BOOT_FLAG_VALUE && image.i32(MAGIC) == MAGIC_VALUE;
    }

    private static String text(int version) {
        return (version >> 8) + String.format(".%02d", version & 0xFF);
    }

    @Override
    public String describe() {
        String name = "";
        try {
            int at = image.u16(KERNEL_VERSION);
            name = at == 0 ? "" : " " + image.text(at + 0x200L, 200);
        } catch (LoaderException e) {
            // A header that points past the file; the name is only for people.
        }
        return "Linux bzImage" + name + ", boot protocol " + text(version) + (has64 ? ", 64-bit" : ", 32-bit");
    }

    @Override
    public VpState load(GpaSpace gpa, BootOptions o) throws LoaderException {
        boolean use64 = switch (o.entry()) {
            case AUTO -> has64;
            case BITS_32 -> false;
            case BITS_64 -> true;
        };
        if (use64 && !has64) {
            throw new LoaderException(image.name() + ": this kernel has no 64-bit entry");
        }
        ByteBuffer zeroPage = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        int headerEnd = Math.min(MAGIC + image.u8(JUMP_LENGTH), E820_TABLE);
        zeroPage.put(SETUP_SECTS, image.bytes(), SETUP_SECTS, headerEnd - SETUP_SECTS);

        VpState s;
        long kernelEnd;
        // memtest86+ calls itself a bzImage, but has nothing to unpack.
        if (o.unpack() && image.u32(PAYLOAD_LENGTH) != 0) {
            if (!use64) {
                throw new LoaderException(image.name() + ": only 64-bit kernels can be unpacked before the start");
            }
            Elf vmlinux = Elf.parse(KernelUnpacker.unpack(image, setupBytes + image.u32(PAYLOAD_OFFSET), image.u32(PAYLOAD_LENGTH)));
            kernelEnd = Math.max(ElfLoader.loadSegments(vmlinux, gpa, o), kernelEnd(o));
            s = EntryState.long64(gpa, vmlinux.entry());
        } else {
            long address = loadAddress();
            kernelEnd = kernelEnd(o);
            GuestWriter.need(gpa, o, "kernel", address, kernelEnd);
            GuestWriter.segment(gpa, o, "kernel", image, setupBytes, image.size() - setupBytes, address, 0);
            zeroPage.putInt(CODE32_START, (int) address);
            s = use64 ? EntryState.long64(gpa, address + ENTRY_64) : EntryState.protected32(gpa, address);
        }
        fillZeroPage(zeroPage, gpa, o, kernelEnd);
        gpa.write(BootLayout.ZERO_PAGE, zeroPage.array());
        s.gpr[RSI] = BootLayout.ZERO_PAGE;
        return s;
    }

    /** Where the protected-mode part goes: where it would like to be if it says so, else at 1 MiB. */
    private long loadAddress() throws LoaderException {
        if (version < 0x20A) {
            return DEFAULT_ADDRESS;
        }
        long preferred = image.i64(PREF_ADDRESS);
        return preferred >= DEFAULT_ADDRESS && preferred < MemoryLayout.LOW_RAM_END ? preferred : DEFAULT_ADDRESS;
    }

    /** {@return the first address that the kernel does not need before it reads its memory map} */
    private long kernelEnd(BootOptions o) throws LoaderException {
        long bytes = image.size() - setupBytes;
        long initSize = version >= 0x20A ? image.u32(INIT_SIZE) : 0;
        return loadAddress() + Math.max(bytes, initSize);
    }

    private void fillZeroPage(ByteBuffer z, GpaSpace gpa, BootOptions o, long kernelEnd) throws LoaderException {
        z.put(TYPE_OF_LOADER, (byte) LOADER_UNDEFINED);
        int commandLineMax = (int) Math.min(image.u32(CMDLINE_SIZE), BootLayout.COMMAND_LINE_MAX - 1);
        z.putInt(CMD_LINE_PTR, (int) GuestWriter.commandLine(gpa, o.commandLine(), commandLineMax));
        z.putInt(RAMDISK_IMAGE, 0).putInt(RAMDISK_SIZE, 0);
        if (o.initrd() != null) {
            long size = KernelImage.sizeOf(o.initrd());
            long at = GuestWriter.initrdBelow(gpa, o, size, image.u32(INITRD_ADDR_MAX) + 1, kernelEnd);
            z.putInt(RAMDISK_IMAGE, (int) at).putInt(RAMDISK_SIZE, (int) size);
        }
        z.putLong(ACPI_RSDP_ADDR, o.acpiRsdp());
        long above1M = MemoryLayout.lowBytes(o.memoryBytes()) - MemoryLayout.HIGH;
        z.putInt(ALT_MEM_K, (int) (above1M >> 10));
        z.putShort(EXT_MEM_K, (short) Math.min(above1M >> 10, 0xFC00));
        List<MemoryMap.Entry> map = MemoryMap.of(o.memoryBytes()).entries();
        z.put(E820_ENTRIES, (byte) map.size());
        for (int i = 0; i < map.size(); i++) {
            MemoryMap.Entry e = map.get(i);
            int at = E820_TABLE + i * 20;
            z.putLong(at, e.base()).putLong(at + 8, e.size()).putInt(at + 16, e.type());
        }
        if (version >= 0x209) {
            z.putLong(LinuxHeader.SETUP_DATA, o.randomSeed() == null ? 0 : seed(gpa, o.randomSeed()));
        }
    }

    /** Writes a setup_data record with entropy. {@return its address} */
    private static long seed(GpaSpace gpa, byte[] seed) throws LoaderException {
        if (seed.length > 1024) {
            throw new LoaderException("random seed too long: " + seed.length + " bytes");
        }
        ByteBuffer record = ByteBuffer.allocate(16 + seed.length).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(0).putInt(SETUP_RNG_SEED).putInt(seed.length).put(seed);
        gpa.write(BootLayout.SETUP_DATA, record.array());
        return BootLayout.SETUP_DATA;
    }
}
