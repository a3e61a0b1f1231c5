package dev.jvisor.vmm.x86.cpu;

import dev.jvisor.vmm.backend.Watchpoint;
import java.util.List;

/**
 * What a VP's accesses to data are looked at for when somebody has asked: the data breakpoints of DR0 to DR3, the watchpoints of a debugger
 * outside, and alignment. Accesses that come out of the TLB are never looked at, so pages that matter stay out of it.
 */
public final class AccessChecks {
    private static final int BREAKPOINTS = 4;

    private final Cpu c;
    /** There is something to look for. */
    boolean due;
    /** The watchpoint that the present instruction has hit, or null. */
    public Watchpoint watchpointHit;
    /** A data breakpoint is armed, or there are watchpoints. */
    private boolean watching;
    private Watchpoint[] watchpoints = {};
    /** Operands that are not aligned raise #AC; all come the slow way, because the TLB then in force never holds a translation of data. */
    private boolean aligning;

    AccessChecks(Cpu c) {
        this.c = c;
    }

    /** Looks at an access that did not come out of the TLB. To be asked when {@link #due}; throws #AC, or to have the instruction redone alone. */
    void access(long va, int size, boolean write, Uop u) {
        if (aligning) {
            align(va, size, u);
        }
        if (watching) {
            watch(va, size, write, u);
        }
    }

    /** {@return whether a page must stay out of the TLB: something in it is watched, or the alignment of what is accessed is checked} */
    boolean keepOut(long page) {
        if (c.tlbWithoutData()) {
            return true;
        }
        if (watching) {
            for (int n = 0; n < BREAKPOINTS; n++) {
                if (armed(n) && (c.dr[n] & -4096L) == page) {
                    return true;
                }
            }
            for (Watchpoint w : watchpoints) {
                if (w.hit(page, 4096, w.kind() == Watchpoint.Kind.WRITE)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Must be called when DR0 to DR3 or DR7 change: arms or disarms the breakpoints. */
    public void breakpointsChanged() {
        boolean any = watchpoints.length != 0;
        for (int n = 0; n < BREAKPOINTS; n++) {
            any |= armed(n);
        }
        if (any || watching) {
            c.flushTlb();
        }
        watching = any;
        due = watching || aligning;
        c.modeChanged();
    }

    /** {@return whether DRn is armed for data: writes, or reads and writes} */
    private boolean armed(int n) {
        return (c.dr[7] >>> 2 * n & 3) != 0 && (c.dr[7] >>> 16 + 4 * n & 1) != 0;
    }

    /** Chooses what a debugger outside watches, in place of what it watched before. */
    public void watchpoints(List<Watchpoint> all) {
        watchpoints = all.toArray(Watchpoint[]::new);
        watchpointHit = null;
        breakpointsChanged();
    }

    /** {@return whether a debugger outside watches anything} */
    public boolean watchedFromOutside() {
        return watchpoints.length != 0;
    }

    /**
     * Notes the data breakpoints that an access hits, for the trap after the instruction, and a watchpoint of a debugger outside: for that the
     * instruction is executed alone, so that the VP can stop behind it.
     */
    private void watch(long va, int size, boolean write, Uop u) {
        for (Watchpoint w : watchpoints) {
            // No block is executing while an event is delivered; such accesses are not the guest's code's.
            if (w.hit(va, size, write) && c.blockPage >= 0) {
                if ((c.mode & Cpu.MODE_SINGLE) == 0) {
                    throw c.alone(u);
                }
                watchpointHit = w;
            }
        }
        breakpoints(va, size, write);
    }

    /**
     * Notes the data breakpoints that an access of the processor's own hits: to descriptors, a TSS, the stack an event is pushed on. To be told
     * when {@link #due}. Nobody outside watches those.
     */
    void implicit(long va, int size, boolean write) {
        if (watching) {
            breakpoints(va, size, write);
        }
    }

    private void breakpoints(long va, int size, boolean write) {
        for (int n = 0; n < BREAKPOINTS; n++) {
            int kind = (int) (c.dr[7] >>> 16 + 4 * n) & 15;
            // Length codes 0 to 3 stand for 1, 2, 8 and 4 bytes.
            int length = kind >> 2 == 2 ? 8 : (kind >> 2) + 1;
            if (armed(n) && (write || (kind & 2) != 0) && va < c.dr[n] + length && va + size > c.dr[n]) {
                c.pendingDebug |= 1 << n;
            }
        }
    }

    // ---- alignment

    /** Says whether operands that are not aligned raise #AC. */
    void checkAlignment(boolean on) {
        aligning = on;
        due = watching || aligning;
    }

    /**
     * Throws #AC for an operand that is not aligned (Intel SDM 3A, 6.15 "Interrupt 17"): before any page fault, as processors do, but after what
     * is no address at all. The manual leaves open what becomes of 16 and 32 bytes; here they must be aligned to 16.
     *
     * @param size bytes; those of the x87's environments and of areas are not checked here, but as their fields
     */
    private void align(long va, int size, Uop u) {
        int unit = size == 10 ? 8 : size == 32 ? 16 : size;
        if ((unit & unit - 1) == 0 && unit <= 16 && (va & unit - 1) != 0 && va << 16 >> 16 == va) {
            throw c.fault(Cpu.AC, 0, u);
        }
    }

    /**
     * Ends the alignment check for an instruction whose accesses are not what is to be aligned, after a check of the whole.
     *
     * @param unit what {@code va} must be a multiple of; 1 for anything
     * @return what {@link #resumeAlignment} is to be told
     */
    public boolean suspendAlignment(long va, int unit, Uop u) {
        boolean was = aligning;
        if (was) {
            align(va, unit, u);
            checkAlignment(false);
        }
        return was;
    }

    /** Sets the alignment check back to what it was before {@link #suspendAlignment}. */
    public void resumeAlignment(boolean was) {
        checkAlignment(was);
    }

    /** {@return whether operands are looked at one by one: to move many at a time is no use} */
    public boolean alignment() {
        return aligning;
    }
}
