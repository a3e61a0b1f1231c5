package dev.jvisor.devices.ide;

import static dev.jvisor.devices.ide.IdeRegisters.*;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;

/**
 * One channel's half of the bus master: its eight registers, and the walk through the table of physical region descriptors. Each descriptor
 * is read once, when its turn comes. Under the channel's lock.
 *
 * <pre>
 *   0 command   2 status   4..7 table address      descriptor: 0..3 address, 4..5 bytes (0: 64 KiB), 7 bit 7: the last
 * </pre>
 */
final class BusMaster {
    /** Enough for a 4096-byte sector in pieces of two bytes, and some. */
    static final int MAX_PIECES = 4096;

    private final GpaSpace gpa;
    private final int capable;

    // Registers
    private int command;
    private int status;
    private int table;

    // Where the walk stands
    private int next;
    private int entries;
    private long at;
    private int left;
    private boolean last;

    // What the walk has found
    private final long[] addresses = new long[MAX_PIECES];
    private final long[] offsets = new long[MAX_PIECES];
    private final int[] lengths = new int[MAX_PIECES];
    private int pieces;
    private boolean bad;

    BusMaster(GpaSpace gpa, int capable) {
        this.gpa = gpa;
        this.capable = capable;
        reset();
    }

    void reset() {
        command = 0;
        // Firmware sets these bits; there is none.
        status = capable;
        table = 0;
        next = 0;
        entries = 0;
        left = 0;
        last = true;
        pieces = 0;
        bad = false;
    }

    int read(int register) {
        return switch (register) {
            case BM_COMMAND -> command;
            case BM_STATUS -> status;
            case BM_TABLE, BM_TABLE + 1, BM_TABLE + 2, BM_TABLE + 3 -> table >>> 8 * (register - BM_TABLE) & 0xFF;
            default -> 0xFF;
        };
    }

    /** {@return whether START has risen or fallen} */
    boolean write(int register, int value) {
        switch (register) {
            case BM_COMMAND -> {
                boolean was = (command & BM_START) != 0;
                boolean start = (value & BM_START) != 0;
                // The direction stays what it is while a transfer runs.
                command = was && start ? command : value & (BM_START | BM_TO_MEMORY);
                if (start && !was) {
                    status |= BM_ACTIVE;
                    next = table;
                    entries = 0;
                    left = 0;
                    last = false;
                } else if (!start) {
                    status &= ~BM_ACTIVE;
                }
                return start != was;
            }
            case BM_STATUS -> status = status & ~(value & (BM_ERROR | BM_INTERRUPT)) & ~BM_CAPABLE | value & BM_CAPABLE;
            case BM_TABLE, BM_TABLE + 1, BM_TABLE + 2, BM_TABLE + 3 -> {
                int shift = 8 * (register - BM_TABLE);
                table = (table & ~(0xFF << shift) | value << shift) & ~3;
            }
            default -> { }
        }
        return false;
    }

    boolean active() {
        return (status & BM_ACTIVE) != 0;
    }

    boolean toMemory() {
        return (command & BM_TO_MEMORY) != 0;
    }

    void interrupted() {
        status |= BM_INTERRUPT;
    }

    /** The table is used up before the drive had enough: the engine stops, the drive waits. */
    void ranDry() {
        status &= ~BM_ACTIVE;
    }

    /** The drive has had enough: the engine stops if that was also the end of the table. */
    void drained() {
        if (last && left == 0) {
            status &= ~BM_ACTIVE;
        }
    }

    /** A descriptor names memory that is not there, or the transfer goes the wrong way. */
    void fail() {
        status = status & ~BM_ACTIVE | BM_ERROR;
    }

    /**
     * Walks on and collects pieces of guest RAM. Fewer bytes than asked for: the table has ended, or there are very many pieces.
     *
     * @param max most bytes
     * @param unit the bytes found are a multiple of it; at most 4096
     * @return how many bytes; {@link #bad} tells whether a descriptor was no good
     */
    int gather(int max, int unit) {
        pieces = 0;
        bad = false;
        int total = 0;
        while (total < max) {
            if (left == 0 && !nextEntry()) {
                break;
            }
            int n = Math.min(left, max - total);
            if (pieces >= MAX_PIECES - unit / 2 - 8) {
                int over = total % unit;
                if (over == 0 && total > 0) {
                    break;
                }
                n = Math.min(n, unit - over);
            }
            GpaRegion region = gpa.find(at);
            if (region == null || region.kind() != GpaRegion.Kind.RAM || pieces == MAX_PIECES) {
                bad = true;
                break;
            }
            n = (int) Math.min(n, region.end() - at);
            add(at, region.hostOffset() + (at - region.gpa()), n);
            at += n;
            left -= n;
            total += n;
        }
        return total - total % unit;
    }

    private boolean nextEntry() {
        if (last || entries == PRD_ENTRIES) {
            last = true;
            return false;
        }
        long address = Integer.toUnsignedLong(next);
        if (gpa.hostOffset(address) < 0 || gpa.hostOffset(address + 4) < 0) {
            bad = true;
            return false;
        }
        int base = gpa.read32(address);
        int flags = gpa.read32(address + 4);
        next += PRD_BYTES;
        entries++;
        at = Integer.toUnsignedLong(base & ~1);
        left = (flags & PRD_COUNT) == 0 ? 0x10000 : flags & PRD_COUNT;
        last = (flags & PRD_END) != 0;
        return true;
    }

    private void add(long address, long offset, int bytes) {
        int p = pieces - 1;
        if (p >= 0 && addresses[p] + lengths[p] == address && offsets[p] + lengths[p] == offset) {
            lengths[p] += bytes;
            return;
        }
        addresses[pieces] = address;
        offsets[pieces] = offset;
        lengths[pieces++] = bytes;
    }

    boolean bad() {
        return bad;
    }

    int pieces() {
        return pieces;
    }

    long offset(int piece) {
        return offsets[piece];
    }

    int length(int piece) {
        return lengths[piece];
    }

    /** Tells the partition that the first {@code bytes} of what was gathered have been written. */
    void written(long bytes) {
        for (int i = 0; i < pieces && bytes > 0; i++) {
            gpa.written(addresses[i], Math.min(lengths[i], bytes));
            bytes -= lengths[i];
        }
    }

    GpaSpace gpa() {
        return gpa;
    }

    BusMasterState save() {
        return new BusMasterState(command, status, table, next, entries, at, left, last);
    }

    void restore(BusMasterState s) {
        command = s.command() & (BM_START | BM_TO_MEMORY);
        status = s.status() & (BM_CAPABLE | BM_INTERRUPT | BM_ERROR | BM_ACTIVE);
        table = s.table() & ~3;
        next = s.next() & ~3;
        entries = Math.clamp(s.entries(), 0, PRD_ENTRIES);
        at = s.at() & 0x1_FFFF_FFFEL;
        left = Math.clamp(s.left(), 0, 0x10000) & ~1;
        last = s.last();
    }
}
