package dev.jvisor.vmm.loader;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorInputStream;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/** Unpacks the payload of a bzImage: gzip, XZ, LZMA, bzip2 and LZ4 (legacy frames, as the kernel's build makes them). */
final class KernelUnpacker {
    private static final int LZ4_LEGACY = 0x184C2102;
    private static final int ZSTD = 0xFD2FB528;
    /** A kernel is not larger; a damaged length must not eat the host's memory. */
    private static final long MAX_BYTES = 512L << 20;

    private KernelUnpacker() { }

    /** {@return the unpacked bytes} */
    static ImageBytes unpack(ImageBytes image, long offset, long length) throws LoaderException {
        int from = image.check(offset, length);
        int magic = image.i32(offset);
        // The last four bytes are the unpacked size, for every kind: gzip has it so itself, the build appends it to the others.
        long size = image.u32(offset + length - 4);
        if (size > MAX_BYTES) {
            throw new LoaderException(image.name() + ": damaged kernel payload (unpacked size " + size + ")");
        }
        try {
            byte[] out;
            if (magic == LZ4_LEGACY) {
                out = lz4(image, offset + 4, offset + length - 4, (int) size);
            } else {
                InputStream packed = new ByteArrayInputStream(image.bytes(), from, (int) length);
                try (InputStream in = open(image, magic, packed)) {
                    out = drain(in, (int) size);
                }
            }
            return new ImageBytes(image.name(), out);
        } catch (IOException e) {
            throw new LoaderException(image.name() + ": kernel payload cannot be unpacked: " + e.getMessage(), e);
        }
    }

    private static InputStream open(ImageBytes image, int magic, InputStream packed) throws IOException, LoaderException {
        if ((magic & 0xFFFF) == 0x8B1F) {
            return new GZIPInputStream(packed, 1 << 16);
        }
        if (magic == 0x587A37FD) {
            return new SingleXZInputStream(packed);
        }
        if ((magic & 0xFFFFFF) == 0x5D) {
            return new LZMAInputStream(packed);
        }
        if ((magic & 0xFFFFFF) == 0x685A42) {
            return new BZip2CompressorInputStream(packed);
        }
        throw new LoaderException(image.name() + ": kernel is packed with " + (magic == ZSTD ? "zstd" : "something unknown")
                + ", which only the guest itself can unpack");
    }

    private static byte[] drain(InputStream in, int size) throws IOException {
        byte[] out = new byte[size];
        int n = in.readNBytes(out, 0, size);
        if (n != size) {
            throw new IOException("ends after " + n + " of " + size + " bytes");
        }
        return out;
    }

    /** Blocks of a 32-bit length and that many packed bytes, each up to 8 MiB unpacked. */
    private static byte[] lz4(ImageBytes image, long from, long to, int size) throws IOException, LoaderException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(size);
        long at = from;
        while (at + 4 <= to) {
            long length = image.u32(at);
            at += 4;
            if (length == Integer.toUnsignedLong(LZ4_LEGACY)) {
                continue;
            }
            if (length > to - at) {
                throw new IOException("block of " + length + " bytes, only " + (to - at) + " left");
            }
            try (InputStream in = new BlockLZ4CompressorInputStream(
                    new ByteArrayInputStream(image.bytes(), image.check(at, length), (int) length))) {
                in.transferTo(out);
            }
            if (out.size() > size) {
                throw new IOException("more than the announced " + size + " bytes");
            }
            at += length;
        }
        if (out.size() != size) {
            throw new IOException("ends after " + out.size() + " of " + size + " bytes");
        }
        return out.toByteArray();
    }
}
