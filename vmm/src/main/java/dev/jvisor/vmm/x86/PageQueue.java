package dev.jvisor.vmm.x86;

import java.util.Arrays;

/** A small queue of page numbers from any thread to one. Grows to what is asked of it, and no page stands in it twice in a row. */
final class PageQueue {
    private int[] pages = new int[64];
    private int count;

    synchronized void add(int page) {
        if (count > 0 && pages[count - 1] == page) {
            return;
        }
        if (count == pages.length) {
            pages = Arrays.copyOf(pages, 2 * count);
        }
        pages[count++] = page;
    }

    /** {@return one of the pages, the last added first; -1 when there is none} */
    synchronized int poll() {
        return count == 0 ? -1 : pages[--count];
    }
}
