package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.x86.cpu.Block;
import java.util.Arrays;

/** The decoded blocks of one VP, by where they begin and by the host pages they were decoded from. The VP's thread only. */
final class BlockCache {
    private static final int BUCKETS = 1 << 16;
    private static final int MOST = 200_000;

    private final Block[] buckets = new Block[BUCKETS];
    private final Block[] byPage;
    private final Block[] bySecondPage;
    private int size;
    private long invalidated;

    BlockCache(int hostPages) {
        byPage = new Block[hostPages];
        bySecondPage = new Block[hostPages];
    }

    /** A library is mapped somewhere else in each process: by its host address alone all copies of its code would share a bucket. */
    private static int bucket(long host, long linear) {
        return (int) (host ^ host >>> 16 ^ (linear >>> 12) * 0x9E3779B1L) & BUCKETS - 1;
    }

    /** {@return the block, or null} */
    Block find(long host, long rip, long linear, int mode) {
        int at = bucket(host, linear);
        Block before = null;
        for (Block b = buckets[at]; b != null; b = b.chain) {
            if (!b.valid) {
                if (before == null) {
                    buckets[at] = b.chain;
                } else {
                    before.chain = b.chain;
                }
                continue;
            }
            if (b.host == host && b.rip == rip && b.linear == linear && b.mode == mode) {
                return b;
            }
            before = b;
        }
        return null;
    }

    void add(Block b) {
        if (size >= MOST) {
            clear();
        }
        size++;
        int at = bucket(b.host, b.linear);
        b.chain = buckets[at];
        buckets[at] = b;
        b.pageNext = byPage[b.hostPage()];
        byPage[b.hostPage()] = b;
        if (b.secondPage >= 0) {
            b.secondNext = bySecondPage[b.secondPage];
            bySecondPage[b.secondPage] = b;
        }
    }

    /** Throws away what was decoded from a page. */
    void invalidatePage(int hostPage) {
        for (Block b = byPage[hostPage]; b != null; b = b.pageNext) {
            drop(b);
        }
        for (Block b = bySecondPage[hostPage]; b != null; b = b.secondNext) {
            drop(b);
        }
        byPage[hostPage] = null;
        bySecondPage[hostPage] = null;
    }

    private void drop(Block b) {
        if (b.valid) {
            b.invalidate();
            size--;
            invalidated++;
        }
    }

    /** Throws everything away. */
    void clear() {
        for (Block head : buckets) {
            for (Block b = head; b != null; b = b.chain) {
                b.invalidate();
            }
        }
        Arrays.fill(buckets, null);
        Arrays.fill(byPage, null);
        Arrays.fill(bySecondPage, null);
        size = 0;
    }

    /** {@return valid blocks} */
    int size() {
        return size;
    }

    /** {@return blocks thrown away because their page was written} */
    long invalidated() {
        return invalidated;
    }
}
