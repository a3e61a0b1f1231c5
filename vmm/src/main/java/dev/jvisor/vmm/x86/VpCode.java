package dev.jvisor.vmm.x86;

import dev.jvisor.vmm.memory.GpaSpace;
import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.CallUop;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Link;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * Where one VP's blocks come from: it finds them by address or has them decoded, and throws them away when their code is overwritten, by
 * whomever. How several VPs agree on that stands in the package documentation of {@code cpu}. The VP's thread only, but for
 * {@link #written} and {@link #requestDropWrites}.
 */
final class VpCode {
    /** Times that others are asked to stop writing to a page; then all of them stand still. */
    private static final int MOST_TRIES = 3;

    private final SoftwarePartition partition;
    private final SoftwareVp vp;
    private final Cpu cpu;
    private final BlockCache cache;
    private final BlockBuilder builder;
    /** Names the instruction to be fetched, in faults of the fetch. */
    private final Uop fetch = new CallUop(null);
    private final byte[] pageFlags;
    private final PageQueue written = new PageQueue();
    private final PageQueue dropWrites = new PageQueue();
    /** The others stand still while code is read. */
    private boolean readsAlone;

    VpCode(SoftwarePartition partition, SoftwareVp vp, Cpu cpu) {
        this.partition = partition;
        this.vp = vp;
        this.cpu = cpu;
        pageFlags = cpu.gpa.pageFlags();
        cache = new BlockCache(pageFlags.length);
        fetch.seg = Cpu.CS;
        builder = new BlockBuilder(cpu, partition.opcodes(), fetch);
    }

    /** {@return the block at {@code rip}, found or decoded; null when the VP is kicked first} Throws the fault of the fetch. */
    Block find(int mode) {
        Cpu c = cpu;
        long rip = c.rip;
        Link link = c.link;
        c.link = null;
        boolean single = (mode & Cpu.MODE_SINGLE) != 0;
        if (!single && link == null) {
            Block known = c.jump(rip);
            if (known != null) {
                return known;
            }
        }
        long linear = c.long64() ? rip : c.segBase[Cpu.CS] + rip & 0xFFFFFFFFL;
        fetch.ip = rip;
        long host = c.fetchHost(linear, fetch);
        Block b = cache.find(host, rip, linear, mode);
        if (b != null && b.secondPage >= 0) {
            long next = (linear | 4095) + 1;
            if (c.fetchHost(c.long64() ? next : next & 0xFFFFFFFFL, fetch) >>> 12 != b.secondPage) {
                b.invalidate();
                b = null;
            }
        }
        if (b == null) {
            b = build(rip, linear, host, mode);
            if (b == null) {
                return null;
            }
        }
        if (!single && b.secondPage < 0) {
            c.jumpCache[Cpu.jumpSlot(rip)] = b;
            if (link != null && link.target == rip) {
                link.to = b;
            }
        }
        return b;
    }

    private Block build(long rip, long linear, long host, int mode) {
        Cpu c = cpu;
        if (c.userElsewhere && c.userCode()) {
            // For this once: what the other engine's code overwrites is not seen here.
            return builder.build(rip, linear, host, mode);
        }
        try {
            if (!watch((int) (host >>> 12))) {
                return null;
            }
            Block b = builder.build(rip, linear, host, mode);
            if (b.secondPage >= 0) {
                // Only now is the second page known: see to it, then read again.
                if (!watch(b.secondPage)) {
                    return null;
                }
                b = builder.build(rip, linear, host, mode);
            }
            cache.add(b);
            return b;
        } finally {
            if (readsAlone) {
                readsAlone = false;
                partition.standstill().end();
            }
        }
    }

    /**
     * Sees to it that every write to a page is noticed from now on: waits until each VP that may be writing there has come to the end of its
     * block. Were it read before, code that such a VP stores, and then tells of by a store in the same block, would be missed.
     *
     * @return false when the VP was kicked first
     */
    private boolean watch(int hostPage) {
        int writers = flagCode(hostPage);
        int tries = 1;
        for (int turn = 0; writers > 0 && othersMayWrite(hostPage); turn++) {
            if (!vp.stillWaiting(turn)) {
                return false;
            }
            // A VP that gives up writing has the flag cleared; by now it may be writing there again.
            if ((pageFlags[hostPage] & GpaSpace.PAGE_CODE) == 0) {
                if (tries++ == MOST_TRIES && !cpu.undisturbed && !readsAlone) {
                    if (!partition.standstill().begin(vp)) {
                        return false;
                    }
                    readsAlone = true;
                }
                flagCode(hostPage);
            }
        }
        return true;
    }

    /** Flags a page that code is read from, and asks those who may be writing there to stop it. {@return how many these are} */
    private int flagCode(int hostPage) {
        Cpu c = cpu;
        if ((pageFlags[hostPage] & GpaSpace.PAGE_CODE) == 0) {
            c.gpa.setFlag(hostPage, GpaSpace.PAGE_CODE);
            c.grants.revoke(hostPage);
        }
        int writers = 0;
        for (SoftwareVp other : partition.vps()) {
            if (other != vp && other.code().mayWrite(hostPage)) {
                other.code().requestDropWrites(hostPage);
                writers++;
            }
        }
        return writers;
    }

    /** {@return whether a VP that is running may be writing there} One that does not run looks at its queue before it does. */
    private boolean othersMayWrite(int hostPage) {
        for (SoftwareVp other : partition.vps()) {
            if (other != vp && other.inGuest() && other.code().mayWrite(hostPage)) {
                return true;
            }
        }
        return false;
    }

    // ---- code that is overwritten

    /** {@return whether the VP may be writing to a page without anybody noticing} Any thread. */
    boolean mayWrite(int hostPage) {
        return cpu.grants.mayWrite(hostPage);
    }

    /** Another VP decodes a page: from now on this one's writes to it must be noticed. Any thread. */
    void requestDropWrites(int hostPage) {
        dropWrites.add(hostPage);
        cpu.raise(Cpu.PEND_CODE);
    }

    /** Somebody wrote to a page that blocks were decoded from. Any thread. @param itself whether the VP did, in an instruction of its own */
    void written(int hostPage, boolean itself) {
        if (itself) {
            cache.invalidatePage(hostPage);
        } else {
            written.add(hostPage);
            cpu.raise(Cpu.PEND_CODE);
        }
    }

    /** Does what other threads have asked for by {@link Cpu#PEND_CODE}. */
    void settle() {
        Cpu c = cpu;
        if (dropWrites.takeOverflow()) {
            c.grants.revokeAll();
        }
        for (int p = dropWrites.poll(); p >= 0; p = dropWrites.poll()) {
            if (c.grants.revoke(p)) {
                // It may have been written between the flag and now, after the other VP read it.
                c.gpa.touch(p);
            }
        }
        if (written.takeOverflow()) {
            cache.clear();
        }
        for (int p = written.poll(); p >= 0; p = written.poll()) {
            cache.invalidatePage(p);
        }
    }

    // ---- breakpoints from outside

    /** Chooses where blocks end in a call of {@code action} instead of the instruction. */
    void breakpoints(long[] linear, Runnable action) {
        builder.breakpoints(linear, action);
        cache.clear();
    }

    boolean hasBreakpoints() {
        return builder.hasBreakpoints();
    }

    boolean isBreakpoint(long linear) {
        return builder.isBreakpoint(linear);
    }

    /** {@return how much there is of it, for a dump} */
    String summary() {
        return cache.size() + " blocks, " + cache.invalidated() + " overwritten";
    }
}
