package dev.jvisor.devices.disk;

/** The formats of image files. */
public enum DiskFormat {
    /** The sectors and nothing else. */
    RAW,
    /** Virtual Hard Disk, the older one: 512-byte sectors, up to 2040 GiB. */
    VHD,
    /** Virtual Hard Disk v2 (MS-VHDX): a log for its metadata, up to 64 TiB. */
    VHDX
}
