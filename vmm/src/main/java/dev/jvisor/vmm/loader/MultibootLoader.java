package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A multiboot (version 1) kernel, as ELF or with addresses in its header ("a.out kludge"). Source: Multiboot Specification 0.6.96. */
public final class MultibootLoader implements KernelImage {
    private static final int HEADER_MAGIC = 0x1BADB002;
    private static final int LOADER_MAGIC = 0x2BADB002;
    private static final int SEARCH = 8192;
    private static final int HAS_ADDRESSES = 1 << 16;
    /** Mandatory flags we know: modules on page borders, memory information, video mode (answered with none). */
    private static final int KNOWN_MANDATORY = 7;

    private static final int INFO_MEMORY = 1, INFO_CMDLINE = 1 << 2, INFO_MODULES = 1 << 3, INFO_MMAP = 1 << 6, INFO_NAME = 1 << 9;
    private static final int MMAP_AT = 0x100;
    private static final int MODULES_AT = 0x400;
    private static final int NAME_AT = 0x440;
    private static final int MODULE_NAME_AT = 0x480;
    private static final int RAX = 0, RBX = 3;

    private final ImageBytes image;

    MultibootLoader(ImageBytes image) {
        this.image = image;
    }

    /** {@return where the multiboot header is, -1 if nowhere} */
    static int headerOffset(ImageBytes image) throws LoaderException {
        for (int at = 0; at + 12 <= Math.min(image.size(), SEARCH); at += 4) {
            if (image.i32(at) == HEADER_MAGIC && image.i32(at) + image.i32(at + 4) + image.i32(at + 8) == 0) {
                return at;
            }
        }
        return -1;
    }

    @Override
    public String describe() {
        return "multiboot kernel";
    }

    @Override
    public VpState load(GpaSpace gpa, BootOptions o) throws LoaderException {
        int header = headerOffset(image);
        int flags = image.i32(header + 4);
        if ((flags & 0xFFFF & ~KNOWN_MANDATORY) != 0) {
            throw new LoaderException(image.name() + ": wants multiboot features that are not there: flags=0x" + Integer.toHexString(flags));
        }
        long entry;
        long end;
        if ((flags & HAS_ADDRESSES) != 0) {
            long headerAddress = image.u32(header + 12);
            long load = image.u32(header + 16);
            long loadEnd = image.u32(header + 20);
            long bssEnd = image.u32(header + 24);
            entry = image.u32(header + 28);
            long offset = header - (headerAddress - load);
            long size = loadEnd == 0 ? image.size() - offset : loadEnd - load;
            GuestWriter.segment(gpa, o, "kernel", image, offset, size, load, bssEnd == 0 ? size : bssEnd - load);
            end = Math.max(load + size, bssEnd);
        } else if (Elf.isElf(image)) {
            Elf elf = Elf.parse(image);
            end = ElfLoader.loadSegments(elf, gpa, o);
            entry = elf.physicalEntry();
        } else {
            throw new LoaderException(image.name() + ": a multiboot header without addresses in a file that is not ELF");
        }
        VpState s = EntryState.protected32(gpa, entry);
        s.gpr[RAX] = LOADER_MAGIC;
        s.gpr[RBX] = writeInfo(gpa, o, end);
        return s;
    }

    private long writeInfo(GpaSpace gpa, BootOptions o, long kernelEnd) throws LoaderException {
        ByteBuffer info = ByteBuffer.allocate(0x1000).order(ByteOrder.LITTLE_ENDIAN);
        long base = BootLayout.START_INFO;
        int flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_NAME;
        List<MemoryMap.Entry> map = MemoryMap.of(o.memoryBytes()).entries();
        info.putInt(4, (int) (BootLayout.EBDA >> 10));
        info.putInt(8, (int) (map.stream().filter(e -> e.base() == 0x100000).mapToLong(MemoryMap.Entry::size).sum() >> 10));
        String line = !o.imageName() ? o.commandLine() : o.commandLine().isEmpty() ? image.name() : image.name() + " " + o.commandLine();
        info.putInt(16, (int) GuestWriter.commandLine(gpa, line, BootLayout.COMMAND_LINE_MAX - 1));
        if (o.initrd() != null) {
            flags |= INFO_MODULES;
            long size = KernelImage.sizeOf(o.initrd());
            long at = kernelEnd + 4095 & -4096L;
            GuestWriter.need(gpa, o, "kernel and module", at, at + size);
            GuestWriter.file(gpa, o.initrd(), at, size);
            info.putInt(20, 1).putInt(24, (int) base + MODULES_AT);
            info.putInt(MODULES_AT, (int) at).putInt(MODULES_AT + 4, (int) (at + size)).putInt(MODULES_AT + 8, (int) base + MODULE_NAME_AT);
            byte[] name = o.initrd().getFileName().toString().getBytes(StandardCharsets.UTF_8);
            info.put(MODULE_NAME_AT, name, 0, Math.min(name.length, 0x1000 - MODULE_NAME_AT - 1));
        }
        info.putInt(44, map.size() * 24).putInt(48, (int) base + MMAP_AT);
        for (int i = 0; i < map.size(); i++) {
            MemoryMap.Entry e = map.get(i);
            int at = MMAP_AT + i * 24;
            info.putInt(at, 20).putLong(at + 4, e.base()).putLong(at + 12, e.size()).putInt(at + 20, e.type());
        }
        info.putInt(64, (int) base + NAME_AT).put(NAME_AT, "jvisor".getBytes(StandardCharsets.US_ASCII));
        info.putInt(0, flags);
        gpa.write(base, info.array());
        return base;
    }
}
