package dev.jvisor.vmm.x86.cpu;

import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The pages of host memory that one VP may write to without looking at their flags ({@link GpaSpace#pageFlags}), because its TLB may hold
 * them for writing. The VP's thread grants and revokes; other threads ask.
 *
 * <p>Who sets a flag and then asks, and the VP, which notes the grant before it looks at the flag, cannot miss each other.
 */
public final class WriteGrants {
    private static final VarHandle GRANTED = MethodHandles.arrayElementVarHandle(boolean[].class);

    private final GpaSpace gpa;
    private final byte[] pageFlags;
    private final Tlb[] tlbs;
    /** By host page; may say so of a page that the TLB has forgotten. */
    private final boolean[] granted;

    WriteGrants(GpaSpace gpa, Tlb[] tlbs) {
        this.gpa = gpa;
        this.pageFlags = gpa.pageFlags();
        this.tlbs = tlbs;
        this.granted = new boolean[pageFlags.length];
    }

    /** Lets the VP write to a host page unnoticed; the flags are to be looked at afterwards. */
    void grant(int hostPage) {
        if (!granted[hostPage]) {
            GRANTED.setVolatile(granted, hostPage, true);
        }
    }

    /**
     * {@return whether the VP may be writing to a host page without looking at its flags} Any thread. Whoever has set a flag of the page
     * and is told "no" knows that it will look, and has seen all that was written there before.
     */
    public boolean mayWrite(int hostPage) {
        return (boolean) GRANTED.getVolatile(granted, hostPage);
    }

    /**
     * Sees to it that the next write to a host page looks at the page's flags. To be called between instructions, after a flag was set.
     *
     * <p>A write is in one of three places: before this call, when the page is among those granted and we say so, whether or not the
     * TLB still knows it; after, when it looks at the flags; never between.
     *
     * @return whether the page may have been written, unnoticed, since the last call
     */
    public boolean revoke(int hostPage) {
        if (!granted[hostPage]) {
            return false;
        }
        for (Tlb t : tlbs) {
            t.dropWrites(hostPage);
        }
        GRANTED.setRelease(granted, hostPage, false);
        return true;
    }

    /** {@link #revoke} of every page, and the notice due for each that was granted and has a flag set. */
    public void revokeAll() {
        for (Tlb t : tlbs) {
            t.flushWrites();
        }
        for (int p = 0; p < granted.length; p++) {
            if (granted[p]) {
                GRANTED.setRelease(granted, p, false);
                if (pageFlags[p] != 0) {
                    gpa.touch(p);
                }
            }
        }
    }
}
