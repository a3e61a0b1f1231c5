package dev.jvisor.devices.disk;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** A raw image: the disk's bytes are the file's. A last part that is not a whole sector is read with zeroes behind it. */
final class RawImage extends FlatImage {
    RawImage(ImageFile file, boolean readOnly) throws IOException {
        super(file, readOnly, file.size() + SECTOR - 1 & -SECTOR);
    }

    @Override
    DiskFormat format() {
        return DiskFormat.RAW;
    }

    @Override
    UUID id() {
        return UUID.nameUUIDFromBytes(file().name().getBytes(StandardCharsets.UTF_8));
    }
}
