package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.locks.StampedLock;

/**
 * A dynamic or differencing VHD. The format has no log, so order does its work: a flush makes blocks durable, then writes the table and the
 * sector bitmaps that name them. A new block lies where the footer was; the footer is written behind it first, and its copy at the start of
 * the file never moves. What a crash can leave is a block that nothing names, which costs space only.
 *
 * <p>Locks as in {@link VhdxImage}.
 */
final class VhdImage extends DiskImage {
    private final ImageFile file;
    private final boolean readOnly;
    private final DiskImage parent;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment footer = arena.allocate(FOOTER_SIZE, 8);
    private final MemorySegment table;
    private final long tableOffset;
    private final long size;
    private final long blockSize;
    private final int blockCount;
    private final int bitmapSize;
    private final StampedLock blocks = new StampedLock();
    private final Object flushing = new Object();
    private final BitSet dirtyTable = new BitSet();
    private final MemorySegment[] bitmaps;
    private final BitSet dirtyBitmaps = new BitSet();
    private long end;
    private volatile boolean dirty;
    private volatile boolean changed;

    /** Opens. @param parent for a differencing disk, closed with it */
    VhdImage(ImageFile file, boolean readOnly, MemorySegment footer, MemorySegment header, DiskImage parent) throws IOException {
        this.file = file;
        this.readOnly = readOnly;
        this.parent = parent;
        this.footer.copyFrom(footer);
        size = diskSize(footer);
        tableOffset = u64(header, TABLE_OFFSET);
        blockSize = Integer.toUnsignedLong(u32(header, BLOCK_SIZE));
        long entries = Integer.toUnsignedLong(u32(header, MAX_ENTRIES));
        if (size <= 0 || size % SECTOR != 0 || size > MAX_DISK_SIZE) {
            throw DiskFormatException.of(file.name(), "disk size " + size + " is not a multiple of 512 up to 2040 GiB");
        }
        if (blockSize < 64 << 10 || blockSize > 256 << 20 || Long.bitCount(blockSize) != 1) {
            throw DiskFormatException.of(file.name(), "block size " + blockSize + " is not a power of 2 from 64 KiB to 256 MiB");
        }
        blockCount = (int) ((size + blockSize - 1) / blockSize);
        bitmapSize = (int) Math.max(SECTOR, blockSize / SECTOR / 8);
        long bytes = (long) blockCount * 4 + SECTOR - 1 & -SECTOR;
        if (entries < blockCount || tableOffset < FOOTER_SIZE || tableOffset % SECTOR != 0 || tableOffset > file.size() - (long) blockCount * 4) {
            throw DiskFormatException.of(file.name(), "the table of " + entries + " entries at " + tableOffset + " is not possible");
        }
        table = arena.allocate(bytes, 8);
        file.read(table, tableOffset);
        bitmaps = parent == null ? null : new MemorySegment[blockCount];
        end = Math.max(tableOffset + (entries * 4 + SECTOR - 1 & -SECTOR), u64(footer, DATA_OFFSET) + HEADER_SIZE);
        end = Math.max(end, locatorsEnd(header));
        checkTable();
    }

    private long locatorsEnd(MemorySegment header) {
        long last = 0;
        for (int i = 0; i < LOCATOR_COUNT; i++) {
            long at = LOCATORS + (long) i * LOCATOR_SIZE;
            long length = Integer.toUnsignedLong(u32(header, at + 4));
            long offset = u64(header, at + 16);
            // The space is in sectors or in bytes, by who wrote it; the data's length is surely in bytes.
            long n = Math.max(length, Integer.toUnsignedLong(u32(header, at + 8)));
            if (u32(header, at) != 0 && offset > 0 && offset < MAX_DISK_SIZE) {
                last = Math.max(last, offset + n + SECTOR - 1 & -SECTOR);
            }
        }
        return last;
    }

    private void checkTable() throws IOException {
        long fileSize = file.size();
        long dataStart = end;
        long[] used = new long[blockCount];
        int n = 0;
        for (int i = 0; i < blockCount; i++) {
            if (u32(table, 4L * i) != UNUSED) {
                used[n++] = position(i);
            }
        }
        Arrays.sort(used, 0, n);
        long span = bitmapSize + blockSize;
        for (int i = 0; i < n; i++) {
            boolean inMetadata = used[i] < FOOTER_SIZE + HEADER_SIZE || used[i] < tableOffset + (long) blockCount * 4 && used[i] + span > tableOffset;
            if (inMetadata || used[i] > fileSize - bitmapSize || i > 0 && used[i] < used[i - 1] + span) {
                throw DiskFormatException.of(file.name(), "a block at " + used[i] + " is beyond the file or overlaps another");
            }
        }
        end = Math.max(dataStart, n == 0 ? 0 : used[n - 1] + span);
    }

    /** {@return where in the file the block's bitmap begins} */
    private long position(long block) {
        return Integer.toUnsignedLong(u32(table, 4 * block)) * SECTOR;
    }

    private boolean present(long block) {
        return u32(table, 4 * block) != UNUSED;
    }

    @Override
    void read(long offset, long length, IoCursor to) throws IOException {
        long stamp = blocks.readLock();
        try {
            read(offset, length, to, false);
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    @Override
    boolean readNow(long offset, long length, IoCursor to) throws IOException {
        long stamp = blocks.tryReadLock();
        if (stamp == 0) {
            return false;
        }
        try {
            return read(offset, length, to, true);
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    /** Reads under the read lock. @param now only what needs no waiting. {@return whether all was read} */
    private boolean read(long offset, long length, IoCursor to, boolean now) throws IOException {
        boolean there = true;
        while (length > 0 && there) {
            long block = offset / blockSize;
            long within = offset % blockSize;
            long n = Math.min(length, blockSize - within);
            if (!present(block)) {
                there = readParent(offset, n, to, now);
            } else if (parent == null) {
                there = readFile(to, n, position(block) + bitmapSize + within, now);
            } else {
                there = readPartial((int) block, within, offset, n, to, now);
            }
            offset += n;
            length -= n;
        }
        return there;
    }

    private boolean readFile(IoCursor to, long n, long position, boolean now) throws IOException {
        if (now) {
            return file.readNow(to, n, position);
        }
        file.read(to, n, position);
        return true;
    }

    private boolean readParent(long offset, long n, IoCursor to, boolean now) throws IOException {
        long there = parent == null ? 0 : Math.clamp(parent.byteSize() - offset, 0, n);
        if (there > 0) {
            if (!now) {
                parent.read(offset, there, to);
            } else if (!parent.readNow(offset, there, to)) {
                return false;
            }
        }
        if (there < n) {
            to.zero(n - there);
        }
        return true;
    }

    private boolean readPartial(int block, long within, long offset, long length, IoCursor to, boolean now) throws IOException {
        MemorySegment bitmap = now ? loadedBitmap(block) : bitmap(block);
        boolean there = bitmap != null;
        while (length > 0 && there) {
            long n = run(bitmap, within, length);
            if (n > 0) {
                there = readFile(to, n, position(block) + bitmapSize + within, now);
            } else {
                n = -n;
                there = readParent(offset, n, to, now);
            }
            within += n;
            offset += n;
            length -= n;
        }
        return there;
    }

    private MemorySegment loadedBitmap(int block) {
        synchronized (bitmaps) {
            return bitmaps[block];
        }
    }

    /** {@return the bytes from {@code within} whose bits are all set, or minus those whose bits are all clear} */
    private static long run(MemorySegment bitmap, long within, long limit) {
        int first = (int) (within / SECTOR);
        int last = first + (int) (limit / SECTOR);
        boolean here = bit(bitmap, first);
        int s = first + 1;
        while (s < last && bit(bitmap, s) == here) {
            s++;
        }
        long n = (long) (s - first) * SECTOR;
        return here ? n : -n;
    }

    private static boolean bit(MemorySegment bitmap, int sector) {
        return (u8(bitmap, sector >>> 3) << (sector & 7) & 0x80) != 0;
    }

    private MemorySegment bitmap(int block) throws IOException {
        synchronized (bitmaps) {
            MemorySegment m = bitmaps[block];
            if (m == null) {
                m = arena.allocate(bitmapSize, 8);
                file.read(m, position(block));
                bitmaps[block] = m;
            }
            return m;
        }
    }

    private void setBits(int block, long within, long length) throws IOException {
        MemorySegment m = bitmap(block);
        int from = (int) (within / SECTOR);
        int to = from + (int) (length / SECTOR);
        synchronized (bitmaps) {
            for (int s = from; s < to; s++) {
                m.set(ValueLayout.JAVA_BYTE, s >>> 3, (byte) (u8(m, s >>> 3) | 0x80 >>> (s & 7)));
            }
            dirtyBitmaps.set(block);
            dirty = true;
        }
    }

    @Override
    void write(long offset, long length, IoCursor from) throws IOException {
        changed = true;
        while (length > 0) {
            long block = offset / blockSize;
            long within = offset % blockSize;
            long n = Math.min(length, blockSize - within);
            long stamp = withPlace(block);
            try {
                file.write(from, n, position(block) + bitmapSize + within);
                if (parent != null) {
                    setBits((int) block, within, n);
                }
            } finally {
                blocks.unlockRead(stamp);
            }
            offset += n;
            length -= n;
        }
    }

    /** Gives the block a place if it has none. {@return the read stamp under which it has one} */
    private long withPlace(long block) throws IOException {
        while (true) {
            long stamp = blocks.readLock();
            if (present(block)) {
                return stamp;
            }
            blocks.unlockRead(stamp);
            stamp = blocks.writeLock();
            try {
                if (!present(block)) {
                    allocate(block);
                }
            } finally {
                blocks.unlockWrite(stamp);
            }
        }
    }

    private void allocate(long block) throws IOException {
        long at = end;
        long oldSize = file.size();
        long newEnd = at + bitmapSize + blockSize;
        file.write(footer, newEnd);
        if (at < oldSize) {
            file.zero(at, Math.min(newEnd, oldSize) - at);
        }
        // Set bits mean sectors in use; without a parent nobody asks, but other programs expect them. Written now, they have their space.
        try (Arena scratch = Arena.ofConfined()) {
            file.write(scratch.allocate(bitmapSize, 8).fill((byte) (parent == null ? 0xff : 0)), at);
        }
        if (parent != null) {
            bitmaps[(int) block] = null;
        }
        end = newEnd;
        u32(table, 4 * block, (int) (at / SECTOR));
        dirtyTable.set((int) (4 * block / SECTOR));
        dirty = true;
    }

    @Override
    void zero(long offset, long length, boolean release) throws IOException {
        changed = true;
        while (length > 0) {
            long block = offset / blockSize;
            long within = offset % blockSize;
            long n = Math.min(length, blockSize - within);
            zeroPart(block, within, n);
            offset += n;
            length -= n;
        }
    }

    // The format knows no freed blocks, but the file may have holes.
    private void zeroPart(long block, long within, long n) throws IOException {
        if (parent == null) {
            long stamp = blocks.readLock();
            try {
                if (present(block)) {
                    file.zero(position(block) + bitmapSize + within, n);
                }
                return;
            } finally {
                blocks.unlockRead(stamp);
            }
        }
        if (block * blockSize + within >= parent.byteSize() && absent(block)) {
            return;
        }
        long stamp = withPlace(block);
        try {
            file.zero(position(block) + bitmapSize + within, n);
            setBits((int) block, within, n);
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    private boolean absent(long block) {
        long stamp = blocks.readLock();
        try {
            return !present(block);
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    private record Change(MemorySegment bytes, long position) { }

    @Override
    void flush() throws IOException {
        synchronized (flushing) {
            if (!dirty) {
                file.sync();
                return;
            }
            try (Arena scratch = Arena.ofConfined()) {
                List<Change> changes;
                long stamp = blocks.writeLock();
                try {
                    changes = gather(scratch);
                } finally {
                    blocks.unlockWrite(stamp);
                }
                boolean done = false;
                try {
                    file.sync();
                    for (Change c : changes) {
                        file.write(c.bytes, c.position);
                    }
                    file.sync();
                    done = true;
                } finally {
                    if (!done) {
                        markAll();
                    }
                }
            }
        }
    }

    /** Copies what has changed: what happens to it during the flush waits for the next one. */
    private List<Change> gather(Arena scratch) throws IOException {
        List<Change> changes = new ArrayList<>();
        for (int s = dirtyTable.nextSetBit(0); s >= 0; s = dirtyTable.nextSetBit(s + 1)) {
            changes.add(new Change(scratch.allocate(SECTOR, 8).copyFrom(table.asSlice((long) s * SECTOR, SECTOR)), tableOffset + (long) s * SECTOR));
        }
        for (int b = dirtyBitmaps.nextSetBit(0); b >= 0; b = dirtyBitmaps.nextSetBit(b + 1)) {
            changes.add(new Change(scratch.allocate(bitmapSize, 8).copyFrom(bitmap(b)), position(b)));
        }
        dirtyTable.clear();
        dirtyBitmaps.clear();
        dirty = false;
        return changes;
    }

    private void markAll() {
        long stamp = blocks.writeLock();
        try {
            dirtyTable.set(0, (int) (table.byteSize() / SECTOR));
            for (int b = 0; bitmaps != null && b < blockCount; b++) {
                if (bitmaps[b] != null) {
                    dirtyBitmaps.set(b);
                }
            }
            dirty = true;
        } finally {
            blocks.unlockWrite(stamp);
        }
    }

    @Override
    ImageFile release() throws IOException {
        if (changed) {
            flush();
        }
        arena.close();
        return file;
    }

    @Override
    public void close() throws IOException {
        try (file; parent) {
            if (arena.scope().isAlive()) {
                try (arena) {
                    if (changed) {
                        flush();
                    }
                }
            }
        }
    }

    @Override
    ImageFile file() {
        return file;
    }

    @Override
    DiskFormat format() {
        return DiskFormat.VHD;
    }

    @Override
    DiskType type() {
        return parent == null ? DiskType.DYNAMIC : DiskType.DIFFERENCING;
    }

    @Override
    DiskImage parent() {
        return parent;
    }

    @Override
    long blockSize() {
        return blockSize;
    }

    @Override
    long own(long offset, long limit) throws IOException {
        long stamp = blocks.readLock();
        try {
            long block = offset / blockSize;
            long within = offset % blockSize;
            long n = Math.min(limit, blockSize - within);
            if (!present(block)) {
                return -n;
            }
            return parent == null ? n : run(bitmap((int) block), within, n);
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    /** {@return where the footer belongs} */
    long end() {
        return end;
    }

    @Override
    long byteSize() {
        return size;
    }

    @Override
    int logicalSectorSize() {
        return SECTOR;
    }

    @Override
    int physicalSectorSize() {
        return SECTOR;
    }

    @Override
    boolean readOnly() {
        return readOnly;
    }

    @Override
    UUID id() {
        return VhdLayout.id(footer, UNIQUE_ID);
    }

    @Override
    boolean supportsUnmap() {
        return true;
    }
}
