package dev.jvisor.devices.disk;

import java.util.List;
import java.util.UUID;

/**
 * What an image says of itself.
 *
 * @param byteSize of the disk
 * @param fileSize of the file
 * @param ownBytes bytes of the disk that the file holds: of a differencing image, not its parents'
 * @param blockSize 0 for formats without blocks
 * @param parents file names from the parent up to the base
 */
public record DiskInfo(DiskFormat format, DiskType type, long byteSize, long fileSize, long ownBytes, long blockSize, int logicalSectorSize,
        int physicalSectorSize, UUID id, List<String> parents) { }
