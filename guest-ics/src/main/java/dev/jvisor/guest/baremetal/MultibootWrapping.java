package dev.jvisor.guest.baremetal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Fills in the multiboot 1 header that {@link BootPrologue} leaves room for (Multiboot Specification 0.6.96, section
 * 3.1). It is not there in the other forms: QEMU takes any file with such a header for a 32-bit multiboot kernel.
 */
final class MultibootWrapping {
    /** Offset of the header's room in the image. */
    static final int HEADER_OFFSET = 0x10;
    /** Bytes of the header with the address fields. */
    static final int HEADER_BYTES = 32;
    private static final int MAGIC = 0x1BADB002;
    /** Memory information wanted; the address fields are valid. */
    private static final int FLAGS = 1 << 1 | 1 << 16;

    private MultibootWrapping() {
    }

    static byte[] wrap(GuestProgram program) {
        byte[] image = program.image().clone();
        int load = Math.toIntExact(program.loadAddress());
        ByteBuffer header = ByteBuffer.wrap(image, HEADER_OFFSET, HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(MAGIC).putInt(FLAGS).putInt(-(MAGIC + FLAGS));
        header.putInt(load + HEADER_OFFSET).putInt(load).putInt(load + image.length).putInt(0);
        header.putInt(Math.toIntExact(program.entry()));
        return image;
    }
}
