package dev.jvisor.vmm.loader;

import java.util.ArrayList;
import java.util.List;

/** As much of an ELF32 or ELF64 executable for x86 as a loader needs (System V ABI, gABI chapters 4 and 5). */
final class Elf {
    private static final int MAGIC = 0x464C457F;
    private static final int MACHINE_386 = 3;
    private static final int MACHINE_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    /** XEN_ELFNOTE_PHYS32_ENTRY (Xen, public/elfnote.h). */
    private static final int NOTE_PHYS32_ENTRY = 18;
    private static final int HEADERS_MAX = 1024;

    /** A program header. */
    record Segment(int type, long offset, long virtual, long physical, long fileSize, long memorySize) { }

    private final ImageBytes image;
    private final boolean wide;
    private final long entry;
    private final List<Segment> segments;

    private Elf(ImageBytes image, boolean wide, long entry, List<Segment> segments) {
        this.image = image;
        this.wide = wide;
        this.entry = entry;
        this.segments = segments;
    }

    static boolean isElf(ImageBytes image) throws LoaderException {
        return image.size() >= 52 && image.i32(0) == MAGIC;
    }

    static Elf parse(ImageBytes image) throws LoaderException {
        int elfClass = image.u8(4);
        int machine = image.u16(18);
        if (image.u8(5) != 1 || elfClass != 1 && elfClass != 2 || machine != MACHINE_386 && machine != MACHINE_X86_64) {
            throw new LoaderException(image.name() + ": an ELF file, but not for x86");
        }
        boolean wide = elfClass == 2;
        long entry = wide ? image.i64(24) : image.u32(24);
        long table = wide ? image.i64(32) : image.u32(28);
        int size = image.u16(wide ? 54 : 42);
        int count = image.u16(wide ? 56 : 44);
        if (count > HEADERS_MAX || count > 0 && size < (wide ? 56 : 32)) {
            throw new LoaderException(image.name() + ": damaged ELF program headers");
        }
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long h = table + (long) i * size;
            segments.add(wide
                    ? new Segment(image.i32(h), image.i64(h + 8), image.i64(h + 16), image.i64(h + 24), image.i64(h + 32), image.i64(h + 40))
                    : new Segment(image.i32(h), image.u32(h + 4), image.u32(h + 8), image.u32(h + 12), image.u32(h + 16), image.u32(h + 20)));
        }
        return new Elf(image, wide, entry, segments);
    }

    ImageBytes image() {
        return image;
    }

    boolean wide() {
        return wide;
    }

    /** {@return e_entry as it stands} */
    long entry() {
        return entry;
    }

    /** {@return the physical address of e_entry, for files whose entry is a virtual address} */
    long physicalEntry() {
        for (Segment s : segments) {
            if (s.type == PT_LOAD && entry - s.virtual >= 0 && entry - s.virtual < s.memorySize) {
                return s.physical + (entry - s.virtual);
            }
        }
        return entry;
    }

    List<Segment> loadable() {
        return segments.stream().filter(s -> s.type == PT_LOAD && s.memorySize != 0).toList();
    }

    /** {@return the 32-bit entry named by a Xen note, -1 without one} */
    long pvhEntry() throws LoaderException {
        for (Segment s : segments) {
            if (s.type != PT_NOTE) {
                continue;
            }
            long at = s.offset;
            long end = s.offset + s.fileSize;
            image.check(s.offset, s.fileSize);
            while (at + 12 <= end) {
                long nameSize = image.u32(at);
                long size = image.u32(at + 4);
                long description = at + 12 + (nameSize + 3 & ~3L);
                if (image.i32(at + 8) == NOTE_PHYS32_ENTRY && nameSize == 4 && image.i32(at + 12) == 0x006E6558) {
                    return size >= 8 ? image.i64(description) : image.u32(description);
                }
                at = description + (size + 3 & ~3L);
            }
        }
        return -1;
    }
}
