package dev.jvisor.devices.disk;

import java.util.UUID;

/**
 * Offsets, sizes and values of MS-VHDX 2.2 to 2.6.
 *
 * <pre>
 *  0        64K       128K      192K      256K      320K      1M
 *  | file id | header 1 | header 2 | regions 1 | regions 2 | reserved | log, metadata region, BAT, blocks: each 1 MiB aligned
 * </pre>
 */
final class VhdxLayout {
    static final long MIB = 1 << 20;
    static final int PAGE = 4096;

    static final long FILE_SIGNATURE = 0x656c696678646876L; // "vhdxfile"
    static final int CREATOR = 8;

    static final long HEADER_1 = 64 << 10;
    static final long HEADER_2 = 128 << 10;
    static final int HEADER_SIZE = 4096;
    static final int HEADER_SIGNATURE = 0x64616568; // "head"
    static final int HEADER_SEQUENCE = 8;
    static final int HEADER_FILE_WRITE_GUID = 16;
    static final int HEADER_DATA_WRITE_GUID = 32;
    static final int HEADER_LOG_GUID = 48;
    static final int HEADER_LOG_VERSION = 64;
    static final int HEADER_VERSION = 66;
    static final int HEADER_LOG_LENGTH = 68;
    static final int HEADER_LOG_OFFSET = 72;

    static final long REGIONS_1 = 192 << 10;
    static final long REGIONS_2 = 256 << 10;
    static final int REGIONS_SIZE = 64 << 10;
    static final int REGIONS_SIGNATURE = 0x69676572; // "regi"
    static final int MAX_REGIONS = 2047;
    static final UUID BAT_REGION = UUID.fromString("2DC27766-F623-4200-9D64-115E9BFD4A08");
    static final UUID METADATA_REGION = UUID.fromString("8B7CA206-4790-4B9A-B8FE-575F050F886E");

    static final int METADATA_TABLE_SIZE = 64 << 10;
    static final long METADATA_SIGNATURE = 0x617461646174656dL; // "metadata"
    static final int MAX_METADATA_ITEMS = 1023;
    static final int ITEM_IS_USER = 1;
    static final int ITEM_IS_VIRTUAL_DISK = 2;
    static final int ITEM_IS_REQUIRED = 4;
    static final UUID FILE_PARAMETERS = UUID.fromString("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    static final UUID VIRTUAL_DISK_SIZE = UUID.fromString("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    static final UUID PAGE_83_DATA = UUID.fromString("BECA12AB-B2E6-4523-93EF-C309E000C746");
    static final UUID LOGICAL_SECTOR_SIZE = UUID.fromString("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    static final UUID PHYSICAL_SECTOR_SIZE = UUID.fromString("CDA348C7-445D-4471-9CC9-E9885251C556");
    static final UUID PARENT_LOCATOR = UUID.fromString("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    static final UUID VHDX_LOCATOR_TYPE = UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913");
    static final int LEAVE_BLOCKS_ALLOCATED = 1;
    static final int HAS_PARENT = 2;

    static final int LOG_SIGNATURE = 0x65676f6c; // "loge"
    static final int LOG_LENGTH = 8;
    static final int LOG_TAIL = 12;
    static final int LOG_SEQUENCE = 16;
    static final int LOG_DESCRIPTORS = 24;
    static final int LOG_GUID = 32;
    static final int LOG_FLUSHED_OFFSET = 48;
    static final int LOG_LAST_OFFSET = 56;
    static final int LOG_HEADER_SIZE = 64;
    static final int DESCRIPTOR_SIZE = 32;
    static final int ZERO_SIGNATURE = 0x6f72657a; // "zero"
    static final int DESC_SIGNATURE = 0x63736564; // "desc"
    static final int DATA_SIGNATURE = 0x61746164; // "data"

    static final int NOT_PRESENT = 0;
    static final int UNDEFINED = 1;
    static final int ZERO = 2;
    static final int UNMAPPED = 3;
    static final int FULLY_PRESENT = 6;
    static final int PARTIALLY_PRESENT = 7;
    static final int STATE_MASK = 7;
    static final long OFFSET_MASK = -1L << 20;

    /** Sectors that one sector bitmap block tells of. */
    static final long SECTORS_PER_CHUNK = 1 << 23;
    static final long MAX_DISK_SIZE = 64L << 40;
    /** The format sets no limit; this one bounds the memory that a file can make us take. */
    static final long MAX_FILE_SIZE = 128L << 40;

    private VhdxLayout() {
    }
}
