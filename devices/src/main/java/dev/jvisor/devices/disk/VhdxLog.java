package dev.jvisor.devices.disk;

import static dev.jvisor.devices.disk.VhdxLayout.*;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * The log (MS-VHDX 2.3): a ring of entries, each a set of 4 KiB pages that change together. An entry is durable before its pages are
 * written in place, and its pages are durable in place before the next entry is begun. So only the newest whole entry can be needed, each
 * entry's tail is itself, and as no entry takes more than half the ring, a torn entry never destroys the one before it.
 *
 * <p>Not thread safe: the image's flush lock guards it.
 */
final class VhdxLog {
    /** The most pages in one entry: what descriptors fit beside its header in one page. */
    static final int MAX_PAGES = (PAGE - LOG_HEADER_SIZE) / DESCRIPTOR_SIZE;

    private final ImageFile file;
    private final VhdxHeader header;
    private final long offset;
    private final long length;
    private final MemorySegment entry = Arena.ofAuto().allocate((long) (MAX_PAGES + 1) * PAGE, PAGE);
    private final MemorySegment pages = Arena.ofAuto().allocate((long) MAX_PAGES * PAGE, PAGE);
    private final long[] targets = new long[MAX_PAGES];
    private int count;
    private long head;
    private long sequence = 1;
    private UUID guid = LittleEndian.ZERO_GUID;

    VhdxLog(ImageFile file, VhdxHeader header) {
        this.file = file;
        this.header = header;
        offset = header.logOffset();
        length = header.logLength();
    }

    /** Adds a page to the entry that is being made. {@return false when it is full: commit first} */
    boolean add(long fileOffset, MemorySegment from, long fromOffset) {
        if (count == MAX_PAGES) {
            return false;
        }
        MemorySegment.copy(from, fromOffset, pages, (long) count * PAGE, PAGE);
        targets[count++] = fileOffset;
        return true;
    }

    /** {@return whether pages wait for a commit: added, or left by one that failed} */
    boolean pending() {
        return count > 0;
    }

    /**
     * Makes the pages that were added durable, all or none. Everything written to the file before, blocks among it, is durable first. The
     * pages stay in the entry if this fails, and the next commit takes them.
     */
    void commit() throws IOException {
        if (count == 0) {
            return;
        }
        long fileSize = file.size();
        file.sync();
        if (guid.equals(LittleEndian.ZERO_GUID)) {
            // The entry goes first and the header that makes it count after it: a header with a log GUID and no entry would be corrupt.
            UUID fresh = UUID.randomUUID();
            writeEntry(fresh, fileSize);
            file.sync();
            header.setLogGuid(fresh);
            guid = fresh;
        } else {
            writeEntry(guid, fileSize);
            file.sync();
        }
        sequence++;
        head = (head + (long) (count + 1) * PAGE) % length;
        for (int i = 0; i < count; i++) {
            file.write(pages.asSlice((long) i * PAGE, PAGE), targets[i]);
        }
        count = 0;
    }

    private void writeEntry(UUID logGuid, long fileSize) throws IOException {
        long size = (long) (count + 1) * PAGE;
        entry.asSlice(0, PAGE).fill((byte) 0);
        LittleEndian.u32(entry, 0, LOG_SIGNATURE);
        LittleEndian.u32(entry, LOG_LENGTH, (int) size);
        LittleEndian.u32(entry, LOG_TAIL, (int) head);
        LittleEndian.u64(entry, LOG_SEQUENCE, sequence);
        LittleEndian.u32(entry, LOG_DESCRIPTORS, count);
        LittleEndian.guid(entry, LOG_GUID, logGuid);
        LittleEndian.u64(entry, LOG_FLUSHED_OFFSET, fileSize);
        LittleEndian.u64(entry, LOG_LAST_OFFSET, fileSize);
        for (int i = 0; i < count; i++) {
            long page = (long) i * PAGE;
            long descriptor = LOG_HEADER_SIZE + (long) i * DESCRIPTOR_SIZE;
            LittleEndian.u32(entry, descriptor, DESC_SIGNATURE);
            LittleEndian.u32(entry, descriptor + 4, LittleEndian.u32(pages, page + PAGE - 4));
            LittleEndian.u64(entry, descriptor + 8, LittleEndian.u64(pages, page));
            LittleEndian.u64(entry, descriptor + 16, targets[i]);
            LittleEndian.u64(entry, descriptor + 24, sequence);
            long data = page + PAGE;
            LittleEndian.u32(entry, data, DATA_SIGNATURE);
            LittleEndian.u32(entry, data + 4, (int) (sequence >>> 32));
            MemorySegment.copy(pages, page + 8, entry, data + 8, PAGE - 12);
            LittleEndian.u32(entry, data + PAGE - 4, (int) sequence);
        }
        LittleEndian.u32(entry, 4, LittleEndian.crcAt4(entry.asSlice(0, size)));
        long first = Math.min(size, length - head);
        file.write(entry.asSlice(0, first), offset + head);
        if (first < size) {
            file.write(entry.asSlice(first, size - first), offset);
        }
    }

    /** Empties the log: what was committed is durable in place, and the header says that there is no log. */
    void clear() throws IOException {
        if (!guid.equals(LittleEndian.ZERO_GUID)) {
            file.sync();
            header.setLogGuid(LittleEndian.ZERO_GUID);
            guid = LittleEndian.ZERO_GUID;
        }
    }

    private record Entry(long at, MemorySegment bytes, long sequence, long tail) { }

    /**
     * Replays what a crash has left (2.3.3), and empties the log.
     *
     * @throws DiskFormatException when there should be an entry and none is whole, or one is not possible
     */
    void replay() throws IOException {
        UUID id = header.logGuid();
        if (id.equals(LittleEndian.ZERO_GUID)) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            List<Entry> active = activeSequence(entries(arena, id));
            long size = file.size();
            for (Entry e : active) {
                long flushed = LittleEndian.u64(e.bytes, LOG_FLUSHED_OFFSET);
                long last = LittleEndian.u64(e.bytes, LOG_LAST_OFFSET);
                if (flushed < 0 || flushed > size || last < 0 || last > MAX_FILE_SIZE) {
                    throw DiskFormatException.of(file.name(), "the file is shorter than its log says: " + size + " of " + flushed + " bytes");
                }
                if (last > size) {
                    file.resize(last);
                    size = last;
                }
                apply(e, size);
            }
        }
        guid = id;
        clear();
    }

    /** All whole entries of the ring, by position. */
    private Map<Long, Entry> entries(Arena arena, UUID id) throws IOException {
        if (offset + length > file.size() || length > 1 << 30) {
            throw DiskFormatException.of(file.name(), "the log of " + length + " bytes at " + offset + " is not in the file");
        }
        MemorySegment ring = arena.allocate(length, PAGE);
        file.read(ring, offset);
        Map<Long, Entry> found = new HashMap<>();
        // Entries that overlap can be put into a ring to make us compute checksums for ever; honest ones sum up to one ring.
        long budget = 16 * length;
        for (long at = 0; at < length; at += PAGE) {
            if (LittleEndian.u32(ring, at) != LOG_SIGNATURE || !LittleEndian.guid(ring, at + LOG_GUID).equals(id)) {
                continue;
            }
            long size = Integer.toUnsignedLong(LittleEndian.u32(ring, at + LOG_LENGTH));
            long tail = Integer.toUnsignedLong(LittleEndian.u32(ring, at + LOG_TAIL));
            if (size < PAGE || size % PAGE != 0 || size > length || tail % PAGE != 0 || tail >= length) {
                continue;
            }
            budget -= size;
            if (budget < 0) {
                throw DiskFormatException.of(file.name(), "the log's entries overlap");
            }
            MemorySegment bytes = ring.asSlice(at, Math.min(size, length - at));
            if (at + size > length) {
                MemorySegment whole = arena.allocate(size, PAGE);
                MemorySegment.copy(bytes, 0, whole, 0, bytes.byteSize());
                MemorySegment.copy(ring, 0, whole, bytes.byteSize(), size - bytes.byteSize());
                bytes = whole;
            }
            if (LittleEndian.u32(bytes, 4) == LittleEndian.crcAt4(bytes) && wholeDescriptors(bytes)) {
                found.put(at, new Entry(at, bytes, LittleEndian.u64(bytes, LOG_SEQUENCE), tail));
            }
        }
        return found;
    }

    private static long descriptorPages(long count) {
        return (LOG_HEADER_SIZE + count * DESCRIPTOR_SIZE + PAGE - 1) / PAGE;
    }

    private static boolean wholeDescriptors(MemorySegment e) {
        long count = Integer.toUnsignedLong(LittleEndian.u32(e, LOG_DESCRIPTORS));
        long sequence = LittleEndian.u64(e, LOG_SEQUENCE);
        long data = descriptorPages(count) * PAGE;
        if (data > e.byteSize() || sequence == 0) {
            return false;
        }
        for (long i = 0; i < count; i++) {
            long d = LOG_HEADER_SIZE + i * DESCRIPTOR_SIZE;
            int signature = LittleEndian.u32(e, d);
            if (LittleEndian.u64(e, d + 24) != sequence) {
                return false;
            }
            if (signature == DESC_SIGNATURE) {
                if (data + PAGE > e.byteSize() || LittleEndian.u32(e, data) != DATA_SIGNATURE || LittleEndian.u32(e, data + 4) != (int) (sequence >>> 32)
                        || LittleEndian.u32(e, data + PAGE - 4) != (int) sequence) {
                    return false;
                }
                data += PAGE;
            } else if (signature != ZERO_SIGNATURE) {
                return false;
            }
        }
        return data == e.byteSize();
    }

    /** From the newest entry's tail to the newest entry; an entry whose tail is not joined to it does not count. */
    private List<Entry> activeSequence(Map<Long, Entry> found) throws IOException {
        List<Entry> newest = new ArrayList<>(found.values());
        newest.sort(Comparator.comparing(Entry::sequence, Long::compareUnsigned).reversed());
        int steps = 1 << 20;
        for (Entry last : newest) {
            List<Entry> chain = new ArrayList<>();
            Entry e = found.get(last.tail);
            while (e != null && steps-- > 0) {
                chain.add(e);
                if (e == last) {
                    return chain;
                }
                Entry next = found.get((e.at + e.bytes.byteSize()) % length);
                e = next != null && next.sequence == e.sequence + 1 ? next : null;
            }
        }
        throw DiskFormatException.of(file.name(), "the log holds no whole entry");
    }

    private void apply(Entry e, long fileSize) throws IOException {
        MemorySegment bytes = e.bytes;
        long count = Integer.toUnsignedLong(LittleEndian.u32(bytes, LOG_DESCRIPTORS));
        long data = descriptorPages(count) * PAGE;
        for (long i = 0; i < count; i++) {
            long d = LOG_HEADER_SIZE + i * DESCRIPTOR_SIZE;
            long target = LittleEndian.u64(bytes, d + 16);
            boolean zero = LittleEndian.u32(bytes, d) == ZERO_SIGNATURE;
            long n = zero ? LittleEndian.u64(bytes, d + 8) : PAGE;
            // Headers and the log itself are never logged: an entry that names them would undo the headers.
            if (target < REGIONS_1 || target % PAGE != 0 || n < 0 || n % PAGE != 0 || n > fileSize || target > fileSize - n
                    || target < offset + length && target + n > offset) {
                throw DiskFormatException.of(file.name(), "a log entry names " + n + " bytes at " + target);
            }
            if (zero) {
                file.zero(target, n);
                continue;
            }
            MemorySegment page = pages.asSlice(0, PAGE);
            MemorySegment.copy(bytes, data, page, 0, PAGE);
            LittleEndian.u64(page, 0, LittleEndian.u64(bytes, d + 8));
            LittleEndian.u32(page, PAGE - 4, LittleEndian.u32(bytes, d + 4));
            file.write(page, target);
            data += PAGE;
        }
    }
}
