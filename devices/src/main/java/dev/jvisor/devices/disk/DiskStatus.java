package dev.jvisor.devices.disk;

/** How a {@link DiskRequest} ended. */
public enum DiskStatus {
    /** Not ended yet. */
    PENDING,
    /** Done. */
    OK,
    /** The range is not on the disk, or is not in whole sectors. */
    OUT_OF_RANGE,
    /** A change was asked of a disk that is open for reading. */
    READ_ONLY,
    /** The host's file system is full. */
    NO_SPACE,
    /** The host could not read or write the file, or the image is damaged at this place. */
    IO_ERROR
}
