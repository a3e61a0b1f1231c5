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
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
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
        VarHandle.fullFence(); // as in GpaSpace.written
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

    /** {@return how many bytes from one on follow each other in host memory: to the end, or to the end of its page} */
    public int run(int at) {
        return contiguous ? (int) byteSize() - at : PAGE - (at & PAGE_MASK);
    }

    /** Writes the 64-bit value at a multiple of 8. */
    public void setLong(int at, long value) {
        memory.set(LONG, hostOffset(at), value);
    }

    /** Copies bytes out. */
    public void copyOut(int at, MemorySegment to, long offset, int length) {
        for (int done = 0; done < length;) {
            int piece = Math.min(length - done, run(at + done));
            MemorySegment.copy(memory, hostOffset(at + done), to, offset + done, piece);
            done += piece;
        }
    }

    /** Copies bytes in; say so by {@link #written(int, int)}. */
    public void copyIn(MemorySegment from, long offset, int at, int length) {
        for (int done = 0; done < length;) {
            int piece = Math.min(length - done, run(at + done));
            MemorySegment.copy(from, offset + done, memory, hostOffset(at + done), piece);
            done += piece;
        }
    }

    /** Notes that the host has written some bytes: dirty log, and code decoded from there. After a full fence, as in {@link GpaSpace#written}. */
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
