package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;

/** Writes new VHD images, and the structures that a resize writes anew. */
final class VhdCreator {
    static final int DEFAULT_BLOCK = 2 << 20;
    private static final int LOCATOR_SPACE = 4096;

    private VhdCreator() {
    }

    /** @param relative the parent's path as seen from the child; with {@code absolute} null without a parent */
    static void create(ImageFile file, DiskSpec spec, DiskImage parent, String relative, String absolute) throws IOException {
        if (spec.size() <= 0 || spec.size() % SECTOR != 0 || spec.size() > MAX_DISK_SIZE) {
            throw DiskFormatException.of(file.name(), "a VHD has a multiple of 512 bytes up to 2040 GiB, not " + spec.size());
        }
        if (spec.sectorSize() != 0 && spec.sectorSize() != SECTOR) {
            throw DiskFormatException.of(file.name(), "a VHD has sectors of 512 bytes");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = footer(arena, spec);
            if (spec.type() == DiskType.FIXED) {
                file.write(footer, spec.size());
                file.sync();
                return;
            }
            int block = spec.blockSize() == 0 ? DEFAULT_BLOCK : spec.blockSize();
            if (block < 512 << 10 || block > 256 << 20 || Integer.bitCount(block) != 1) {
                throw DiskFormatException.of(file.name(), "a VHD block is a power of 2 from 512 KiB to 256 MiB, not " + block);
            }
            int entries = (int) ((spec.size() + block - 1) / block);
            long tableOffset = FOOTER_SIZE + HEADER_SIZE;
            long tableBytes = (long) entries * 4 + SECTOR - 1 & -SECTOR;
            long end = tableOffset + tableBytes;
            MemorySegment header = arena.allocate(HEADER_SIZE, 8);
            u64(header, 0, HEADER_COOKIE);
            u64(header, 8, -1);
            u64(header, TABLE_OFFSET, tableOffset);
            u32(header, HEADER_VERSION, VERSION_1);
            u32(header, MAX_ENTRIES, entries);
            u32(header, BLOCK_SIZE, block);
            if (parent != null) {
                id(header, PARENT_ID, parent.id());
                u32(header, PARENT_TIMESTAMP, timestamp(spec.created()));
                byte[] name = relative.substring(Math.max(relative.lastIndexOf('\\'), relative.lastIndexOf('/')) + 1).getBytes(StandardCharsets.UTF_16BE);
                MemorySegment.copy(name, 0, header, ValueLayout.JAVA_BYTE, PARENT_NAME, Math.min(name.length, 510));
                locator(file, header, 0, W2RU, relative, end);
                locator(file, header, 1, W2KU, absolute, end + LOCATOR_SPACE);
                end += 2 * LOCATOR_SPACE;
            }
            u32(header, HEADER_CHECKSUM, checksum(header, HEADER_CHECKSUM));
            file.write(footer, 0);
            file.write(header, FOOTER_SIZE);
            file.write(arena.allocate(tableBytes, 8).fill((byte) 0xff), tableOffset);
            file.write(footer, end);
            file.sync();
        }
    }

    private static void locator(ImageFile file, MemorySegment header, int index, int code, String name, long at) throws IOException {
        byte[] text = name.getBytes(StandardCharsets.UTF_16LE);
        if (text.length > LOCATOR_SPACE) {
            throw DiskFormatException.of(file.name(), "the parent's path is too long for a VHD");
        }
        long entry = LOCATORS + (long) index * LOCATOR_SIZE;
        u32(header, entry, code);
        u32(header, entry + 4, LOCATOR_SPACE);
        u32(header, entry + 8, text.length);
        u64(header, entry + 16, at);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(LOCATOR_SPACE, 8);
            MemorySegment.copy(text, 0, m, ValueLayout.JAVA_BYTE, 0, text.length);
            file.write(m, at);
        }
    }

    private static MemorySegment footer(Arena arena, DiskSpec spec) {
        MemorySegment f = arena.allocate(FOOTER_SIZE, 8);
        u64(f, 0, COOKIE);
        u32(f, FEATURES, 2);
        u32(f, VERSION, VERSION_1);
        u64(f, DATA_OFFSET, spec.type() == DiskType.FIXED ? -1L : FOOTER_SIZE);
        u32(f, TIMESTAMP, timestamp(spec.created()));
        u32(f, CREATOR, CREATOR_WIN);
        u32(f, CREATOR_VERSION, 0xa0000);
        u32(f, CREATOR_HOST, HOST_WINDOWS);
        u64(f, ORIGINAL_SIZE, spec.size());
        setSize(f, spec.size());
        u32(f, TYPE, switch (spec.type()) {
            case FIXED -> TYPE_FIXED;
            case DYNAMIC -> TYPE_DYNAMIC;
            case DIFFERENCING -> TYPE_DIFFERENCING;
        });
        id(f, UNIQUE_ID, UUID.randomUUID());
        sealFooter(f);
        return f;
    }

    private static void setSize(MemorySegment footer, long size) {
        // A resized disk has this size whatever its creator thought of geometry.
        u32(footer, CREATOR, CREATOR_WIN);
        u64(footer, CURRENT_SIZE, size);
        u32(footer, GEOMETRY, geometry(size));
    }

    private static int timestamp(Instant t) {
        return (int) Math.max(0, t.getEpochSecond() - EPOCH_2000);
    }

    /**
     * Gives a fixed image another size. The image is closed. The file ends with a valid footer all the time, first with the old size at the
     * place that a larger file ends, so that what the old footer's place holds is never seen.
     */
    static void resizeFixed(ImageFile file, long size) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = arena.allocate(FOOTER_SIZE, 8);
            long end = file.size() - FOOTER_SIZE;
            file.read(footer, end);
            long old = diskSize(footer);
            if (size > end) {
                file.write(footer, size);
                end = size;
                file.sync();
            }
            if (size > old) {
                file.zero(old, size - old);
                file.sync();
            }
            setSize(footer, size);
            sealFooter(footer);
            file.write(footer, end);
            file.sync();
            if (size < end) {
                file.write(footer, size);
                file.sync();
                file.resize(size + FOOTER_SIZE);
                file.sync();
            }
        }
    }

    /** Gives a dynamic or differencing image another size; the table moves behind the blocks when it must grow. The image is closed. */
    static void resizeDynamic(ImageFile file, long size, long end) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = arena.allocate(FOOTER_SIZE, 8);
            file.read(footer, 0);
            MemorySegment header = arena.allocate(HEADER_SIZE, 8);
            long headerAt = u64(footer, DATA_OFFSET);
            file.read(header, headerAt);
            int entries = (int) ((size + u32(header, BLOCK_SIZE) - 1) / u32(header, BLOCK_SIZE));
            int old = u32(header, MAX_ENTRIES);
            if (Integer.compareUnsigned(entries, old) > 0) {
                MemorySegment table = arena.allocate((long) entries * 4 + SECTOR - 1 & -SECTOR, 8).fill((byte) 0xff);
                file.read(table.asSlice(0, 4L * old), u64(header, TABLE_OFFSET));
                file.write(footer, end + table.byteSize());
                file.write(table, end);
                end += table.byteSize();
                file.sync();
                u64(header, TABLE_OFFSET, end - table.byteSize());
                u32(header, MAX_ENTRIES, entries);
                u32(header, HEADER_CHECKSUM, 0);
                u32(header, HEADER_CHECKSUM, checksum(header, HEADER_CHECKSUM));
                file.write(header, headerAt);
                file.sync();
            }
            long used = Math.min(diskSize(footer), size);
            forgetFrom(file, header, (used + u32(header, BLOCK_SIZE) - 1) / u32(header, BLOCK_SIZE));
            setSize(footer, size);
            sealFooter(footer);
            file.write(footer, end);
            file.sync();
            file.write(footer, 0);
            file.resize(end + FOOTER_SIZE);
            file.sync();
        }
    }

    // Entries behind the disk's end name blocks that are long used otherwise.
    private static void forgetFrom(ImageFile file, MemorySegment header, long block) throws IOException {
        long bytes = 4 * (Integer.toUnsignedLong(u32(header, MAX_ENTRIES)) - block);
        if (bytes > 0) {
            try (Arena arena = Arena.ofConfined()) {
                file.write(arena.allocate(bytes, 8).fill((byte) 0xff), u64(header, TABLE_OFFSET) + 4 * block);
            }
        }
    }

    /** Gives the image a new identity: children of the old content must notice. */
    static void newIdentity(ImageFile file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = arena.allocate(FOOTER_SIZE, 8);
            long last = file.size() - FOOTER_SIZE;
            file.read(footer, last);
            id(footer, UNIQUE_ID, UUID.randomUUID());
            sealFooter(footer);
            file.write(footer, last);
            if (u32(footer, TYPE) != TYPE_FIXED) {
                file.write(footer, 0);
            }
            file.sync();
        }
    }

    static String readText(ImageFile file, long at, int length) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(Math.max(1, length), 8);
            file.read(m, at);
            return new String(m.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_16LE);
        }
    }

    static String parentName(MemorySegment header) {
        String s = new String(header.asSlice(PARENT_NAME, 512).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_16BE);
        int end = s.indexOf(0);
        return end < 0 ? s : s.substring(0, end);
    }
}
