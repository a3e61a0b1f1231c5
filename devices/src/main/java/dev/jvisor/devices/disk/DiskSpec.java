package dev.jvisor.devices.disk;

import java.nio.file.Path;
import java.time.Instant;

/**
 * What a new image shall be.
 *
 * @param size bytes of the disk; 0 with a parent: the parent's
 * @param blockSize bytes, 0 for the format's usual
 * @param sectorSize logical sector, 512 or 4096; 0 for 512, or the parent's
 * @param parent for a differencing image, otherwise null
 * @param created written into formats that keep it
 */
public record DiskSpec(DiskFormat format, DiskType type, long size, int blockSize, int sectorSize, Path parent, Instant created) {
    /** {@return a dynamic image (raw: sparse) of the format's usual sizes} */
    public static DiskSpec of(DiskFormat format, long size, Instant created) {
        return new DiskSpec(format, format == DiskFormat.RAW ? DiskType.FIXED : DiskType.DYNAMIC, size, 0, 0, null, created);
    }
}
