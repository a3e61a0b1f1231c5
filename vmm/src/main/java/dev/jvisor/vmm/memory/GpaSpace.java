package dev.jvisor.vmm.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The guest physical address space of one partition: regions of RAM, ROM and MMIO, with holes between them. All RAM and ROM lie in one
 * off-heap segment, so that an address is an offset and the software CPU needs one bounds check.
 *
 * <p>Threads: regions are changed by one thread at a time (VPs may run: readers see the old or the new list). Page flags and the dirty log
 * are safe for any number of threads.
 */
public final class GpaSpace {
    /** Bytes of a page; the granularity of regions, flags and the dirty log. */
    public static final int PAGE_SIZE = 4096;
    /** Page flag: the software CPU holds code decoded from this page, so writes must be seen. */
    public static final byte PAGE_CODE = 1;
    /** Page flag: the dirty log is on and this page has not been written since it was last collected. */
    public static final byte PAGE_CLEAN = 2;
    /** Page flag: a write is being told to those who hold code of this page; not all may have heard of it. Nobody sets it but {@link #touch}. */
    public static final byte PAGE_TELLING = 4;

    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle FLAG = MethodHandles.arrayElementVarHandle(byte[].class);

    private final MemorySegment host;
    private final byte[] pageFlags;
    private final List<GpaListener> listeners = new CopyOnWriteArrayList<>();
    private volatile GpaRegion[] regions = new GpaRegion[0];
    private long hostUsed;
    private volatile boolean dirtyLog;
    private final Object busLock = new Object();

    /**
     * Makes an empty space over memory that the caller owns and keeps mapped for as long as the space is used.
     *
     * @param host backing of all RAM and ROM to be mapped; its size is a multiple of 4096 below 8 TiB
     */
    public GpaSpace(MemorySegment host) {
        if (host.byteSize() % PAGE_SIZE != 0) {
            throw new IllegalArgumentException("backing is not whole pages: bytes=" + host.byteSize());
        }
        this.host = host;
        this.pageFlags = new byte[Math.toIntExact(host.byteSize() / PAGE_SIZE)];
    }

    /** {@return all RAM and ROM of the partition, indexed by host offset} */
    public MemorySegment host() {
        return host;
    }

    /**
     * {@return what a software VP holds while it changes an operand that the host cannot change at one stroke (a split lock)}. Nobody who
     * holds it may wait for another lock that a VP could hold, save those of a device the operand lies in.
     */
    public Object busLock() {
        return busLock;
    }

    /** {@return the flags of each host page, {@link #PAGE_CODE} and {@link #PAGE_CLEAN}; read freely, change by {@link #setFlag}} */
    public byte[] pageFlags() {
        return pageFlags;
    }

    /** Adds a listener; it is told at once of the regions that are mapped already. */
    public void addListener(GpaListener listener) {
        listeners.add(listener);
        for (GpaRegion r : regions) {
            listener.mapped(r);
        }
    }

    /** Removes a listener. */
    public void removeListener(GpaListener listener) {
        listeners.remove(listener);
    }

    /** {@return the mapped regions, by rising address} */
    public List<GpaRegion> regions() {
        return List.of(regions);
    }

    /** Maps RAM, taking the next unused part of the backing. {@return the region} */
    public GpaRegion mapRam(long gpa, long size) {
        return map(new GpaRegion(GpaRegion.Kind.RAM, gpa, size, take(size), null));
    }

    /** Maps ROM; fill it through {@link #host()} at the region's host offset. {@return the region} */
    public GpaRegion mapRom(long gpa, long size) {
        return map(new GpaRegion(GpaRegion.Kind.ROM, gpa, size, take(size), null));
    }

    /** Maps a device. {@return the region} */
    public GpaRegion mapMmio(long gpa, long size, MmioDevice device) {
        return map(new GpaRegion(GpaRegion.Kind.MMIO, gpa, size, -1, device));
    }

    /**
     * Maps a region as described; for regions that come back (remapped BARs, shadowed ROM) with the host offset they had.
     *
     * @throws IllegalArgumentException when it is not page-aligned or overlaps another
     */
    public synchronized GpaRegion map(GpaRegion region) {
        if (region.size() <= 0 || ((region.gpa() | region.size()) & (PAGE_SIZE - 1)) != 0) {
            throw new IllegalArgumentException("region is not whole pages: " + region);
        }
        GpaRegion[] old = regions;
        int at = 0;
        for (GpaRegion r : old) {
            if (Long.compareUnsigned(region.gpa(), r.end()) < 0 && Long.compareUnsigned(r.gpa(), region.end()) < 0) {
                throw new IllegalArgumentException("region " + region + " overlaps " + r);
            }
            if (Long.compareUnsigned(r.gpa(), region.gpa()) < 0) {
                at++;
            }
        }
        GpaRegion[] next = new GpaRegion[old.length + 1];
        System.arraycopy(old, 0, next, 0, at);
        next[at] = region;
        System.arraycopy(old, at, next, at + 1, old.length - at);
        regions = next;
        listeners.forEach(l -> l.mapped(region));
        return region;
    }

    /** Takes a region away. Its part of the backing stays reserved for a later {@link #map}. */
    public synchronized void unmap(GpaRegion region) {
        GpaRegion[] old = regions;
        GpaRegion[] next = new GpaRegion[old.length - 1];
        int n = 0;
        for (GpaRegion r : old) {
            if (r != region) {
                if (n == next.length) {
                    throw new IllegalArgumentException("not mapped: " + region);
                }
                next[n++] = r;
            }
        }
        regions = next;
        listeners.forEach(l -> l.unmapped(region));
    }

    private synchronized long take(long size) {
        long at = hostUsed;
        if (size > host.byteSize() - at) {
            throw new IllegalArgumentException("backing is used up: size=" + size + ", left=" + (host.byteSize() - at));
        }
        hostUsed += size;
        return at;
    }

    /** {@return the region at {@code gpa}, or null in a hole} */
    public GpaRegion find(long gpa) {
        for (GpaRegion r : regions) {
            if (r.contains(gpa)) {
                return r;
            }
        }
        return null;
    }

    /** {@return the offset in {@link #host()} of a byte of RAM or ROM, or -1 for MMIO and holes} */
    public long hostOffset(long gpa) {
        GpaRegion r = find(gpa);
        return r == null || r.hostOffset() < 0 ? -1 : r.hostOffset() + (gpa - r.gpa());
    }

    /**
     * The guest's own memory, in place. A device that writes to it must call {@link #written} afterwards.
     *
     * @return the slice, or null when the range is not inside one region of RAM
     */
    public MemorySegment ram(long gpa, long length) {
        GpaRegion r = find(gpa);
        if (r == null || r.kind() != GpaRegion.Kind.RAM || length < 0 || length > r.size() - (gpa - r.gpa())) {
            return null;
        }
        return host.asSlice(r.hostOffset() + (gpa - r.gpa()), length);
    }

    /** Notes that a device or loader has written {@code length} bytes at {@code gpa}: dirty log, and code decoded from there. */
    public void written(long gpa, long length) {
        long offset = hostOffset(gpa);
        if (offset < 0 || length <= 0) {
            return;
        }
        // A VP sets a flag and then reads the page; we have written the page and now read the flag: one of us must see the other.
        VarHandle.fullFence();
        int last = (int) Math.min((offset + length - 1) >>> 12, pageFlags.length - 1);
        for (int page = (int) (offset >>> 12); page <= last; page++) {
            if (pageFlags[page] != 0) {
                touch(page);
            }
        }
    }

    /**
     * Handles a write to a page whose flags are not zero: takes note for the dirty log and has decoded code thrown away. Afterwards the
     * flags are zero until somebody sets them again. As long as not all have been told of it, others who write there tell them, too: they
     * must not go on to write what is relied on to come after.
     *
     * @param hostPage offset in {@link #host()} divided by 4096
     */
    public void touch(int hostPage) {
        byte was;
        boolean tell;
        do {
            was = (byte) FLAG.getVolatile(pageFlags, hostPage);
            tell = (was & (PAGE_CODE | PAGE_TELLING)) != 0;
        } while (!FLAG.compareAndSet(pageFlags, hostPage, was, tell ? PAGE_TELLING : (byte) 0));
        if (tell) {
            for (GpaListener l : listeners) {
                l.codeWritten(hostPage);
            }
            clearFlag(hostPage, PAGE_TELLING);
        }
    }

    /** Sets one flag of a page. */
    public void setFlag(int hostPage, byte flag) {
        FLAG.getAndBitwiseOr(pageFlags, hostPage, flag);
    }

    /** Clears one flag of a page. */
    public void clearFlag(int hostPage, byte flag) {
        FLAG.getAndBitwiseAnd(pageFlags, hostPage, (byte) ~flag);
    }

    /** Switches the dirty log on, with every page clean, or off. */
    public void setDirtyLog(boolean on) {
        dirtyLog = on;
        for (int p = 0; p < pageFlags.length; p++) {
            if (on) {
                setFlag(p, PAGE_CLEAN);
            } else {
                clearFlag(p, PAGE_CLEAN);
            }
        }
        listeners.forEach(GpaListener::dirtyLogReset);
    }

    /** {@return whether the dirty log is on} */
    public boolean dirtyLog() {
        return dirtyLog;
    }

    /**
     * Reads and clears the dirty log of one region. Pages written by devices and by the software CPU appear here; a KVM backend adds what
     * the kernel logged.
     *
     * @param bitmap one bit a page of the region, set (never cleared) for pages written since the last collection
     * @return number of pages found dirty
     */
    public int collectDirty(GpaRegion region, long[] bitmap) {
        listeners.forEach(l -> l.dirtyLogWanted(region));
        int first = (int) (region.hostOffset() >>> 12);
        int pages = (int) (region.size() >>> 12);
        int found = 0;
        for (int p = 0; p < pages; p++) {
            if ((pageFlags[first + p] & PAGE_CLEAN) == 0) {
                bitmap[p >>> 6] |= 1L << p;
                setFlag(first + p, PAGE_CLEAN);
                found++;
            }
        }
        if (found > 0) {
            listeners.forEach(GpaListener::dirtyLogReset);
        }
        return found;
    }

    /** {@return the byte at {@code gpa}, zero-extended; 0xFF outside RAM and ROM} */
    public int read8(long gpa) {
        long o = hostOffset(gpa);
        return o < 0 ? 0xFF : Byte.toUnsignedInt(host.get(ValueLayout.JAVA_BYTE, o));
    }

    /** {@return the little-endian 16-bit value at {@code gpa}, inside one region; all-ones outside RAM and ROM} */
    public int read16(long gpa) {
        long o = hostOffset(gpa);
        return o < 0 ? 0xFFFF : Short.toUnsignedInt(host.get(LE16, o));
    }

    /** {@return the little-endian 32-bit value at {@code gpa}, inside one region; all-ones outside RAM and ROM} */
    public int read32(long gpa) {
        long o = hostOffset(gpa);
        return o < 0 ? -1 : host.get(LE32, o);
    }

    /** {@return the little-endian 64-bit value at {@code gpa}, inside one region; all-ones outside RAM and ROM} */
    public long read64(long gpa) {
        long o = hostOffset(gpa);
        return o < 0 ? -1 : host.get(LE64, o);
    }

    /** Writes bytes into RAM or ROM, from the host's side. @throws IllegalArgumentException when the range is not mapped so */
    public void write(long gpa, MemorySegment from) {
        GpaRegion r = find(gpa);
        if (r == null || r.hostOffset() < 0 || from.byteSize() > r.end() - gpa) {
            throw new IllegalArgumentException("no memory there: gpa=0x" + Long.toHexString(gpa) + ", bytes=" + from.byteSize());
        }
        MemorySegment.copy(from, 0, host, r.hostOffset() + (gpa - r.gpa()), from.byteSize());
        written(gpa, from.byteSize());
    }

    /** Writes bytes into RAM or ROM, from the host's side. @throws IllegalArgumentException when the range is not mapped so */
    public void write(long gpa, byte[] from) {
        write(gpa, MemorySegment.ofArray(from));
    }
}
