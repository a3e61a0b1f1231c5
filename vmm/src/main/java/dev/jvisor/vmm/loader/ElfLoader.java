package dev.jvisor.vmm.loader;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * An ELF kernel with a PVH note: entered in flat 32-bit protected mode with EBX at an {@code hvm_start_info} (Xen, docs/misc/pvh.pandoc and
 * public/arch-x86/hvm/start_info.h).
 */
public final class ElfLoader implements KernelImage {
    private static final int START_MAGIC = 0x336EC578;
    private static final int MEMORY_MAP_AT = 0x100;
    private static final int MODULES_AT = 0xF00;
    private static final int RBX = 3;

    private final Elf elf;

    ElfLoader(Elf elf) {
        this.elf = elf;
    }

    @Override
    public String describe() {
        return "ELF" + (elf.wide() ? "64" : "32") + " with a PVH note";
    }

    @Override
    public VpState load(GpaSpace gpa, BootOptions o) throws LoaderException {
        long end = loadSegments(elf, gpa, o);
        List<MemoryMap.Entry> map = MemoryMap.of(o.memoryBytes()).entries();
        ByteBuffer info = ByteBuffer.allocate(0x1000).order(ByteOrder.LITTLE_ENDIAN);
        long base = BootLayout.START_INFO;
        info.putInt(0, START_MAGIC).putInt(4, 1);
        if (o.initrd() != null) {
            long size = KernelImage.sizeOf(o.initrd());
            long at = GuestWriter.initrdBelow(gpa, o, size, 1L << 32, end);
            info.putInt(12, 1).putLong(16, base + MODULES_AT);
            info.putLong(MODULES_AT, at).putLong(MODULES_AT + 8, size);
        }
        info.putLong(24, GuestWriter.commandLine(gpa, o.commandLine(), BootLayout.COMMAND_LINE_MAX - 1));
        info.putLong(32, o.acpiRsdp());
        info.putLong(40, base + MEMORY_MAP_AT).putInt(48, map.size());
        for (int i = 0; i < map.size(); i++) {
            MemoryMap.Entry e = map.get(i);
            int at = MEMORY_MAP_AT + i * 24;
            info.putLong(at, e.base()).putLong(at + 8, e.size()).putInt(at + 16, e.type());
        }
        gpa.write(base, info.array());
        VpState s = EntryState.protected32(gpa, elf.pvhEntry());
        s.gpr[RBX] = base;
        return s;
    }

    /** Writes every loadable segment to its physical address. {@return the first address after them} */
    static long loadSegments(Elf elf, GpaSpace gpa, BootOptions o) throws LoaderException {
        long end = 0;
        long needed = 0;
        for (Elf.Segment s : elf.loadable()) {
            needed = Math.max(needed, s.physical() + s.memorySize());
        }
        for (Elf.Segment s : elf.loadable()) {
            // The whole kernel's need, not that of its first segment that fails, is what the user wants to know.
            if (s.physical() >= 0x100000 && s.physical() < needed) {
                GuestWriter.need(gpa, o, "kernel", s.physical(), needed);
            }
            GuestWriter.segment(gpa, o, "kernel", elf.image(), s.offset(), s.fileSize(), s.physical(), s.memorySize());
            end = Math.max(end, s.physical() + s.memorySize());
        }
        if (end == 0) {
            throw new LoaderException(elf.image().name() + ": an ELF file without anything to load");
        }
        return end;
    }
}
