package dev.jvisor.ci.crash;

import dev.jvisor.devices.disk.DiskFormat;
import dev.jvisor.devices.disk.DiskImages;
import dev.jvisor.devices.disk.DiskSpec;
import dev.jvisor.devices.disk.DiskType;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;

/** The images that are tried: every format and type, and both sizes of sectors where the format has them. */
public enum ImageKind {
    /** A raw image. */
    RAW(DiskFormat.RAW, DiskType.FIXED, 512, 0),
    /** A VHD with all its blocks. */
    VHD_FIXED(DiskFormat.VHD, DiskType.FIXED, 512, 0),
    /** A VHD that grows. */
    VHD_DYNAMIC(DiskFormat.VHD, DiskType.DYNAMIC, 512, 0),
    /** A VHD on a parent. */
    VHD_CHILD(DiskFormat.VHD, DiskType.DIFFERENCING, 512, 1),
    /** A VHDX with all its blocks. */
    VHDX_FIXED(DiskFormat.VHDX, DiskType.FIXED, 512, 0),
    /** A VHDX that grows. */
    VHDX_DYNAMIC(DiskFormat.VHDX, DiskType.DYNAMIC, 512, 0),
    /** A VHDX on a parent that has a parent. */
    VHDX_CHILD(DiskFormat.VHDX, DiskType.DIFFERENCING, 512, 2),
    /** As {@link #VHDX_FIXED}, sectors of 4 KiB. */
    VHDX_FIXED_4K(DiskFormat.VHDX, DiskType.FIXED, 4096, 0),
    /** As {@link #VHDX_DYNAMIC}, sectors of 4 KiB. */
    VHDX_DYNAMIC_4K(DiskFormat.VHDX, DiskType.DYNAMIC, 4096, 0),
    /** As {@link #VHDX_CHILD}, sectors of 4 KiB. */
    VHDX_CHILD_4K(DiskFormat.VHDX, DiskType.DIFFERENCING, 4096, 2);

    private static final Instant MADE = Instant.ofEpochSecond(1_700_000_000);

    private final DiskFormat format;
    private final DiskType type;
    private final int sectorBytes;
    private final int ancestors;

    ImageKind(DiskFormat format, DiskType type, int sectorBytes, int ancestors) {
        this.format = format;
        this.type = type;
        this.sectorBytes = sectorBytes;
        this.ancestors = ancestors;
    }

    /** {@return the format} */
    public DiskFormat format() {
        return format;
    }

    /** {@return bytes of a sector} */
    public int sectorBytes() {
        return sectorBytes;
    }

    /** {@return how many images stand behind it} */
    public int ancestors() {
        return ancestors;
    }

    /** {@return bytes of a block, in which space is taken: small, so that a short run takes many; 0 where there are none} */
    public int blockBytes() {
        return format == DiskFormat.RAW || this == VHD_FIXED ? 0 : format == DiskFormat.VHD ? 512 << 10 : 1 << 20;
    }

    /** {@return whether qemu-img reads it: it knows no parents of these formats, and no sectors of 4 KiB} */
    public boolean known() {
        return type != DiskType.DIFFERENCING && sectorBytes == 512;
    }

    /** {@return what qemu-img calls the format} */
    public String qemuName() {
        return switch (format) {
            case RAW -> "raw";
            case VHD -> "vpc";
            case VHDX -> "vhdx";
        };
    }

    /** Makes the image with the longest line of ancestors there is. @param parent the next one; null for the first of the line */
    void create(Path file, Path parent, long bytes) throws IOException {
        DiskType t = parent != null ? DiskType.DIFFERENCING : type == DiskType.DIFFERENCING ? DiskType.DYNAMIC : type;
        int sector = format == DiskFormat.VHDX ? sectorBytes : 0;
        DiskImages.create(file, new DiskSpec(format, t, parent == null ? bytes : 0, blockBytes(), sector, parent, MADE));
    }
}
