package dev.jvisor.guest.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a dynamically linked ELF file for x86-64 says about libraries. Source: System V ABI, "Dynamic Linking".
 *
 * @param name the name it goes by as a library (DT_SONAME); empty for programs
 * @param needed names of the libraries it needs (DT_NEEDED)
 */
record ElfLibraries(String name, List<String> needed) {
    private static final int MAGIC = 0x464C457F;
    private static final int CLASS_64 = 2;
    private static final int PROGRAM_HEADERS = 32, PROGRAM_HEADER_SIZE = 54, PROGRAM_HEADER_COUNT = 56;
    private static final int PT_LOAD = 1, PT_DYNAMIC = 2;
    private static final int DT_NULL = 0, DT_NEEDED = 1, DT_STRTAB = 5, DT_SONAME = 14;
    private static final int HEADER = 64;

    /** {@return what the file says; empty when it is no such file, or damaged} */
    static Optional<ElfLibraries> of(byte[] file) {
        ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        if (file.length < HEADER || b.getInt(0) != MAGIC || b.get(4) != CLASS_64) {
            return Optional.empty();
        }
        try {
            return Optional.of(read(b));
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            return Optional.empty();
        }
    }

    private static ElfLibraries read(ByteBuffer b) {
        long dynamic = segment(b, PT_DYNAMIC, -1);
        if (dynamic < 0) {
            return new ElfLibraries("", List.of());
        }
        long strings = 0;
        List<Long> needed = new ArrayList<>();
        long soname = -1;
        for (int at = Math.toIntExact(dynamic); b.getLong(at) != DT_NULL; at += 16) {
            long value = b.getLong(at + 8);
            switch ((int) b.getLong(at)) {
                case DT_NEEDED -> needed.add(value);
                case DT_STRTAB -> strings = segment(b, PT_LOAD, value);
                case DT_SONAME -> soname = value;
                default -> { }
            }
        }
        List<String> names = new ArrayList<>();
        for (long n : needed) {
            names.add(string(b, strings + n));
        }
        return new ElfLibraries(soname < 0 ? "" : string(b, strings + soname), names);
    }

    /** {@return where in the file a segment begins, or for an address in it (not -1) where that address is; -1 when there is none} */
    private static long segment(ByteBuffer b, int type, long address) {
        int at = Math.toIntExact(b.getLong(PROGRAM_HEADERS));
        for (int i = 0; i < b.getShort(PROGRAM_HEADER_COUNT); i++, at += b.getShort(PROGRAM_HEADER_SIZE)) {
            long offset = b.getLong(at + 8);
            long start = b.getLong(at + 16);
            if (b.getInt(at) == type && (address < 0 || address >= start && address < start + b.getLong(at + 32))) {
                return address < 0 ? offset : offset + address - start;
            }
        }
        return -1;
    }

    private static String string(ByteBuffer b, long at) {
        int start = Math.toIntExact(at);
        int end = start;
        while (b.get(end) != 0) {
            end++;
        }
        return new String(b.array(), start, end - start, StandardCharsets.UTF_8);
    }
}
