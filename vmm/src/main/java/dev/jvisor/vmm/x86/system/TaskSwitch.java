package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Hardware task switches by 16- and 32-bit TSS (Intel SDM 3A, chapter 8). Not in long mode. */
final class TaskSwitch {
    /** What causes a switch. */
    enum Source { JUMP, CALL, RETURN, EVENT }

    private static final int[] REGISTERS = {Cpu.RAX, Cpu.RCX, Cpu.RDX, Cpu.RBX, Cpu.RSP, Cpu.RBP, Cpu.RSI, Cpu.RDI};
    private static final int[] SEGMENTS = {Cpu.ES, Cpu.CS, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS};

    private TaskSwitch() { }

    /** Switches to the task whose TSS selector stands in a task gate. */
    static void throughGate(Cpu c, int selector, Source source, int ext, long image, long ip, Uop u) {
        int error = selector & 0xFFFC | ext;
        if (Descriptor.isNull(selector) || (selector & 4) != 0) {
            throw c.fault(Cpu.GP, error, u);
        }
        to(c, selector, Descriptor.read(c, selector, Cpu.GP, ext, u), source, ext, image, ip, u);
    }

    /**
     * Switches tasks. Faults up to the commit point are the old task's, at {@code u}; later ones the new task's, with {@code c.faultIp} its
     * EIP.
     *
     * @param selector of the new TSS; {@code d} its descriptor; DPL has been checked
     * @param image EFLAGS to save
     * @param ip EIP to save
     */
    static void to(Cpu c, int selector, long d, Source source, int ext, long image, long ip, Uop u) {
        int error = selector & 0xFFFC | ext;
        int type = Descriptor.type(d);
        int wanted = source == Source.RETURN ? 2 : 0;
        boolean is32 = (type & 8) != 0;
        if (Descriptor.isSegment(d) || (type & 5) != 1 || (type & 2) != wanted) {
            throw c.fault(source == Source.RETURN ? Cpu.TS : Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        int limit = Descriptor.limit(d);
        if (Integer.compareUnsigned(limit, is32 ? 0x67 : 0x2B) < 0) {
            throw c.fault(Cpu.TS, error, u);
        }
        long base = Descriptor.base(d);
        int oldSelector = c.segSel[Cpu.TR];
        long oldBase = c.segBase[Cpu.TR];
        boolean old32 = TaskState.is32(c);
        // Everything that will be touched, before anything is.
        c.mmu.systemCheckWrite(oldBase, old32 ? 0x60 : 0x2A, u);
        c.mmu.systemCheckWrite(base, is32 ? 0x68 : 0x2C, u);
        if (source == Source.JUMP || source == Source.RETURN) {
            Descriptor.setBusy(c, oldSelector, false, u);
        }
        if (source == Source.RETURN) {
            image &= ~(long) Flags.NT;
        }
        save(c, oldBase, old32, image, ip, u);

        // The new task's picture, before the link is written: a task may call itself only through a gate that was refused above.
        long cr3 = is32 ? c.mmu.systemLoad(base + 0x1C, 4, u) : 0;
        int at = is32 ? 0x20 : 0x0E;
        int step = is32 ? 4 : 2;
        long eip = c.mmu.systemLoad(base + at, step, u);
        long flags = c.mmu.systemLoad(base + at + step, step, u);
        long[] regs = new long[8];
        for (int k = 0; k < 8; k++) {
            regs[k] = c.mmu.systemLoad(base + at + (2 + k) * step, step, u);
        }
        int[] sels = new int[6];
        for (int k = 0; k < (is32 ? 6 : 4); k++) {
            sels[k] = (int) c.mmu.systemLoad(base + at + (10 + k) * step, 2, u);
        }
        int ldt = (int) c.mmu.systemLoad(base + (is32 ? 0x60 : 0x2A), 2, u);
        boolean trap = is32 && (c.mmu.systemLoad(base + 0x64, 1, u) & 1) != 0;

        if (source == Source.CALL || source == Source.EVENT) {
            c.mmu.systemStore(base, 2, oldSelector, u);
            flags |= Flags.NT;
        }
        if (source != Source.RETURN) {
            Descriptor.setBusy(c, selector, true, u);
        }
        boolean mapped = commit(c, selector, d, is32, cr3, eip, flags, regs, sels);
        loadSegments(c, mapped, sels, ldt, ext, u);
        if (trap) {
            c.pendingDebug |= DebugRegisters.DR6_BT;
            c.raise(Cpu.PEND_SLOW);
        }
        c.next = null;
        c.link = null;
    }

    private static void save(Cpu c, long base, boolean is32, long image, long ip, Uop u) {
        int at = is32 ? 0x20 : 0x0E;
        int step = is32 ? 4 : 2;
        c.mmu.systemStore(base + at, step, ip, u);
        c.mmu.systemStore(base + at + step, step, image, u);
        for (int k = 0; k < 8; k++) {
            c.mmu.systemStore(base + at + (2 + k) * step, step, c.r[REGISTERS[k]], u);
        }
        for (int k = 0; k < (is32 ? 6 : 4); k++) {
            c.mmu.systemStore(base + at + (10 + k) * step, 2, c.segSel[SEGMENTS[k]], u);
        }
    }

    /** Makes the new task the present one. {@return false when its CR3 leads to PDPTEs with reserved bits set; those of the old one stay} */
    private static boolean commit(Cpu c, int selector, long d, boolean is32, long cr3, long eip, long flags, long[] regs, int[] sels) {
        SegmentLoad.set(c, Cpu.TR, selector, d);
        c.segAttr[Cpu.TR] |= 2;
        c.cr0 |= Cpu.CR0_TS;
        // Local breakpoints do not outlive their task.
        c.dr[7] &= ~0x155L;
        c.checks.breakpointsChanged();
        boolean mapped = true;
        if (is32 && (c.cr0 & Cpu.CR0_PG) != 0 && cr3 != c.cr3) {
            c.cr3 = cr3;
            mapped = (c.cr4 & Cpu.CR4_PAE) == 0 || c.mmu.loadPdptes(cr3);
            c.flushTlbLocal();
        }
        for (int k = 0; k < 8; k++) {
            // The manual leaves the upper halves open; processors since the 80386 set them.
            c.r[REGISTERS[k]] = is32 ? regs[k] : 0xFFFF_0000L | regs[k];
        }
        c.rip = eip;
        c.setRflags(is32 ? flags : flags & 0xFFFF);
        boolean vm86 = Operands.vm86(c);
        for (int k = 0; k < 6; k++) {
            int s = SEGMENTS[k];
            c.segSel[s] = sels[k];
            if (vm86) {
                c.segBase[s] = (long) sels[k] << 4;
                c.segLimit[s] = 0xFFFF;
                c.segAttr[s] = 0xF3;
            } else if (s != Cpu.CS) {
                c.segAttr[s] = Descriptor.UNUSABLE;
            }
        }
        c.cpl = vm86 ? 3 : sels[1] & 3;
        c.modeChanged();
        return mapped;
    }

    /** Loads LDTR and the segments from their selectors; faults are the new task's. */
    private static void loadSegments(Cpu c, boolean mapped, int[] sels, int ldt, int ext, Uop u) {
        try {
            if (!mapped) {
                throw c.fault(Cpu.GP, ext, u);
            }
            SegmentLoad.setNull(c, Cpu.LDTR, ldt);
            SegmentLoad.ldt(c, ldt, Cpu.TS, ext, u);
            if (!Operands.vm86(c)) {
                code(c, sels[1], ext, u);
                stack(c, sels[2], ext, u);
                data(c, Cpu.ES, sels[0], ext, u);
                data(c, Cpu.DS, sels[3], ext, u);
                data(c, Cpu.FS, sels[4], ext, u);
                data(c, Cpu.GS, sels[5], ext, u);
            }
            c.modeChanged();
            if (Long.compareUnsigned(c.rip, Integer.toUnsignedLong(c.segLimit[Cpu.CS])) > 0) {
                throw c.fault(Cpu.GP, 0, u);
            }
        } catch (GuestFault f) {
            c.modeChanged();
            c.faultIp = c.rip;
            throw f;
        }
    }

    private static void code(Cpu c, int selector, int ext, Uop u) {
        int error = selector & 0xFFFC | ext;
        if (Descriptor.isNull(selector)) {
            throw c.fault(Cpu.TS, error, u);
        }
        long d = Descriptor.read(c, selector, Cpu.TS, ext, u);
        int dpl = Descriptor.dpl(d);
        int rpl = selector & 3;
        if (!Descriptor.isCode(d) || (Descriptor.isConforming(d) ? dpl > rpl : dpl != rpl)) {
            throw c.fault(Cpu.TS, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        SegmentLoad.set(c, Cpu.CS, selector, Descriptor.access(c, selector, d, u));
    }

    private static void stack(Cpu c, int selector, int ext, Uop u) {
        int error = selector & 0xFFFC | ext;
        if (Descriptor.isNull(selector)) {
            throw c.fault(Cpu.TS, error, u);
        }
        long d = Descriptor.read(c, selector, Cpu.TS, ext, u);
        if (!Descriptor.isWritableData(d) || Descriptor.dpl(d) != c.cpl || (selector & 3) != c.cpl) {
            throw c.fault(Cpu.TS, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.STACK, error, u);
        }
        SegmentLoad.set(c, Cpu.SS, selector, Descriptor.access(c, selector, d, u));
    }

    private static void data(Cpu c, int seg, int selector, int ext, Uop u) {
        if (Descriptor.isNull(selector)) {
            SegmentLoad.setNull(c, seg, selector);
            return;
        }
        int error = selector & 0xFFFC | ext;
        long d = Descriptor.read(c, selector, Cpu.TS, ext, u);
        boolean readable = Descriptor.isSegment(d) && (!Descriptor.isCode(d) || (d >>> 41 & 1) != 0);
        boolean checked = !Descriptor.isCode(d) || !Descriptor.isConforming(d);
        if (!readable || checked && ((selector & 3) > Descriptor.dpl(d) || c.cpl > Descriptor.dpl(d))) {
            throw c.fault(Cpu.TS, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        SegmentLoad.set(c, seg, selector, Descriptor.access(c, selector, d, u));
    }

    /** Pushes an exception's error code on the stack of the task that handles it. */
    static void pushError(Cpu c, int error, int ext) {
        int size = TaskState.is32(c) ? 4 : 2;
        long base = c.segBase[Cpu.SS];
        int attr = c.segAttr[Cpu.SS];
        Uop u = new dev.jvisor.vmm.x86.cpu.CallUop(null);
        u.ip = c.rip;
        Stack.check(c, base, c.segLimit[Cpu.SS], attr, c.r[Cpu.RSP], 1, size, ext, c.cpl, u);
        Stack.setPointer(c, Stack.push(c, base, attr, c.r[Cpu.RSP], size, error, c.cpl, u));
    }
}
