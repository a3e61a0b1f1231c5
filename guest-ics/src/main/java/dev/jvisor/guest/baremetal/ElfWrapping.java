package dev.jvisor.guest.baremetal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Wraps flat bytes as an ELF64 executable with the note that PVH loaders start by (Xen's public/elfnote.h). */
final class ElfWrapping {
    private static final int HEADER_BYTES = 64;
    private static final int PROGRAM_HEADER_BYTES = 56;
    private static final int NOTE_OFFSET = 0x200;
    private static final int NOTE_BYTES = 24;
    /** Page-aligned, so that file and memory addresses agree modulo the page size. */
    private static final int IMAGE_OFFSET = 0x1000;
    private static final short ET_EXEC = 2;
    private static final short EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    private ElfWrapping() {
    }

    static byte[] wrap(GuestProgram program) {
        int length = program.image().length;
        ByteBuffer elf = ByteBuffer.allocate(IMAGE_OFFSET + length).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        elf.putShort(ET_EXEC).putShort(EM_X86_64).putInt(1);
        elf.putLong(program.entry()).putLong(HEADER_BYTES).putLong(0).putInt(0);
        elf.putShort((short) HEADER_BYTES).putShort((short) PROGRAM_HEADER_BYTES).putShort((short) 2);
        elf.putShort((short) 0).putShort((short) 0).putShort((short) 0);
        programHeader(elf, PT_LOAD, 7, IMAGE_OFFSET, program.loadAddress(), length, 0x1000);
        programHeader(elf, PT_NOTE, 4, NOTE_OFFSET, 0, NOTE_BYTES, 4);
        elf.position(NOTE_OFFSET);
        elf.putInt(4).putInt(8).putInt(XEN_ELFNOTE_PHYS32_ENTRY).put("Xen\0".getBytes(StandardCharsets.US_ASCII)).putLong(program.entry());
        elf.position(IMAGE_OFFSET);
        elf.put(program.image());
        return elf.array();
    }

    private static void programHeader(ByteBuffer elf, int type, int flags, long offset, long address, long bytes, long alignment) {
        elf.putInt(type).putInt(flags).putLong(offset).putLong(address).putLong(address).putLong(bytes).putLong(bytes).putLong(alignment);
    }
}
