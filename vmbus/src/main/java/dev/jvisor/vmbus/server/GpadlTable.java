package dev.jvisor.vmbus.server;

import dev.jvisor.vmbus.ring.GuestPages;
import dev.jvisor.vmm.memory.GpaSpace;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The guest memory a connection has shared: page lists by handle, whole or still arriving. Bounded: a list has at most 8190 pages since its
 * length is 16 bits of bytes, and all lists of a partition have at most {@link #MAX_PAGES}. Changed by the control thread only; looked up
 * by any.
 */
final class GpadlTable {
    /** Most handles at once. */
    static final int MAX_GPADLS = 4096;
    /** Most pages of all handles: 1 GiB. */
    static final int MAX_PAGES = 1 << 18;

    /** One list. */
    static final class Gpadl {
        final int relid;
        final int handle;
        final long[] pfns;
        int arrived;
        private volatile GuestPages pages;

        Gpadl(int relid, int handle, int count) {
            this.relid = relid;
            this.handle = handle;
            this.pfns = new long[count];
        }

        boolean whole() {
            return arrived == pfns.length;
        }

        GuestPages pages() {
            return pages;
        }
    }

    private final Map<Integer, Gpadl> byHandle = new ConcurrentHashMap<>();
    private int pages;

    Gpadl get(int handle) {
        return byHandle.get(handle);
    }

    /** {@return a new empty list, or null when the handle is taken or there are too many} */
    Gpadl begin(int relid, int handle, int count) {
        if (byHandle.containsKey(handle) || byHandle.size() >= MAX_GPADLS || count < 1 || count > MAX_PAGES - pages) {
            return null;
        }
        Gpadl g = new Gpadl(relid, handle, count);
        byHandle.put(handle, g);
        pages += count;
        return g;
    }

    /** Looks the pages of a whole list up. {@return false when one of them is not RAM} */
    boolean complete(Gpadl g, GpaSpace gpa) {
        g.pages = GuestPages.of(gpa, g.pfns, g.pfns.length);
        return g.pages != null;
    }

    void remove(Gpadl g) {
        if (byHandle.remove(g.handle, g)) {
            pages -= g.pfns.length;
        }
    }

    void removeAllOf(int relid) {
        for (Iterator<Gpadl> i = byHandle.values().iterator(); i.hasNext();) {
            Gpadl g = i.next();
            if (g.relid == relid) {
                i.remove();
                pages -= g.pfns.length;
            }
        }
    }

    void clear() {
        byHandle.clear();
        pages = 0;
    }

    List<Gpadl> all() {
        return new ArrayList<>(byHandle.values());
    }
}
