package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdxLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * What the region table (MS-VHDX 2.2.3) and the metadata region (2.6) say, checked.
 *
 * @param batOffset where the block allocation table is in the file
 * @param batLength its region's bytes
 * @param regions all regions of the file, known or not
 * @param diskSizeOffset where in the file the disk's size stands; changes with a resize
 * @param fixed blocks stay allocated
 * @param parent the parent locator's keys and values; null for a disk without a parent
 */
record VhdxMetadata(long batOffset, long batLength, List<Region> regions, long diskSizeOffset, int blockSize, boolean fixed, long diskSize,
        int logicalSectorSize, int physicalSectorSize, UUID page83, Map<String, String> parent) {

    /** A part of the file that a region table names. */
    record Region(long offset, long length) { }

    /** {@return payload blocks before each sector bitmap entry of the table} */
    int chunkRatio() {
        return (int) (SECTORS_PER_CHUNK * logicalSectorSize / blockSize);
    }

    /** {@return blocks of the disk} */
    long blocks() {
        return (diskSize + blockSize - 1) / blockSize;
    }

    /** {@return entries that the table must have} */
    long batEntries() {
        return batEntries(blocks(), chunkRatio(), parent != null);
    }

    static long batEntries(long blocks, int ratio, boolean differencing) {
        return differencing ? (blocks + ratio - 1) / ratio * (ratio + 1) : blocks + (blocks - 1) / ratio;
    }

    static VhdxMetadata read(ImageFile file, VhdxHeader header) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return new Reader(file, header, arena).read();
        }
    }

    /** Reads once; a class of its own so that the checks share the file and what was found. */
    private static final class Reader {
        private final ImageFile file;
        private final VhdxHeader header;
        private final Arena arena;
        private final long fileSize;
        private long batOffset;
        private long batLength;
        private long metadataOffset;
        private long metadataLength;
        private final List<Region> regions = new ArrayList<>();
        private MemorySegment table;

        Reader(ImageFile file, VhdxHeader header, Arena arena) throws IOException {
            this.file = file;
            this.header = header;
            this.arena = arena;
            fileSize = file.size();
        }

        private DiskFormatException wrong(String what) {
            return DiskFormatException.of(file.name(), what);
        }

        VhdxMetadata read() throws IOException {
            MemorySegment tables = arena.allocate(REGIONS_SIZE, PAGE);
            file.read(tables, REGIONS_1);
            if (!valid(tables)) {
                file.read(tables, REGIONS_2);
                if (!valid(tables)) {
                    throw wrong("neither VHDX region table is valid");
                }
            }
            readRegions(tables);
            table = arena.allocate(METADATA_TABLE_SIZE, PAGE);
            file.read(table, metadataOffset);
            if (LittleEndian.u64(table, 0) != METADATA_SIGNATURE || LittleEndian.u16(table, 10) > MAX_METADATA_ITEMS) {
                throw wrong("the metadata table is not valid");
            }
            checkRequiredItems();
            MemorySegment parameters = item(FILE_PARAMETERS, 8, 8);
            int blockSize = LittleEndian.u32(parameters, 0);
            int flags = LittleEndian.u32(parameters, 4);
            if (blockSize < MIB || blockSize > 256 * MIB || Integer.bitCount(blockSize) != 1) {
                throw wrong("block size " + Integer.toUnsignedLong(blockSize) + " is not a power of 2 from 1 MiB to 256 MiB");
            }
            long diskSize = LittleEndian.u64(item(VIRTUAL_DISK_SIZE, 8, 8), 0);
            int logical = LittleEndian.u32(item(LOGICAL_SECTOR_SIZE, 4, 4), 0);
            int physical = LittleEndian.u32(item(PHYSICAL_SECTOR_SIZE, 4, 4), 0);
            if (logical != 512 && logical != 4096 || physical != 512 && physical != 4096) {
                throw wrong("sector sizes " + logical + "/" + physical + " are not 512 or 4096");
            }
            if (diskSize <= 0 || diskSize > MAX_DISK_SIZE || diskSize % logical != 0) {
                throw wrong("disk size " + diskSize + " is not a multiple of the sector up to 64 TiB");
            }
            UUID page83 = LittleEndian.guid(item(PAGE_83_DATA, 16, 16), 0);
            Map<String, String> parent = (flags & HAS_PARENT) != 0 ? parentLocator() : null;
            VhdxMetadata m = new VhdxMetadata(batOffset, batLength, List.copyOf(regions), metadataOffset + itemOffset(VIRTUAL_DISK_SIZE), blockSize,
                    (flags & LEAVE_BLOCKS_ALLOCATED) != 0, diskSize, logical, physical, page83, parent);
            if (m.batEntries() * 8 > batLength) {
                throw wrong("the block allocation table has " + batLength + " bytes, " + m.batEntries() * 8 + " are needed");
            }
            return m;
        }

        private static boolean valid(MemorySegment m) {
            return LittleEndian.u32(m, 0) == REGIONS_SIGNATURE && LittleEndian.u32(m, 4) == LittleEndian.crcAt4(m);
        }

        private void readRegions(MemorySegment tables) throws IOException {
            int count = LittleEndian.u32(tables, 8);
            if (count < 0 || count > MAX_REGIONS) {
                throw wrong("the region table has " + Integer.toUnsignedLong(count) + " entries");
            }
            for (int i = 0; i < count; i++) {
                long at = 16 + 32L * i;
                UUID id = LittleEndian.guid(tables, at);
                long offset = LittleEndian.u64(tables, at + 16);
                long length = Integer.toUnsignedLong(LittleEndian.u32(tables, at + 24));
                boolean bat = id.equals(BAT_REGION);
                if (!bat && !id.equals(METADATA_REGION)) {
                    if ((LittleEndian.u32(tables, at + 28) & 1) != 0) {
                        throw wrong("the required region " + id + " is not known");
                    }
                    if (offset >= MIB && offset <= MAX_FILE_SIZE && length > 0) {
                        regions.add(new Region(offset, length));
                    }
                    continue;
                }
                if (offset < MIB || offset % MIB != 0 || length == 0 || length % MIB != 0 || length > fileSize || offset > fileSize - length
                        || (bat ? batLength : metadataLength) != 0) {
                    throw wrong("the " + (bat ? "table" : "metadata") + " region of " + length + " bytes at " + offset + " is not possible");
                }
                regions.add(new Region(offset, length));
                if (bat) {
                    batOffset = offset;
                    batLength = length;
                } else {
                    metadataOffset = offset;
                    metadataLength = length;
                }
            }
            if (batLength == 0 || metadataLength == 0) {
                throw wrong("the " + (batLength == 0 ? "block allocation table" : "metadata") + " region is missing");
            }
            long log = header.logOffset();
            long logLength = header.logLength();
            if (overlap(batOffset, batLength, metadataOffset, metadataLength) || overlap(batOffset, batLength, log, logLength)
                    || overlap(metadataOffset, metadataLength, log, logLength)) {
                throw wrong("log, metadata and block allocation table overlap");
            }
        }

        private static boolean overlap(long a, long aLength, long b, long bLength) {
            return a < b + bLength && b < a + aLength;
        }

        private void checkRequiredItems() throws IOException {
            for (int i = 0; i < LittleEndian.u16(table, 10); i++) {
                long at = 32 + 32L * i;
                UUID id = LittleEndian.guid(table, at);
                boolean known = id.equals(FILE_PARAMETERS) || id.equals(VIRTUAL_DISK_SIZE) || id.equals(PAGE_83_DATA)
                        || id.equals(LOGICAL_SECTOR_SIZE) || id.equals(PHYSICAL_SECTOR_SIZE) || id.equals(PARENT_LOCATOR);
                if (!known && (LittleEndian.u32(table, at + 24) & ITEM_IS_REQUIRED) != 0) {
                    throw wrong("the required metadata item " + id + " is not known");
                }
            }
        }

        private int entry(UUID id) throws IOException {
            for (int i = 0; i < LittleEndian.u16(table, 10); i++) {
                if (LittleEndian.guid(table, 32 + 32L * i).equals(id) && (LittleEndian.u32(table, 32 + 32L * i + 24) & ITEM_IS_USER) == 0) {
                    return 32 + 32 * i;
                }
            }
            throw wrong("the metadata item " + id + " is missing");
        }

        private long itemOffset(UUID id) throws IOException {
            return Integer.toUnsignedLong(LittleEndian.u32(table, entry(id) + 16));
        }

        private MemorySegment item(UUID id, long least, long most) throws IOException {
            long offset = itemOffset(id);
            long length = Integer.toUnsignedLong(LittleEndian.u32(table, entry(id) + 20));
            if (offset < METADATA_TABLE_SIZE || length < least || length > most || offset > metadataLength - length) {
                throw wrong("the metadata item " + id + " of " + length + " bytes at " + offset + " is not possible");
            }
            MemorySegment m = arena.allocate(length, 8);
            file.read(m, metadataOffset + offset);
            return m;
        }

        private Map<String, String> parentLocator() throws IOException {
            MemorySegment m = item(PARENT_LOCATOR, 20, MIB);
            if (!LittleEndian.guid(m, 0).equals(VHDX_LOCATOR_TYPE)) {
                throw wrong("the parent locator's type is not known");
            }
            int count = LittleEndian.u16(m, 18);
            if (20 + 12L * count > m.byteSize()) {
                throw wrong("the parent locator has " + count + " entries in " + m.byteSize() + " bytes");
            }
            Map<String, String> values = new LinkedHashMap<>();
            for (int i = 0; i < count; i++) {
                long at = 20 + 12L * i;
                values.put(text(m, LittleEndian.u32(m, at), LittleEndian.u16(m, at + 8)),
                        text(m, LittleEndian.u32(m, at + 4), LittleEndian.u16(m, at + 10)));
            }
            return values;
        }

        private String text(MemorySegment m, int offset, int length) throws IOException {
            if (Integer.toUnsignedLong(offset) + length > m.byteSize()) {
                throw wrong("a string of the parent locator is not inside it");
            }
            byte[] bytes = m.asSlice(Integer.toUnsignedLong(offset), length).toArray(ValueLayout.JAVA_BYTE);
            return new String(bytes, StandardCharsets.UTF_16LE);
        }
    }
}
