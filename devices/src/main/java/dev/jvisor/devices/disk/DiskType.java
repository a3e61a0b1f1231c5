package dev.jvisor.devices.disk;

/** How an image holds its blocks. */
public enum DiskType {
    /** All space taken when made. */
    FIXED,
    /** Blocks take space when first written. */
    DYNAMIC,
    /** Holds only what differs from a parent. */
    DIFFERENCING
}
