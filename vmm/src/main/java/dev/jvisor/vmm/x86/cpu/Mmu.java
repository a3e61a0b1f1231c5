package dev.jvisor.vmm.x86.cpu;

import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.memory.GpaSpace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Paging (Intel SDM 3A, chapter 4): walks the guest's page tables, keeps their accessed and dirty bits, checks rights, and fills the
 * soft-TLB. 32-bit, PAE and 4-level paging, large pages, NX, WP, SMEP and SMAP. Belongs to the VP's thread.
 */
public final class Mmu {
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int FETCH = 2;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long USER = 4;
    private static final long ACCESSED = 0x20;
    private static final long DIRTY = 0x40;
    private static final long LARGE = 0x80;
    private static final long GLOBAL = 0x100;
    private static final long NX = 1L << 63;
    /** Physical address bits 12 to 51. Guests are told that those below {@link #PHYSICAL_BITS} exist; those above are reserved. */
    private static final long FRAME = 0x000F_FFFF_FFFF_F000L;
    /** Physical address width told by CPUID leaf 80000008h. UEFI firmware maps all of it page by page: 46 bits would take it minutes. */
    public static final int PHYSICAL_BITS = 39;
    private static final long BEYOND = FRAME & -(1L << PHYSICAL_BITS);
    /** Reserved in the entry of a 4 MiB page: from where the address bits above 32 that exist end, up to bit 21 (SDM 3A, table 4-4). */
    private static final int RESERVED_LARGE32 = (1 << 22) - (1 << Math.min(PHYSICAL_BITS, 40) - 19);
    /** Bits 52 to 62, which PAE paging reserves and 4-level paging ignores. */
    private static final long HIGH = 0x7FF0_0000_0000_0000L;

    private static final int ERROR_PRESENT = 1;
    private static final int ERROR_WRITE = 2;
    private static final int ERROR_USER = 4;
    private static final int ERROR_RESERVED = 8;
    private static final int ERROR_FETCH = 16;

    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle VH32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle VH64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final Cpu c;
    private final GpaSpace gpa;
    private final MemorySegment ram;
    private final byte[] pageFlags;
    private GpaRegion lastRegion;

    /** GPA of the last access that was not RAM. */
    long lastGpa;
    /** PDPTEs of PAE paging, loaded with CR3. */
    public final long[] pdpte = new long[4];

    // Result of the last walk.
    private long frame;
    private boolean writable;
    private boolean user;
    private boolean noExecute;
    private boolean dirty;
    private boolean global;
    private long largeMask;

    private long largeBase;
    private long largeSpan;
    private int failure;
    /** An entry was no longer what had been read when its bits were to be set. */
    private boolean changed;
    /** The access being walked for is the processor's own, not an instruction's operand. */
    private boolean implicit;

    Mmu(Cpu c) {
        this.c = c;
        this.gpa = c.gpa;
        this.ram = gpa.host();
        this.pageFlags = gpa.pageFlags();
    }

    // ---- large pages: their 4 KiB pieces sit in the TLB singly, so INVLPG inside one must flush all

    void forgetLargePages() {
        largeSpan = 0;
    }

    boolean inLargePage(long linear) {
        return largeSpan != 0 && (linear & largeSpan) == largeBase;
    }

    private void noteLargePage(long linear, long mask) {
        if (largeSpan == 0) {
            largeSpan = mask;
            largeBase = linear & mask;
            return;
        }
        long span = largeSpan & mask;
        while (((largeBase ^ linear) & span) != 0) {
            span <<= 1;
        }
        largeSpan = span;
        largeBase &= span;
        if (span == 0) {
            // Everything: a mask that matches every address.
            largeSpan = Long.MIN_VALUE;
            largeBase = linear & largeSpan;
        }
    }

    // ---- entry points for Cpu

    /** {@return host offset, or -1 with {@link #lastGpa} set when it is not RAM or ROM} */
    long translateForRead(long linear, Uop u) {
        return fill(linear, READ, u);
    }

    /** {@return host offset of writable RAM, or -1 with {@link #lastGpa} set} */
    long translateForWrite(long linear, Uop u) {
        return fill(linear, WRITE, u);
    }

    private long fill(long linear, int access, Uop u) {
        Tlb tlb = c.currentTlb();
        int i = (int) (linear >>> 12) & Tlb.SIZE - 1;
        long page = linear & -4096L;
        if ((access == READ ? tlb.readTag[i] : tlb.writeTag[i]) == page) {
            return linear + tlb.addend[i];
        }
        walkOrThrow(linear, access, c.cpl == 3, u);
        return enter(tlb, linear, access, c.cpl == 3, u);
    }

    /**
     * Puts the walk's result into a TLB.
     *
     * @param u the step of a block that makes the access, or null
     * @return host offset, or -1 with {@link #lastGpa} set
     */
    private long enter(Tlb tlb, long linear, int access, boolean asUser, Uop u) {
        int i = (int) (linear >>> 12) & Tlb.SIZE - 1;
        long page = linear & -4096L;
        long address = frame | linear & 4095;
        GpaRegion region = region(address);
        if (region == null || region.hostOffset() < 0) {
            lastGpa = address;
            return -1;
        }
        long host = region.hostOffset() + (address - region.gpa());
        int hostPage = (int) (host >>> 12);
        boolean isRam = region.kind() == GpaRegion.Kind.RAM;
        if (access == WRITE) {
            if (!isRam) {
                lastGpa = address;
                return -1;
            }
            // Before the flags are looked at, so that whoever sets one from now on asks us, see WriteGrants.
            c.grants.grant(hostPage);
            if (pageFlags[hostPage] != 0) {
                if (u != null) {
                    c.checkOwnCode(hostPage, u);
                }
                gpa.touch(hostPage);
            }
        }
        if (c.checks.keepOut(page)) {
            // Every access to a page with a data breakpoint comes the slow way.
            return host;
        }
        boolean mayWrite = writable || !asUser && (c.cr0 & Cpu.CR0_WP) == 0;
        boolean direct = isRam && mayWrite && dirty && pageFlags[hostPage] == 0;
        if (direct) {
            c.grants.grant(hostPage);
            direct = pageFlags[hostPage] == 0;
        }
        if (tlb.readTag[i] != page) {
            tlb.writeTag[i] = Tlb.NONE;
        }
        tlb.readTag[i] = page;
        tlb.addend[i] = (host & -4096L) - page;
        tlb.writeTag[i] = direct ? page : Tlb.NONE;
        tlb.global[i] = global;
        if (!global) {
            tlb.noteLocal(i);
        }
        if (largeMask != 0) {
            noteLargePage(linear, largeMask);
        }
        return host;
    }

    void fillCode(Tlb tlb, long linear, Uop u) {
        walkOrThrow(linear, FETCH, c.cpl == 3, u);
        GpaRegion region = region(frame);
        if (region == null || region.hostOffset() < 0) {
            // No instruction fetch from devices: real hardware would machine-check or read junk; #GP ends it visibly.
            throw c.fault(Cpu.GP, 0, u);
        }
        int i = (int) (linear >>> 12) & Tlb.CODE_SIZE - 1;
        tlb.codeTag[i] = linear & -4096L;
        tlb.codePage[i] = (int) (region.hostOffset() + (frame - region.gpa()) >>> 12);
        tlb.codeGlobal[i] = global;
        if (!global) {
            tlb.noteLocal(Tlb.SIZE + i);
        }
        if (largeMask != 0) {
            noteLargePage(linear, largeMask);
        }
    }

    private GpaRegion region(long address) {
        GpaRegion r = lastRegion;
        if (r == null || !r.contains(address)) {
            r = gpa.find(address);
            if (r != null && r.kind() == GpaRegion.Kind.RAM) {
                lastRegion = r;
            }
        }
        return r;
    }

    /** Must be called when regions change. */
    void forgetRegions() {
        lastRegion = null;
    }

    // ---- implicit supervisor accesses: descriptor tables, TSS, interrupt stacks

    /**
     * Reads {@code size} bytes (1, 2, 4, 8) with supervisor rights whatever the CPL, as the processor itself does. Outside 64-bit mode the
     * caller has truncated {@code linear} to 32 bits.
     */
    public long systemLoad(long linear, int size, Uop u) {
        if (((linear ^ linear + size - 1) & -4096L) == 0) {
            long host = systemHost(linear, READ, u);
            if (c.checks.due) {
                c.checks.implicit(linear, size, false);
            }
            if (host < 0) {
                return c.handler.mmioRead(c.index, lastGpa, size);
            }
            return switch (size) {
                case 1 -> ram.get(ValueLayout.JAVA_BYTE, host) & 0xFFL;
                case 2 -> ram.get(LE16, host) & 0xFFFFL;
                case 4 -> ram.get(LE32, host) & 0xFFFFFFFFL;
                default -> ram.get(LE64, host);
            };
        }
        long v = 0;
        for (int k = 0; k < size; k++) {
            v |= systemLoad(linear + k, 1, u) << 8 * k;
        }
        return v;
    }

    /** Writes {@code size} bytes (1, 2, 4, 8) with supervisor rights whatever the CPL. */
    public void systemStore(long linear, int size, long value, Uop u) {
        if (((linear ^ linear + size - 1) & -4096L) != 0) {
            systemCheckWrite(linear, size, u);
            for (int k = 0; k < size; k++) {
                systemStore(linear + k, 1, value >>> 8 * k, u);
            }
            return;
        }
        long host = systemHost(linear, WRITE, u);
        if (c.checks.due) {
            c.checks.implicit(linear, size, true);
        }
        if (host < 0) {
            c.handler.mmioWrite(c.index, lastGpa, size, size == 8 ? value : value & (1L << 8 * size) - 1);
            return;
        }
        switch (size) {
            case 1 -> ram.set(ValueLayout.JAVA_BYTE, host, (byte) value);
            case 2 -> ram.set(LE16, host, (short) value);
            case 4 -> ram.set(LE32, host, (int) value);
            default -> ram.set(LE64, host, value);
        }
    }

    /** Throws the fault that {@link #systemStore} into the range would, and changes nothing. @param size bytes, at most 4096 */
    public void systemCheckWrite(long linear, int size, Uop u) {
        systemHost(linear, WRITE, u);
        if (((linear ^ linear + size - 1) & -4096L) != 0) {
            systemHost(linear + size - 1, WRITE, u);
        }
    }

    /** Throws the fault that reading the range with supervisor rights would. @param size bytes, at most 4096 */
    public void systemCheckRead(long linear, int size, Uop u) {
        systemHost(linear, READ, u);
        if (((linear ^ linear + size - 1) & -4096L) != 0) {
            systemHost(linear + size - 1, READ, u);
        }
    }

    private long systemHost(long linear, int access, Uop u) {
        Tlb tlb = c.systemTlb();
        int i = (int) (linear >>> 12) & Tlb.SIZE - 1;
        if ((access == READ ? tlb.readTag[i] : tlb.writeTag[i]) == (linear & -4096L)) {
            return linear + tlb.addend[i];
        }
        implicit = true;
        try {
            walkOrThrow(linear, access, false, u);
        } finally {
            implicit = false;
        }
        return enter(tlb, linear, access, false, null);
    }

    /** {@return the GPA of a linear address for a debugger, without setting bits or faulting; -1 when not mapped} */
    public long probe(long linear) {
        return walk(linear, READ, false, false) ? frame | linear & 4095 : -1;
    }

    // ---- the walk

    private void walkOrThrow(long linear, int access, boolean asUser, Uop u) {
        if (walk(linear, access, asUser, true)) {
            return;
        }
        if (failure < 0) {
            throw c.fault(u.seg == Cpu.SS ? Cpu.STACK : Cpu.GP, 0, u);
        }
        int error = failure | (access == WRITE ? ERROR_WRITE : 0) | (asUser ? ERROR_USER : 0);
        if (access == FETCH && ((c.efer & Cpu.EFER_NXE) != 0 && (c.cr4 & Cpu.CR4_PAE) != 0 || (c.cr4 & Cpu.CR4_SMEP) != 0)) {
            error |= ERROR_FETCH;
        }
        throw c.pageFault(linear, error, u);
    }

    /** Walks and leaves the result in the fields; on failure {@link #failure} holds the error code's low bits, or -1 for non-canonical. */
    private boolean walk(long linear, int access, boolean asUser, boolean update) {
        while (true) {
            changed = false;
            boolean ok = walkOnce(linear, access, asUser, update);
            if (!changed) {
                return ok;
            }
            // Another VP rewrote an entry between our reading it and our setting its bits: what was read is void.
        }
    }

    private boolean walkOnce(long linear, int access, boolean asUser, boolean update) {
        largeMask = 0;
        global = false;
        if ((c.cr0 & Cpu.CR0_PG) == 0) {
            frame = linear & 0xFFFFF000L;
            writable = true;
            user = true;
            noExecute = false;
            dirty = true;
            return true;
        }
        if ((c.cr4 & Cpu.CR4_PAE) == 0) {
            return walk32(linear & 0xFFFFFFFFL, access, asUser, update);
        }
        if (c.longActive()) {
            if (linear << 16 >> 16 != linear) {
                failure = -1;
                return false;
            }
            return walkLong(linear, access, asUser, update, c.cr3 & FRAME, 39, WRITABLE | USER);
        }
        long top = pdpte[(int) (linear >>> 30) & 3];
        if ((top & PRESENT) == 0) {
            failure = 0;
            return false;
        }
        return walkLong(linear & 0xFFFFFFFFL, access, asUser, update, top & FRAME, 21, WRITABLE | USER);
    }

    private boolean permitted(int access, boolean asUser) {
        boolean ok;
        if (access == FETCH) {
            ok = !noExecute && (asUser ? user : !(user && (c.cr4 & Cpu.CR4_SMEP) != 0));
        } else if (asUser) {
            ok = user && (access == READ || writable);
        } else {
            boolean smap = user && (c.cr4 & Cpu.CR4_SMAP) != 0 && ((c.sysFlags & Flags.AC) == 0 || implicit);
            ok = !smap && (access == READ || writable || (c.cr0 & Cpu.CR0_WP) == 0);
        }
        if (!ok) {
            failure = ERROR_PRESENT;
        }
        return ok;
    }

    private boolean walkLong(long linear, int access, boolean asUser, boolean update, long table, int topShift, long rights) {
        long nx = 0;
        boolean nxe = (c.efer & Cpu.EFER_NXE) != 0;
        long base = table;
        for (int shift = topShift; ; shift -= 9) {
            long at = base + (linear >>> shift & 511) * 8;
            long entry = physicalRead64(at);
            if ((entry & PRESENT) == 0) {
                failure = 0;
                return false;
            }
            boolean leaf = shift == 12 || (entry & LARGE) != 0 && shift <= 30;
            long reserved = BEYOND | (nxe ? 0 : NX) | (topShift == 21 ? HIGH : 0);
            if (shift == 39 || shift == 30 && topShift != 39) {
                reserved |= LARGE;
            }
            if (leaf && shift > 12) {
                // Bit 12 of a large page is its PAT bit; those between it and the page size are reserved.
                reserved |= (1L << shift) - (1L << 13);
            }
            if ((entry & reserved) != 0) {
                failure = ERROR_PRESENT | ERROR_RESERVED;
                return false;
            }
            rights &= entry;
            nx |= entry & NX;
            if (!leaf) {
                if (update && (entry & ACCESSED) == 0 && !set64(at, entry, ACCESSED)) {
                    return false;
                }
                base = entry & FRAME;
                continue;
            }
            writable = (rights & WRITABLE) != 0;
            user = (rights & USER) != 0;
            noExecute = nx != 0;
            if (update && !permitted(access, asUser)) {
                return false;
            }
            long set = ACCESSED | (access == WRITE ? DIRTY : 0);
            if (update && (entry & set) != set && !set64(at, entry, set)) {
                return false;
            }
            dirty = (entry & DIRTY) != 0 || access == WRITE;
            global = (entry & GLOBAL) != 0 && (c.cr4 & Cpu.CR4_PGE) != 0;
            long inPage = (1L << shift) - 1;
            frame = (entry & FRAME & ~inPage | linear & inPage) & -4096L;
            largeMask = shift > 12 ? ~inPage : 0;
            return true;
        }
    }

    private boolean walk32(long linear, int access, boolean asUser, boolean update) {
        long pdeAt = (c.cr3 & 0xFFFFF000L) + (linear >>> 22) * 4;
        int pde = physicalRead32(pdeAt);
        if ((pde & PRESENT) == 0) {
            failure = 0;
            return false;
        }
        boolean large = (pde & LARGE) != 0 && (c.cr4 & Cpu.CR4_PSE) != 0;
        long at = pdeAt;
        int entry = pde;
        int rights = pde;
        if (large) {
            if ((pde & RESERVED_LARGE32) != 0) {
                failure = ERROR_PRESENT | ERROR_RESERVED;
                return false;
            }
        } else {
            at = (pde & 0xFFFFF000L) + (linear >>> 12 & 1023) * 4;
            entry = physicalRead32(at);
            if ((entry & PRESENT) == 0) {
                failure = 0;
                return false;
            }
            if (update && (pde & ACCESSED) == 0 && !set32(pdeAt, pde, (int) ACCESSED)) {
                return false;
            }
            rights &= entry;
        }
        writable = (rights & WRITABLE) != 0;
        user = (rights & USER) != 0;
        noExecute = false;
        if (update && !permitted(access, asUser)) {
            return false;
        }
        int set = (int) (ACCESSED | (access == WRITE ? DIRTY : 0));
        if (update && (entry & set) != set && !set32(at, entry, set)) {
            return false;
        }
        dirty = (entry & DIRTY) != 0 || access == WRITE;
        global = (entry & GLOBAL) != 0 && (c.cr4 & Cpu.CR4_PGE) != 0;
        if (large) {
            // PSE-36: from bit 13 on the entry holds physical address bits from 32 on.
            frame = pde & 0xFFC0_0000L | (long) (pde >> 13 & 0xFF) << 32 | linear & 0x003F_F000;
            largeMask = ~0x3F_FFFFL;
        } else {
            frame = entry & 0xFFFFF000L;
        }
        return true;
    }

    /** Loads the PDPTEs of PAE paging from CR3. {@return false when one has a reserved bit set, which is #GP} */
    public boolean loadPdptes(long newCr3) {
        long[] loaded = new long[4];
        for (int i = 0; i < 4; i++) {
            loaded[i] = physicalRead64((newCr3 & 0xFFFFFFE0L) + i * 8L);
            if ((loaded[i] & PRESENT) != 0 && (loaded[i] & (BEYOND | HIGH | NX | 0x1E6)) != 0) {
                return false;
            }
        }
        System.arraycopy(loaded, 0, pdpte, 0, 4);
        return true;
    }

    // ---- page tables in guest memory; tables outside RAM read as not present

    private long physicalHost(long address) {
        GpaRegion region = region(address);
        return region == null || region.hostOffset() < 0 ? -1 : region.hostOffset() + (address - region.gpa());
    }

    private long physicalRead64(long address) {
        long host = physicalHost(address);
        return host < 0 ? 0 : (long) VH64.getOpaque(ram, host);
    }

    private int physicalRead32(long address) {
        long host = physicalHost(address);
        return host < 0 ? 0 : (int) VH32.getOpaque(ram, host);
    }

    /**
     * Sets bits of an entry if it is still what was read, as a processor does (SDM 3A, 5.8.3.1 "locked"): were the bits set without
     * looking, an entry that another VP has just cleared would come back as one that is not present but not zero.
     *
     * @return false, with {@link #changed} set, when the entry has changed
     */
    private boolean set64(long address, long entry, long bits) {
        long host = physicalHost(address);
        if (host < 0) {
            return true;
        }
        if (!VH64.compareAndSet(ram, host, entry, entry | bits)) {
            changed = true;
            return false;
        }
        gpa.written(address, 8);
        return true;
    }

    private boolean set32(long address, int entry, int bits) {
        long host = physicalHost(address);
        if (host < 0) {
            return true;
        }
        if (!VH32.compareAndSet(ram, host, entry, entry | bits)) {
            changed = true;
            return false;
        }
        gpa.written(address, 4);
        return true;
    }
}
