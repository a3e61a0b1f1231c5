package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdxLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.UUID;
import java.util.concurrent.locks.StampedLock;

/**
 * A VHDX image. The table and the sector bitmaps live in memory; a change of them marks pages, and a flush takes the marked pages through
 * {@link VhdxLog}. Nothing that was not flushed was promised, so a crash at any time leaves the image as of the last flush or later.
 *
 * <p>Locks: {@code blocks} is held for reading around each transfer and for writing while a block gets or loses its place; the monitor
 * {@code flushing} around everything that writes metadata to the file. {@code flushing} is taken before {@code blocks}. A bitmap bit is set
 * after its sector was written, so a flush that sees the bit makes the sector durable first.
 */
final class VhdxImage extends DiskImage {
    private final ImageFile file;
    private final boolean readOnly;
    private final VhdxHeader header;
    private final VhdxLog log;
    private final VhdxMetadata meta;
    private final DiskImage parent;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bat;
    private final long blockSize;
    private final int ratio;
    private final int sectorShift;
    private final int bitmapSectors;
    private final StampedLock blocks = new StampedLock();
    private final Object flushing = new Object();
    private final BitSet dirtyTable = new BitSet();
    private final MemorySegment[] bitmaps;
    private final BitSet[] dirtyBitmaps;
    private final BlockSpace space;
    private volatile boolean changed;
    private volatile boolean dirty;
    private boolean keepGuid;

    /** Opens; the log has been replayed. @param parent for a differencing disk, closed with it */
    VhdxImage(ImageFile file, boolean readOnly, VhdxHeader header, VhdxMetadata meta, DiskImage parent) throws IOException {
        this.file = file;
        this.readOnly = readOnly;
        this.header = header;
        this.meta = meta;
        this.parent = parent;
        log = new VhdxLog(file, header);
        blockSize = meta.blockSize();
        ratio = meta.chunkRatio();
        sectorShift = Integer.numberOfTrailingZeros(meta.logicalSectorSize());
        bitmapSectors = (int) (blockSize >>> sectorShift);
        long entries = meta.batEntries();
        bat = arena.allocate(entries * 8 + PAGE - 1 & -PAGE, PAGE);
        file.read(bat, meta.batOffset());
        space = new BlockSpace(file.size());
        int chunks = (int) ((meta.blocks() + ratio - 1) / ratio);
        bitmaps = parent == null ? null : new MemorySegment[chunks];
        dirtyBitmaps = parent == null ? null : new BitSet[chunks];
        claimAll(entries);
    }

    private void claimAll(long entries) throws IOException {
        long size = file.size();
        if (size > MAX_FILE_SIZE) {
            throw DiskFormatException.of(file.name(), "the file is larger than 128 TiB");
        }
        space.claim(0, MIB);
        boolean apart = space.claim(header.logOffset(), header.logLength());
        for (VhdxMetadata.Region r : meta.regions()) {
            apart &= space.claim(r.offset(), r.length());
        }
        if (!apart) {
            throw DiskFormatException.of(file.name(), "log and regions overlap");
        }
        for (long i = 0; i < entries; i++) {
            long e = LittleEndian.u64(bat, i * 8);
            int state = (int) e & STATE_MASK;
            boolean bitmap = i % (ratio + 1) == ratio;
            long payload = i - i / (ratio + 1);
            boolean known = bitmap ? state == NOT_PRESENT || state == FULLY_PRESENT && parent != null
                    : state != 4 && state != 5 && (state != PARTIALLY_PRESENT || parent != null);
            if (!known || state == PARTIALLY_PRESENT && state(LittleEndian.u64(bat, bitmapEntry(payload / ratio))) != FULLY_PRESENT) {
                throw DiskFormatException.of(file.name(), "table entry " + i + " has state " + state);
            }
            if (state >= FULLY_PRESENT && (bitmap || payload < meta.blocks())) {
                long at = e & OFFSET_MASK;
                long length = bitmap ? MIB : blockSize;
                if (at < MIB || at >= size || !space.claim(at, length)) {
                    throw DiskFormatException.of(file.name(), "table entry " + i + " names " + at + ", which is beyond the file or taken");
                }
            }
        }
    }

    private long payloadEntry(long block) {
        return (block + block / ratio) * 8;
    }

    private long bitmapEntry(long chunk) {
        return (chunk * (ratio + 1) + ratio) * 8;
    }

    private static int state(long entry) {
        return (int) entry & STATE_MASK;
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
            long e = LittleEndian.u64(bat, payloadEntry(block));
            switch (state(e)) {
                case FULLY_PRESENT -> there = readFile(to, n, (e & OFFSET_MASK) + within, now);
                case PARTIALLY_PRESENT -> there = readPartial(block, within, offset, n, e & OFFSET_MASK, to, now);
                case NOT_PRESENT -> there = readParent(offset, n, to, now);
                default -> to.zero(n);
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

    private boolean readPartial(long block, long within, long offset, long length, long position, IoCursor to, boolean now) throws IOException {
        int chunk = (int) (block / ratio);
        MemorySegment bitmap = now ? loadedBitmap(chunk) : bitmap(chunk);
        if (bitmap == null) {
            return false;
        }
        int sector = (int) (block % ratio) * bitmapSectors + (int) (within >>> sectorShift);
        int end = sector + (int) (length >>> sectorShift);
        boolean there = true;
        while (sector < end && there) {
            boolean here = bit(bitmap, sector);
            int from = sector++;
            while (sector < end && bit(bitmap, sector) == here) {
                sector++;
            }
            long n = (long) (sector - from) << sectorShift;
            there = here ? readFile(to, n, position + within, now) : readParent(offset, n, to, now);
            within += n;
            offset += n;
        }
        return there;
    }

    private MemorySegment loadedBitmap(int chunk) {
        synchronized (bitmaps) {
            return bitmaps[chunk];
        }
    }

    private static boolean bit(MemorySegment bitmap, int sector) {
        return (bitmap.get(ValueLayout.JAVA_BYTE, sector >>> 3) >>> (sector & 7) & 1) != 0;
    }

    /** The bitmap of a chunk that has one, read when first needed. */
    private MemorySegment bitmap(int chunk) throws IOException {
        synchronized (bitmaps) {
            MemorySegment m = bitmaps[chunk];
            if (m == null) {
                m = arena.allocate(MIB, PAGE);
                file.read(m, LittleEndian.u64(bat, bitmapEntry(chunk)) & OFFSET_MASK);
                bitmaps[chunk] = m;
                dirtyBitmaps[chunk] = new BitSet();
            }
            return m;
        }
    }

    private void setBits(long block, long within, long length, boolean value) throws IOException {
        int chunk = (int) (block / ratio);
        MemorySegment m = bitmap(chunk);
        int from = (int) (block % ratio) * bitmapSectors + (int) (within >>> sectorShift);
        int to = from + (int) (length >>> sectorShift);
        synchronized (bitmaps) {
            for (int s = from; s < to; s++) {
                if ((s & 7) == 0 && to - s >= 8) {
                    m.set(ValueLayout.JAVA_BYTE, s >>> 3, (byte) (value ? -1 : 0));
                    s += 7;
                } else {
                    byte b = m.get(ValueLayout.JAVA_BYTE, s >>> 3);
                    m.set(ValueLayout.JAVA_BYTE, s >>> 3, (byte) (value ? b | 1 << (s & 7) : b & ~(1 << (s & 7))));
                }
            }
            dirtyBitmaps[chunk].set(from >>> 15, (to - 1 >>> 15) + 1);
            dirty = true;
        }
    }

    @Override
    void write(long offset, long length, IoCursor from) throws IOException {
        willChange();
        while (length > 0) {
            long block = offset / blockSize;
            long within = offset % blockSize;
            long n = Math.min(length, blockSize - within);
            long stamp = present(block);
            try {
                long e = LittleEndian.u64(bat, payloadEntry(block));
                file.write(from, n, (e & OFFSET_MASK) + within);
                if (state(e) == PARTIALLY_PRESENT) {
                    setBits(block, within, n, true);
                }
            } finally {
                blocks.unlockRead(stamp);
            }
            offset += n;
            length -= n;
        }
    }

    /** Gives the block a place if it has none. {@return the read stamp under which it has one} */
    private long present(long block) throws IOException {
        while (true) {
            long stamp = blocks.readLock();
            if (state(LittleEndian.u64(bat, payloadEntry(block))) >= FULLY_PRESENT) {
                return stamp;
            }
            blocks.unlockRead(stamp);
            stamp = blocks.writeLock();
            try {
                if (state(LittleEndian.u64(bat, payloadEntry(block))) < FULLY_PRESENT) {
                    allocate(block);
                }
            } finally {
                blocks.unlockWrite(stamp);
            }
        }
    }

    private void allocate(long block) throws IOException {
        int old = state(LittleEndian.u64(bat, payloadEntry(block)));
        boolean partial = parent != null && old == NOT_PRESENT;
        if (partial) {
            int chunk = (int) (block / ratio);
            if (state(LittleEndian.u64(bat, bitmapEntry(chunk))) != FULLY_PRESENT) {
                long at = place(MIB);
                try {
                    file.reserve(at, MIB);
                } catch (IOException | RuntimeException e) {
                    space.release(at, MIB);
                    throw e;
                }
                setEntry(bitmapEntry(chunk), at | FULLY_PRESENT);
            }
            // Bits of a block without a place mean nothing and may be set.
            setBits(block, 0, blockSize, false);
        }
        setEntry(payloadEntry(block), place(blockSize) | (partial ? PARTIALLY_PRESENT : FULLY_PRESENT));
    }

    /** {@return the position of new zeroes in the file} */
    private long place(long length) throws IOException {
        long oldEnd = space.end();
        long at = space.take(length);
        try {
            long size = file.size();
            if (at < oldEnd && at < size) {
                file.zero(at, Math.min(length, size - at));
            }
            if (at + length > size) {
                file.resize(at + length);
            }
            space.grown(at + length);
            return at;
        } catch (IOException | RuntimeException e) {
            space.release(at, length);
            throw e;
        }
    }

    private void setEntry(long at, long value) {
        LittleEndian.u64(bat, at, value);
        dirtyTable.set((int) (at / PAGE));
        dirty = true;
    }

    @Override
    void zero(long offset, long length, boolean release) throws IOException {
        willChange();
        while (length > 0) {
            long block = offset / blockSize;
            long within = offset % blockSize;
            // The last block may be longer than the disk.
            long inBlock = Math.min(blockSize, meta.diskSize() - block * blockSize);
            long n = Math.min(length, inBlock - within);
            if (n == inBlock && !meta.fixed()) {
                zeroBlock(block);
            } else {
                zeroPart(block, within, n);
            }
            offset += n;
            length -= n;
        }
    }

    private void zeroBlock(long block) throws IOException {
        long stamp = blocks.writeLock();
        try {
            long e = LittleEndian.u64(bat, payloadEntry(block));
            if (state(e) >= FULLY_PRESENT) {
                // Give the space back now; if a crash undoes the table, the block reads as zeroes all the same.
                file.zero(e & OFFSET_MASK, blockSize);
                space.leave(e & OFFSET_MASK);
                setEntry(payloadEntry(block), ZERO);
            } else if (state(e) == NOT_PRESENT && parent != null) {
                setEntry(payloadEntry(block), ZERO);
            }
        } finally {
            blocks.unlockWrite(stamp);
        }
    }

    private void zeroPart(long block, long within, long n) throws IOException {
        long stamp = blocks.readLock();
        try {
            int state = state(LittleEndian.u64(bat, payloadEntry(block)));
            if (state < FULLY_PRESENT && (state != NOT_PRESENT || parent == null)) {
                return;
            }
        } finally {
            blocks.unlockRead(stamp);
        }
        stamp = present(block);
        try {
            long e = LittleEndian.u64(bat, payloadEntry(block));
            file.zero((e & OFFSET_MASK) + within, n);
            if (state(e) == PARTIALLY_PRESENT) {
                setBits(block, within, n, true);
            }
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    private void willChange() throws IOException {
        if (!changed) {
            synchronized (flushing) {
                if (!changed) {
                    header.fileWillChange(!keepGuid);
                    changed = true;
                }
            }
        }
    }

    @Override
    void flush() throws IOException {
        synchronized (flushing) {
            // A commit makes durable all that was written before it; what it writes in place is covered by its log entry.
            if (dirty || log.pending()) {
                commitAll();
            } else {
                file.sync();
            }
        }
    }

    private void commitAll() throws IOException {
        while (true) {
            boolean all;
            int leaving;
            long stamp = blocks.writeLock();
            try {
                leaving = space.leaving();
                all = gather();
            } finally {
                blocks.unlockWrite(stamp);
            }
            log.commit();
            if (all) {
                if (leaving > 0) {
                    stamp = blocks.writeLock();
                    try {
                        space.left(leaving, blockSize);
                    } finally {
                        blocks.unlockWrite(stamp);
                    }
                }
                return;
            }
        }
    }

    /** Moves marked pages into the log entry. {@return whether all found room} */
    private boolean gather() {
        if (bitmaps != null && !gatherBitmaps()) {
            return false;
        }
        for (int p = dirtyTable.nextSetBit(0); p >= 0; p = dirtyTable.nextSetBit(p + 1)) {
            if (!log.add(meta.batOffset() + (long) p * PAGE, bat, (long) p * PAGE)) {
                return false;
            }
            dirtyTable.clear(p);
        }
        dirty = false;
        return true;
    }

    // Before the table: a partial block must not come to life with old bits.
    private boolean gatherBitmaps() {
        synchronized (bitmaps) {
            for (int chunk = 0; chunk < bitmaps.length; chunk++) {
                BitSet marks = dirtyBitmaps[chunk];
                if (marks == null) {
                    continue;
                }
                long at = LittleEndian.u64(bat, bitmapEntry(chunk)) & OFFSET_MASK;
                for (int p = marks.nextSetBit(0); p >= 0; p = marks.nextSetBit(p + 1)) {
                    if (!log.add(at + (long) p * PAGE, bitmaps[chunk], (long) p * PAGE)) {
                        return false;
                    }
                    marks.clear(p);
                }
            }
        }
        return true;
    }

    @Override
    ImageFile release() throws IOException {
        finish();
        arena.close();
        return file;
    }

    @Override
    public void close() throws IOException {
        try (file; parent) {
            if (arena.scope().isAlive()) {
                try (arena) {
                    finish();
                }
            }
        }
    }

    private void finish() throws IOException {
        if (changed) {
            synchronized (flushing) {
                commitAll();
                log.clear();
                file.sync();
            }
        }
    }

    @Override
    ImageFile file() {
        return file;
    }

    @Override
    DiskFormat format() {
        return DiskFormat.VHDX;
    }

    @Override
    DiskType type() {
        return parent != null ? DiskType.DIFFERENCING : meta.fixed() ? DiskType.FIXED : DiskType.DYNAMIC;
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
            int state = state(LittleEndian.u64(bat, payloadEntry(block)));
            if (state != PARTIALLY_PRESENT) {
                return (parent == null ? state == FULLY_PRESENT : state != NOT_PRESENT) ? n : -n;
            }
            MemorySegment bitmap = bitmap((int) (block / ratio));
            int first = (int) (block % ratio) * bitmapSectors + (int) (within >>> sectorShift);
            int sector = first;
            int end = first + (int) (n >>> sectorShift);
            boolean here = bit(bitmap, sector);
            while (sector < end && bit(bitmap, sector) == here) {
                sector++;
            }
            long run = (long) (sector - first) << sectorShift;
            return here ? run : -run;
        } finally {
            blocks.unlockRead(stamp);
        }
    }

    /** Changes from now on leave the GUID that children know the disk by: a merge must not orphan the child before it is done. */
    void keepDataWriteGuid() {
        keepGuid = true;
    }

    /** {@return what a child of this disk remembers of it} */
    UUID dataWriteGuid() {
        return header.dataWriteGuid();
    }

    VhdxMetadata metadata() {
        return meta;
    }

    @Override
    long byteSize() {
        return meta.diskSize();
    }

    @Override
    int logicalSectorSize() {
        return meta.logicalSectorSize();
    }

    @Override
    int physicalSectorSize() {
        return Math.max(meta.physicalSectorSize(), meta.logicalSectorSize());
    }

    @Override
    boolean readOnly() {
        return readOnly;
    }

    @Override
    UUID id() {
        return meta.page83();
    }

    @Override
    boolean supportsUnmap() {
        return true;
    }
}
