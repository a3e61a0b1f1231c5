package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdxLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/** Writes new VHDX images, and resizes closed ones. */
final class VhdxCreator {
    static final int DEFAULT_BLOCK = 32 << 20;
    /** Differencing images copy nothing, but small blocks keep their files small (as Windows makes them). */
    static final int DEFAULT_DIFFERENCING_BLOCK = 2 << 20;
    private static final long LOG_OFFSET = MIB;
    private static final long LOG_SIZE = MIB;
    private static final long METADATA_OFFSET = 2 * MIB;
    private static final long TABLE_OFFSET = 3 * MIB;
    private static final long MAX_RESERVED = 64 * MIB;
    private static final int ITEMS = METADATA_TABLE_SIZE;

    private VhdxCreator() {
    }

    /** @param relative the parent's path as seen from the child; with {@code absolute} null without a parent */
    static void create(ImageFile file, DiskSpec spec, DiskImage parent, String relative, String absolute) throws IOException {
        int sector = spec.sectorSize() == 0 ? 512 : spec.sectorSize();
        int block = spec.blockSize() != 0 ? spec.blockSize() : parent != null ? DEFAULT_DIFFERENCING_BLOCK : DEFAULT_BLOCK;
        if (sector != 512 && sector != 4096) {
            throw DiskFormatException.of(file.name(), "a VHDX has sectors of 512 or 4096 bytes, not " + sector);
        }
        if (spec.size() <= 0 || spec.size() % sector != 0 || spec.size() > MAX_DISK_SIZE) {
            throw DiskFormatException.of(file.name(), "a VHDX has a multiple of " + sector + " bytes up to 64 TiB, not " + spec.size());
        }
        if (block < MIB || block > 256 * MIB || Integer.bitCount(block) != 1) {
            throw DiskFormatException.of(file.name(), "a VHDX block is a power of 2 from 1 MiB to 256 MiB, not " + block);
        }
        long blocks = (spec.size() + block - 1) / block;
        int ratio = (int) (SECTORS_PER_CHUNK * sector / block);
        long entries = VhdxMetadata.batEntries(blocks, ratio, parent != null);
        long tableSize = entries * 8 + MIB - 1 & -MIB;
        boolean fixed = spec.type() == DiskType.FIXED;
        try (Arena arena = Arena.ofConfined()) {
            long end = TABLE_OFFSET + tableSize;
            file.resize(fixed ? end + blocks * block : end);
            // A flush that finds the host's disk full would be worse than a write that does.
            file.reserve(0, Math.min(end, MAX_RESERVED));
            if (fixed) {
                MemorySegment table = arena.allocate(tableSize, PAGE);
                for (long i = 0; i < blocks; i++) {
                    LittleEndian.u64(table, (i + i / ratio) * 8, end + i * block | FULLY_PRESENT);
                }
                file.write(table, TABLE_OFFSET);
            }
            UUID id = parent == null ? UUID.randomUUID() : parent.id();
            file.write(metadata(arena, spec, block, sector, fixed, id, locator(parent, relative, absolute)), METADATA_OFFSET);
            MemorySegment regions = regions(arena, TABLE_OFFSET, tableSize);
            file.write(regions, REGIONS_1);
            file.write(regions, REGIONS_2);
            VhdxHeader.create(file, LOG_OFFSET, LOG_SIZE);
            file.sync();
            // Last: a file without its signature was never an image.
            MemorySegment head = arena.allocate(PAGE, PAGE);
            LittleEndian.u64(head, 0, FILE_SIGNATURE);
            byte[] creator = "jvisor".getBytes(StandardCharsets.UTF_16LE);
            MemorySegment.copy(creator, 0, head, ValueLayout.JAVA_BYTE, CREATOR, creator.length);
            file.write(head, 0);
            file.sync();
        }
    }

    private static MemorySegment regions(Arena arena, long tableOffset, long tableSize) {
        MemorySegment m = arena.allocate(REGIONS_SIZE, PAGE);
        LittleEndian.u32(m, 0, REGIONS_SIGNATURE);
        LittleEndian.u32(m, 8, 2);
        region(m, 16, BAT_REGION, tableOffset, tableSize);
        region(m, 48, METADATA_REGION, METADATA_OFFSET, MIB);
        LittleEndian.u32(m, 4, LittleEndian.crcAt4(m));
        return m;
    }

    private static void region(MemorySegment m, long at, UUID id, long offset, long length) {
        LittleEndian.guid(m, at, id);
        LittleEndian.u64(m, at + 16, offset);
        LittleEndian.u32(m, at + 24, (int) length);
        LittleEndian.u32(m, at + 28, 1);
    }

    private static MemorySegment metadata(Arena arena, DiskSpec spec, int block, int sector, boolean fixed, UUID id, MemorySegment locator) {
        MemorySegment m = arena.allocate(MIB, PAGE);
        LittleEndian.u64(m, 0, METADATA_SIGNATURE);
        boolean child = locator.byteSize() > 0;
        LittleEndian.u16(m, 10, child ? 6 : 5);
        item(m, 0, FILE_PARAMETERS, ITEMS, 8, ITEM_IS_REQUIRED);
        item(m, 1, VIRTUAL_DISK_SIZE, ITEMS + 8, 8, ITEM_IS_REQUIRED | ITEM_IS_VIRTUAL_DISK);
        item(m, 2, PAGE_83_DATA, ITEMS + 16, 16, ITEM_IS_REQUIRED | ITEM_IS_VIRTUAL_DISK);
        item(m, 3, LOGICAL_SECTOR_SIZE, ITEMS + 32, 4, ITEM_IS_REQUIRED | ITEM_IS_VIRTUAL_DISK);
        item(m, 4, PHYSICAL_SECTOR_SIZE, ITEMS + 36, 4, ITEM_IS_REQUIRED | ITEM_IS_VIRTUAL_DISK);
        LittleEndian.u32(m, ITEMS, block);
        LittleEndian.u32(m, ITEMS + 4, (fixed ? LEAVE_BLOCKS_ALLOCATED : 0) | (child ? HAS_PARENT : 0));
        LittleEndian.u64(m, ITEMS + 8, spec.size());
        // A child is the same disk to its guest.
        LittleEndian.guid(m, ITEMS + 16, id);
        LittleEndian.u32(m, ITEMS + 32, sector);
        LittleEndian.u32(m, ITEMS + 36, 4096);
        if (child) {
            item(m, 5, PARENT_LOCATOR, ITEMS + 40, (int) locator.byteSize(), ITEM_IS_REQUIRED);
            MemorySegment.copy(locator, 0, m, ITEMS + 40, locator.byteSize());
        }
        return m;
    }

    private static void item(MemorySegment m, int index, UUID id, int offset, int length, int flags) {
        long at = 32 + 32L * index;
        LittleEndian.guid(m, at, id);
        LittleEndian.u32(m, at + 16, offset);
        LittleEndian.u32(m, at + 20, length);
        LittleEndian.u32(m, at + 24, flags);
    }

    private static MemorySegment locator(DiskImage parent, String relative, String absolute) {
        if (parent == null) {
            return MemorySegment.ofArray(new byte[0]);
        }
        Map<String, String> values = new LinkedHashMap<>();
        values.put("parent_linkage", "{" + ((VhdxImage) parent).dataWriteGuid() + "}");
        values.put("relative_path", relative);
        values.put("absolute_win32_path", absolute);
        int bytes = 20 + 12 * values.size();
        int text = bytes;
        for (Map.Entry<String, String> e : values.entrySet()) {
            bytes += 2 * (e.getKey().length() + e.getValue().length());
        }
        MemorySegment m = MemorySegment.ofArray(new byte[bytes]);
        LittleEndian.guid(m, 0, VHDX_LOCATOR_TYPE);
        LittleEndian.u16(m, 18, values.size());
        int at = 20;
        for (Map.Entry<String, String> e : values.entrySet()) {
            LittleEndian.u32(m, at, text);
            LittleEndian.u16(m, at + 8, 2 * e.getKey().length());
            text = put(m, text, e.getKey());
            LittleEndian.u32(m, at + 4, text);
            LittleEndian.u16(m, at + 10, 2 * e.getValue().length());
            text = put(m, text, e.getValue());
            at += 12;
        }
        return m;
    }

    private static int put(MemorySegment m, int at, String s) {
        byte[] b = s.getBytes(StandardCharsets.UTF_16LE);
        MemorySegment.copy(b, 0, m, ValueLayout.JAVA_BYTE, at, b.length);
        return at + b.length;
    }

    // Entries behind a smaller disk's end must not name space that is used otherwise later. What they name has been zeroed before.
    private static void forgetFrom(ImageFile file, VhdxMetadata old, long entries) throws IOException {
        long bytes = (old.batEntries() - entries) * 8;
        if (bytes <= 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment tail = arena.allocate(bytes, 8);
            file.read(tail, old.batOffset() + entries * 8);
            for (long at = 0; at < bytes; at += 8) {
                if (((int) LittleEndian.u64(tail, at) & STATE_MASK) >= FULLY_PRESENT) {
                    LittleEndian.u64(tail, at, NOT_PRESENT);
                }
            }
            file.write(tail, old.batOffset() + entries * 8);
            file.sync();
        }
    }

    /**
     * Gives a closed image another size. A table that must grow moves to the end of the file; region tables and size change together
     * through the log.
     *
     * @param end where free space begins in the file
     */
    static void resize(ImageFile file, long size, long end) throws IOException {
        VhdxHeader header = VhdxHeader.read(file);
        VhdxMetadata old = VhdxMetadata.read(file, header);
        if (size <= 0 || size % old.logicalSectorSize() != 0 || size > MAX_DISK_SIZE) {
            throw DiskFormatException.of(file.name(), "a VHDX has a multiple of " + old.logicalSectorSize() + " bytes up to 64 TiB, not " + size);
        }
        header.fileWillChange(false);
        VhdxLog log = new VhdxLog(file, header);
        try (Arena arena = Arena.ofConfined()) {
            long blocks = (size + old.blockSize() - 1) / old.blockSize();
            long entries = VhdxMetadata.batEntries(blocks, old.chunkRatio(), old.parent() != null);
            long tableOffset = old.batOffset();
            forgetFrom(file, old, entries);
            if (entries * 8 > old.batLength() || old.fixed() && blocks > old.blocks()) {
                MemorySegment table = arena.allocate(Math.max(entries * 8, old.batLength()) + MIB - 1 & -MIB, PAGE);
                file.read(table.asSlice(0, Math.min(old.batLength(), table.byteSize())), old.batOffset());
                tableOffset = end;
                end += table.byteSize();
                for (long b = old.blocks(); old.fixed() && b < blocks; b++) {
                    LittleEndian.u64(table, (b + b / old.chunkRatio()) * 8, end | FULLY_PRESENT);
                    end += old.blockSize();
                }
                file.resize(end);
                file.write(table, tableOffset);
                // Regions that we do not know are kept.
                MemorySegment regions = arena.allocate(REGIONS_SIZE, PAGE);
                file.read(regions, REGIONS_1);
                if (LittleEndian.u32(regions, 4) != LittleEndian.crcAt4(regions)) {
                    file.read(regions, REGIONS_2);
                }
                for (int i = 0; i < LittleEndian.u32(regions, 8); i++) {
                    if (LittleEndian.guid(regions, 16 + 32L * i).equals(BAT_REGION)) {
                        region(regions, 16 + 32L * i, BAT_REGION, tableOffset, table.byteSize());
                    }
                }
                LittleEndian.u32(regions, 4, LittleEndian.crcAt4(regions));
                for (long p = 0; p < REGIONS_SIZE; p += PAGE) {
                    log.add(REGIONS_1 + p, regions, p);
                    log.add(REGIONS_2 + p, regions, p);
                }
            }
            MemorySegment page = arena.allocate(PAGE, PAGE);
            long at = old.diskSizeOffset() & -PAGE;
            file.read(page, at);
            if (old.diskSizeOffset() % PAGE > PAGE - 8) {
                throw DiskFormatException.of(file.name(), "the disk size crosses a page");
            }
            LittleEndian.u64(page, old.diskSizeOffset() % PAGE, size);
            log.add(at, page, 0);
            log.commit();
            log.clear();
            file.sync();
        }
    }
}
