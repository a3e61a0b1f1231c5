package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdxLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.UUID;

/**
 * The two headers (MS-VHDX 2.2.2): the valid one with the higher sequence number counts, and each update goes to the other one, so that
 * one is always whole. Not thread safe: the image's flush lock guards it.
 */
final class VhdxHeader {
    private final ImageFile file;
    private final MemorySegment current = Arena.ofAuto().allocate(HEADER_SIZE, PAGE);
    private boolean currentIsFirst;

    private VhdxHeader(ImageFile file) {
        this.file = file;
    }

    /** Reads both headers and checks the one that counts. */
    static VhdxHeader read(ImageFile file) throws IOException {
        VhdxHeader h = new VhdxHeader(file);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment first = arena.allocate(HEADER_SIZE, PAGE);
            MemorySegment second = arena.allocate(HEADER_SIZE, PAGE);
            file.read(first, HEADER_1);
            file.read(second, HEADER_2);
            boolean firstValid = valid(first);
            boolean secondValid = valid(second);
            if (!firstValid && !secondValid) {
                throw DiskFormatException.of(file.name(), "neither VHDX header is valid");
            }
            long a = LittleEndian.u64(first, HEADER_SEQUENCE);
            long b = LittleEndian.u64(second, HEADER_SEQUENCE);
            h.currentIsFirst = firstValid && (!secondValid || Long.compareUnsigned(a, b) >= 0);
            h.current.copyFrom(h.currentIsFirst ? first : second);
        }
        h.check();
        return h;
    }

    private static boolean valid(MemorySegment m) {
        return LittleEndian.u32(m, 0) == HEADER_SIGNATURE && LittleEndian.u32(m, 4) == LittleEndian.crcAt4(m);
    }

    private void check() throws IOException {
        int version = LittleEndian.u16(current, HEADER_VERSION);
        if (version != 1) {
            throw DiskFormatException.of(file.name(), "VHDX version " + version + " is not known");
        }
        boolean logged = !logGuid().equals(LittleEndian.ZERO_GUID);
        if (logged && LittleEndian.u16(current, HEADER_LOG_VERSION) != 0) {
            throw DiskFormatException.of(file.name(), "VHDX log version is not known");
        }
        if (logLength() < MIB || logLength() % MIB != 0 || logOffset() < MIB || logOffset() % MIB != 0 || logOffset() > MAX_FILE_SIZE) {
            throw DiskFormatException.of(file.name(), "VHDX log at " + logOffset() + " of " + logLength() + " bytes is not possible");
        }
    }

    /** Writes the two headers of a new image. */
    static VhdxHeader create(ImageFile file, long logOffset, long logLength) throws IOException {
        VhdxHeader h = new VhdxHeader(file);
        MemorySegment m = h.current;
        LittleEndian.u32(m, 0, HEADER_SIGNATURE);
        LittleEndian.guid(m, HEADER_FILE_WRITE_GUID, UUID.randomUUID());
        LittleEndian.guid(m, HEADER_DATA_WRITE_GUID, UUID.randomUUID());
        LittleEndian.u16(m, HEADER_VERSION, 1);
        LittleEndian.u32(m, HEADER_LOG_LENGTH, (int) logLength);
        LittleEndian.u64(m, HEADER_LOG_OFFSET, logOffset);
        h.write();
        h.write();
        return h;
    }

    UUID dataWriteGuid() {
        return LittleEndian.guid(current, HEADER_DATA_WRITE_GUID);
    }

    UUID logGuid() {
        return LittleEndian.guid(current, HEADER_LOG_GUID);
    }

    long logLength() {
        return Integer.toUnsignedLong(LittleEndian.u32(current, HEADER_LOG_LENGTH));
    }

    long logOffset() {
        return LittleEndian.u64(current, HEADER_LOG_OFFSET);
    }

    /** Something of the file is about to change, and with {@code data} the disk's content too (2.2.2: once for each opening). */
    void fileWillChange(boolean data) throws IOException {
        LittleEndian.guid(current, HEADER_FILE_WRITE_GUID, UUID.randomUUID());
        if (data) {
            LittleEndian.guid(current, HEADER_DATA_WRITE_GUID, UUID.randomUUID());
        }
        update();
    }

    /** The log holds entries under this GUID from now on; zero: it is empty. */
    void setLogGuid(UUID guid) throws IOException {
        LittleEndian.guid(current, HEADER_LOG_GUID, guid);
        update();
    }

    private void update() throws IOException {
        write();
        file.sync();
    }

    private void write() throws IOException {
        LittleEndian.u64(current, HEADER_SEQUENCE, LittleEndian.u64(current, HEADER_SEQUENCE) + 1);
        LittleEndian.u32(current, 4, LittleEndian.crcAt4(current));
        file.write(current, currentIsFirst ? HEADER_2 : HEADER_1);
        currentIsFirst = !currentIsFirst;
    }
}
