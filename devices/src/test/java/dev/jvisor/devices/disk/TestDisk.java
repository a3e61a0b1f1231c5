package dev.jvisor.devices.disk;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.Arrays;
import java.util.Random;

/** An image with a byte-array model beside it: random work is done on both, and reads are compared. */
final class TestDisk {
    static final Instant NOW = Instant.ofEpochSecond(1_700_000_000);
    static final MemorySegment BUFFER = Arena.ofAuto().allocate(4 << 20, 4096);

    final IoCursor cursor = new IoCursor();
    final byte[] model;
    DiskImage image;

    TestDisk(DiskImage image, byte[] model) {
        this.image = image;
        this.model = model;
    }

    void write(long offset, byte[] data) throws IOException {
        MemorySegment.copy(data, 0, BUFFER, ValueLayout.JAVA_BYTE, 0, data.length);
        image.write(offset, data.length, cursor.attach(BUFFER, 0, data.length));
        System.arraycopy(data, 0, model, (int) offset, data.length);
    }

    void zero(long offset, int length) throws IOException {
        image.zero(offset, length, true);
        Arrays.fill(model, (int) offset, (int) offset + length, (byte) 0);
    }

    byte[] read(long offset, int length) throws IOException {
        return read(image, offset, length);
    }

    static byte[] read(DiskImage image, long offset, int length) throws IOException {
        image.read(offset, length, new IoCursor().attach(BUFFER, 0, length));
        return BUFFER.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    }

    static byte[] readAll(DiskImage image) throws IOException {
        byte[] all = new byte[(int) image.byteSize()];
        for (int at = 0; at < all.length; at += 1 << 20) {
            int n = Math.min(1 << 20, all.length - at);
            System.arraycopy(read(image, at, n), 0, all, at, n);
        }
        return all;
    }

    /** One random write, trim or flush. */
    void randomWork(Random random, int maxSectors) throws IOException {
        int sector = image.logicalSectorSize();
        int sectors = model.length / sector;
        int n = 1 + random.nextInt(Math.clamp(maxSectors * 512L / sector, 1, sectors));
        int at = random.nextInt(sectors - n + 1);
        int kind = random.nextInt(10);
        if (kind == 0) {
            image.flush();
        } else if (kind <= 2) {
            zero((long) at * sector, n * sector);
        } else {
            byte[] data = new byte[n * sector];
            random.nextBytes(data);
            write((long) at * sector, data);
        }
    }
}
