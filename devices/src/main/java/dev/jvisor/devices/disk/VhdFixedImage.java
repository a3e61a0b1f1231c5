package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdLayout.FOOTER_SIZE;
import static dev.jvisor.devices.disk.VhdLayout.UNIQUE_ID;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.UUID;

/** A fixed VHD: the disk's bytes, and a footer behind them. */
final class VhdFixedImage extends FlatImage {
    private final UUID id;

    /** @throws DiskFormatException the file is too short for the disk that the footer tells of */
    VhdFixedImage(ImageFile file, boolean readOnly, MemorySegment footer) throws IOException {
        super(file, readOnly, VhdLayout.diskSize(footer));
        id = VhdLayout.id(footer, UNIQUE_ID);
        if (byteSize() <= 0 || byteSize() % SECTOR != 0 || byteSize() > file.size() - FOOTER_SIZE) {
            throw DiskFormatException.of(file.name(), "the footer tells of " + byteSize() + " bytes, the file has " + file.size());
        }
    }

    @Override
    DiskFormat format() {
        return DiskFormat.VHD;
    }

    @Override
    UUID id() {
        return id;
    }
}
