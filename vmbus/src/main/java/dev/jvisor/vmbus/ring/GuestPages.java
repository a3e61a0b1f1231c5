package dev.jvisor.vmbus.ring;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Pages of guest RAM in an order the guest chose, seen as one range of bytes: a GPADL, or a part of one. Host addresses are looked up
 * once, when it is made. Where the pages follow each other in host memory an access is one addition, else one look-up more; both are
 * correct for any order. Values that are aligned to their size never straddle pages. Immutable; safe for any number of threads.
 */
public final class GuestPages {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = INT.varHandle();
    private static final int PAGE = GpaSpace.PAGE_SIZE;
    private static final int PAGE_SHIFT = 12;
    private static final int PAGE_MASK = PAGE - 1;

    private final GpaSpace gpa;
    private final MemorySegment memory;
    private final byte[] flags;
    private final long[] pages;
    private final boolean contiguous;
    private final long base;

    private GuestPages(GpaSpace gpa, long[] pages) {
        this.gpa = gpa;
        this.memory = gpa.host();
        this.flags = gpa.pageFlags();
        this.pages = pages;
        this.base = pages[0];
        boolean straight = true;
        for (int i = 1; i < pages.length; i++) {
            straight &= pages[i] == base + (long) i * PAGE;
        }
        this.contiguous = straight;
    }

    /**
     * Looks up pages by their frame numbers.
     *
     * @param pfns frame numbers (GPA &gt;&gt;&gt; 12), as the guest gave them
     * @param count how many of them, at least 1
     * @return the pages, or null when one of them is not RAM
     */
    public static GuestPages of(GpaSpace gpa, long[] pfns, int count) {
        long[] pages = new long[count];
        for (int i = 0; i < count; i++) {
            pages[i] = hostPage(gpa, pfns[i]);
            if (pages[i] < 0) {
                return null;
            }
        }
        return new GuestPages(gpa, pages);
    }

    /** {@return the host offset of a page of RAM, or -1 when it is none} */
    public static long hostPage(GpaSpace gpa, long pfn) {
        if (pfn < 0 || pfn >>> (63 - PAGE_SHIFT) != 0) {
            return -1;
        }
        GpaRegion r = gpa.find(pfn << PAGE_SHIFT);
        return r == null || r.kind() != GpaRegion.Kind.RAM ? -1 : r.hostOffset() + ((pfn << PAGE_SHIFT) - r.gpa());
    }

    /** Notes that the host has written {@code length} bytes at a host offset: dirty log, and code decoded from there. */
    public static void written(GpaSpace gpa, long hostOffset, long length) {
        byte[] flags = gpa.pageFlags();
        int last = (int) (hostOffset + length - 1 >>> PAGE_SHIFT);
        for (int page = (int) (hostOffset >>> PAGE_SHIFT); page <= last; page++) {
            if (flags[page] != 0) {
                gpa.touch(page);
            }
        }
    }

    /** {@return some of the pages as a range of their own} */
    public GuestPages slice(int firstPage, int count) {
        long[] part = new long[count];
        System.arraycopy(pages, firstPage, part, 0, count);
        return new GuestPages(gpa, part);
    }

    /** {@return number of pages} */
    public int count() {
        return pages.length;
    }

    /** {@return number of bytes} */
    public long byteSize() {
        return (long) pages.length * PAGE;
    }

    /** {@return whether the pages follow each other in host memory} */
    public boolean contiguous() {
        return contiguous;
    }

    /** {@return the host memory that {@link #hostOffset} is an offset in} */
    public MemorySegment memory() {
        return memory;
    }

    /** {@return the GPA space of the pages} */
    public GpaSpace gpa() {
        return gpa;
    }

    /** {@return where a byte lies in {@link #memory}} */
    public long hostOffset(int at) {
        return contiguous ? base + at : pages[at >>> PAGE_SHIFT] + (at & PAGE_MASK);
    }

    /** {@return the 32-bit value at a multiple of 4} */
    public int getInt(int at) {
        return memory.get(INT, hostOffset(at));
    }

    /** Writes the 32-bit value at a multiple of 4. */
    public void setInt(int at, int value) {
        memory.set(INT, hostOffset(at), value);
    }

    /** {@return the 32-bit value at a multiple of 4; what the peer wrote before it, is seen} */
    public int getIntAcquire(int at) {
        return (int) INTS.getAcquire(memory, hostOffset(at));
    }

    /** Writes the 32-bit value at a multiple of 4, after all that was written before. */
    public void setIntRelease(int at, int value) {
        INTS.setRelease(memory, hostOffset(at), value);
    }

    /** {@return the 64-bit value at a multiple of 8} */
    public long getLong(int at) {
        return memory.get(LONG, hostOffset(at));
    }

    /** Writes the 64-bit value at a multiple of 8. */
    public void setLong(int at, long value) {
        memory.set(LONG, hostOffset(at), value);
    }

    /** Copies bytes out. */
    public void copyOut(int at, MemorySegment to, long offset, int length) {
        if (contiguous) {
            MemorySegment.copy(memory, base + at, to, offset, length);
            return;
        }
        int from = at;
        long into = offset;
        int left = length;
        while (left > 0) {
            int piece = Math.min(left, PAGE - (from & PAGE_MASK));
            MemorySegment.copy(memory, hostOffset(from), to, into, piece);
            from += piece;
            into += piece;
            left -= piece;
        }
    }

    /** Copies bytes in; say so by {@link #written(int, int)}. */
    public void copyIn(MemorySegment from, long offset, int at, int length) {
        if (contiguous) {
            MemorySegment.copy(from, offset, memory, base + at, length);
            return;
        }
        int into = at;
        long source = offset;
        int left = length;
        while (left > 0) {
            int piece = Math.min(left, PAGE - (into & PAGE_MASK));
            MemorySegment.copy(from, source, memory, hostOffset(into), piece);
            into += piece;
            source += piece;
            left -= piece;
        }
    }

    /** Notes that the host has written some bytes: dirty log, and code decoded from there. */
    public void written(int at, int length) {
        int last = at + length - 1 >>> PAGE_SHIFT;
        for (int page = at >>> PAGE_SHIFT; page <= last; page++) {
            int hostPage = (int) (pages[page] >>> PAGE_SHIFT);
            if (flags[hostPage] != 0) {
                gpa.touch(hostPage);
            }
        }
    }
}
