package dev.jvisor.devices.firmware;

import static dev.jvisor.devices.firmware.FlashCommands.*;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.memory.MmioDevice;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A flash chip with an eight-bit bus and blocks of 4 KiB that takes Intel's commands: identify, query, program a byte or a buffer, erase a
 * block. Between commands it is read-only memory, which VPs read without an intercept; from the first write of a command to the one that
 * goes back to the array, every access comes here. Reset behaves as QEMU's chip does: status is clear, programming sets bits too.
 * Source: Common Flash Interface Publication 100; QEMU, {@code hw/block/pflash_cfi01.c}.
 *
 * <p>Thread-safe.
 */
public final class Flash implements MmioDevice {
    /** Bytes of a block. */
    public static final int BLOCK = 4096;

    private static final int BUFFER = 256;
    private static final int LOG2_BUFFER = 8;
    private static final int MANUFACTURER = 0x89, DEVICE = 0x18;
    private static final int QUERY_AT = 0x10;

    /** Told of what has been programmed or erased. */
    @FunctionalInterface
    public interface Listener {
        /** Bytes of the array have changed. @param offset of the first @param changed the bytes, valid during the call */
        void changed(long offset, MemorySegment changed);
    }

    private final GpaSpace gpa;
    private final Listener listener;
    private final long hostOffset;
    private final MemorySegment array;
    private final byte[] query;

    private GpaRegion region;
    private int command;
    private int cycle;
    private int status;
    private int bufferAt;
    private int bufferLeft;
    private final byte[] buffer = new byte[BUFFER];

    /**
     * Puts a chip into a partition's memory. Before the partition starts.
     *
     * @param at GPA of its first byte
     * @param content what is in it; whole blocks
     * @param listener told of changes, with the chip's lock held, on the VP's thread
     */
    public Flash(GpaSpace gpa, long at, byte[] content, Listener listener) {
        this.gpa = gpa;
        this.listener = listener;
        GpaRegion rom = gpa.mapRom(at, content.length);
        gpa.unmap(rom);
        hostOffset = rom.hostOffset();
        region = gpa.map(new GpaRegion(GpaRegion.Kind.ROM, at, content.length, hostOffset, this));
        array = gpa.host().asSlice(hostOffset, content.length);
        array.copyFrom(MemorySegment.ofArray(content));
        query = query(content.length);
    }

    /** The query table from 10h up (CFI, 4.3). */
    private static byte[] query(int bytes) {
        byte[] q = new byte[0x30 - QUERY_AT];
        byte[] name = "QRY".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(name, 0, q, 0, name.length);
        q[0x13 - QUERY_AT] = 1; // command set 0001h
        q[0x15 - QUERY_AT] = 0x31; // its own table, which would be at 31h: there is none
        q[0x1B - QUERY_AT] = 0x45; // supply from 4.5 V
        q[0x1C - QUERY_AT] = 0x55; // to 5.5 V
        q[0x1F - QUERY_AT] = 7; // 128 us for a byte
        q[0x20 - QUERY_AT] = 7; // and for a buffer
        q[0x21 - QUERY_AT] = 10; // 1 s for a block
        q[0x23 - QUERY_AT] = 4; // at most 16 times that
        q[0x24 - QUERY_AT] = 4;
        q[0x25 - QUERY_AT] = 4;
        q[0x27 - QUERY_AT] = (byte) (32 - Integer.numberOfLeadingZeros(bytes - 1));
        q[0x28 - QUERY_AT] = 2; // asynchronous, x8 and x16
        q[0x2A - QUERY_AT] = LOG2_BUFFER;
        q[0x2C - QUERY_AT] = 1; // one region of equal blocks
        int last = bytes / BLOCK - 1;
        q[0x2D - QUERY_AT] = (byte) last;
        q[0x2E - QUERY_AT] = (byte) (last >> 8);
        q[0x2F - QUERY_AT] = (byte) (BLOCK >> 8);
        return q;
    }

    /** Reset: the array can be read. */
    public synchronized void reset() {
        status = 0;
        readArray();
    }

    private void readArray() {
        command = READ_ARRAY_TOO;
        cycle = 0;
        show(GpaRegion.Kind.ROM);
    }

    /** What is at the chip's addresses: memory, or this device alone. */
    private void show(GpaRegion.Kind kind) {
        if (region.kind() != kind) {
            gpa.unmap(region);
            region = gpa.map(new GpaRegion(kind, region.gpa(), region.size(), kind == GpaRegion.Kind.ROM ? hostOffset : -1, this));
        }
    }

    @Override
    public synchronized long mmioRead(int vp, long offset, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) readByte((int) offset + i) << 8 * i;
        }
        return value;
    }

    private int readByte(int offset) {
        return switch (command) {
            case READ_ARRAY_TOO -> offset < array.byteSize() ? array.get(ValueLayout.JAVA_BYTE, offset) & 0xFF : 0xFF;
            case READ_ID -> switch (offset & 0xFF) {
                case 0 -> MANUFACTURER;
                case 1 -> DEVICE;
                default -> 0;
            };
            case QUERY -> {
                int at = (offset & 0xFF) - QUERY_AT;
                yield at >= 0 && at < query.length ? query[at] & 0xFF : 0;
            }
            default -> status;
        };
    }

    @Override
    public synchronized void mmioWrite(int vp, long offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            int at = (int) offset + i;
            if (at < array.byteSize()) {
                writeByte(at, (int) (value >>> 8 * i) & 0xFF);
            }
        }
    }

    private void writeByte(int offset, int value) {
        if (cycle == 0) {
            begin(offset, value);
            return;
        }
        switch (command) {
            case PROGRAM, PROGRAM_TOO -> {
                array.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
                changed(offset, 1);
                done();
            }
            case ERASE -> {
                if (value == CONFIRM) {
                    int block = offset & -BLOCK;
                    array.asSlice(block, BLOCK).fill((byte) 0xFF);
                    changed(block, BLOCK);
                    done();
                } else {
                    failed(value);
                }
            }
            case LOCK_SETUP -> {
                // Blocks are never locked.
                if (value == CONFIRM || value == LOCK) {
                    done();
                } else {
                    readArray();
                }
            }
            default -> buffered(offset, value);
        }
    }

    /** The first write of a command. */
    private void begin(int offset, int value) {
        switch (value) {
            case READ_ARRAY, READ_ARRAY_TOO, RESET_AMD -> readArray();
            case CLEAR_STATUS -> {
                status = 0;
                readArray();
            }
            case READ_STATUS, READ_ID, QUERY -> {
                command = value;
                show(GpaRegion.Kind.MMIO);
            }
            case PROGRAM, PROGRAM_TOO, ERASE, LOCK_SETUP, PROGRAM_BUFFER -> {
                command = value;
                cycle = 1;
                if (value == PROGRAM_BUFFER) {
                    status |= READY;
                }
                show(GpaRegion.Kind.MMIO);
            }
            default -> readArray();
        }
    }

    /** The command has done its work: reads give the status until the next one. */
    private void done() {
        cycle = 0;
        status |= READY;
    }

    /** The second write was not what the command wants. */
    private void failed(int value) {
        if (value != READ_ARRAY) {
            status |= READY | ERASE_ERROR | PROGRAM_ERROR;
        }
        readArray();
    }

    /** A program of several bytes: count less one, bytes, confirmation. */
    private void buffered(int offset, int value) {
        if (cycle == 1) {
            bufferLeft = value + 1;
            bufferAt = -1;
            cycle = 2;
        } else if (cycle == 2) {
            if (bufferAt < 0) {
                bufferAt = offset & -BUFFER;
                Arrays.fill(buffer, (byte) 0);
                MemorySegment.copy(array, ValueLayout.JAVA_BYTE, bufferAt, buffer, 0, BUFFER);
            }
            // What lies outside the buffer's own part of the array has no place in it.
            if ((offset & -BUFFER) == bufferAt) {
                buffer[offset & BUFFER - 1] = (byte) value;
            }
            if (--bufferLeft == 0) {
                cycle = 3;
            }
        } else if (value == CONFIRM) {
            MemorySegment.copy(buffer, 0, array, ValueLayout.JAVA_BYTE, bufferAt, BUFFER);
            changed(bufferAt, BUFFER);
            done();
        } else {
            failed(value);
        }
    }

    private void changed(int offset, int length) {
        gpa.touch((int) (hostOffset + offset >>> 12));
        listener.changed(offset, array.asSlice(offset, length));
    }

    /** {@return what it remembers besides the array} */
    public synchronized FlashState save() {
        return new FlashState(command, cycle, status, bufferAt, bufferLeft, buffer);
    }

    /** Replaces what it remembers; no VP runs. */
    public synchronized void restore(FlashState s) {
        command = s.command() & 0xFF;
        cycle = Math.clamp(s.cycle(), 0, 3);
        status = s.status() & 0xFF;
        bufferAt = s.bufferAt() < 0 || s.bufferAt() >= array.byteSize() ? -1 : s.bufferAt() & -BUFFER;
        bufferLeft = Math.clamp(s.bufferLeft(), 1, BUFFER);
        System.arraycopy(s.buffer(), 0, buffer, 0, Math.min(s.buffer().length, BUFFER));
        if (cycle > 1 && command != PROGRAM_BUFFER || cycle == 3 && bufferAt < 0) {
            cycle = 0;
        }
        show(command == READ_ARRAY_TOO ? GpaRegion.Kind.ROM : GpaRegion.Kind.MMIO);
    }
}
