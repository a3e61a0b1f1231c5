package dev.jvisor.vmm.x86;

import java.util.Arrays;

/**
 * A small queue of page numbers from any thread to one. It never grows beyond {@link #MOST}: a VP that does not run (one the guest never
 * starts, say) is told afterwards that there were too many to name.
 */
final class PageQueue {
    /** Most pages it holds. */
    static final int MOST = 1024;

    private int[] pages = new int[64];
    private int count;
    private boolean overflow;

    synchronized void add(int page) {
        if (overflow || count > 0 && pages[count - 1] == page) {
            return;
        }
        if (count == MOST) {
            overflow = true;
            count = 0;
            return;
        }
        if (count == pages.length) {
            pages = Arrays.copyOf(pages, 2 * count);
        }
        pages[count++] = page;
    }

    /** {@return whether pages were lost since the last call: any page may have been added} */
    synchronized boolean takeOverflow() {
        boolean was = overflow;
        overflow = false;
        return was;
    }

    /** {@return one of the pages, the last added first; -1 when there is none} */
    synchronized int poll() {
        return count == 0 ? -1 : pages[--count];
    }
}
