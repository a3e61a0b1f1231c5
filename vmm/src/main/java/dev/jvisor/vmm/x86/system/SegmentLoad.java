package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Loads of segment registers with the checks of Intel SDM 3A, 5.5 to 5.8. Each method commits only when nothing can fault any more. */
final class SegmentLoad {
    private SegmentLoad() { }

    /** Loads ES, SS, DS, FS or GS, as MOV, POP and the LDS family do. */
    static void data(Cpu c, int seg, int selector, Uop u) {
        if ((c.mode & Cpu.MODE_REAL) != 0) {
            real(c, seg, selector);
        } else if (seg == Cpu.SS) {
            stack(c, selector, u);
        } else if (Descriptor.isNull(selector)) {
            setNull(c, seg, selector);
        } else {
            long d = Descriptor.read(c, selector, Cpu.GP, 0, u);
            int error = selector & 0xFFFC;
            boolean readable = Descriptor.isSegment(d) && (!Descriptor.isCode(d) || (d >>> 41 & 1) != 0);
            int dpl = Descriptor.dpl(d);
            boolean checked = !Descriptor.isCode(d) || !Descriptor.isConforming(d);
            if (!readable || checked && ((selector & 3) > dpl || c.cpl > dpl)) {
                throw c.fault(Cpu.GP, error, u);
            }
            if (!Descriptor.isPresent(d)) {
                throw c.fault(Cpu.NP, error, u);
            }
            set(c, seg, selector, Descriptor.access(c, selector, d, u));
        }
        c.modeChanged();
    }

    private static void stack(Cpu c, int selector, Uop u) {
        if (Descriptor.isNull(selector)) {
            if (!c.long64() || c.cpl == 3 || (selector & 3) != c.cpl) {
                throw c.fault(Cpu.GP, 0, u);
            }
            setNullStack(c, selector, c.cpl);
            return;
        }
        long d = Descriptor.read(c, selector, Cpu.GP, 0, u);
        int error = selector & 0xFFFC;
        if ((selector & 3) != c.cpl || !Descriptor.isWritableData(d) || Descriptor.dpl(d) != c.cpl) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.STACK, error, u);
        }
        set(c, Cpu.SS, selector, Descriptor.access(c, selector, d, u));
    }

    /** Loads a segment register in real or virtual-8086 mode. Real mode keeps the limit it has ("big real mode"). */
    static void real(Cpu c, int seg, int selector) {
        boolean unusable = (c.segAttr[seg] & Descriptor.UNUSABLE) != 0;
        c.segSel[seg] = selector & 0xFFFF;
        c.segBase[seg] = (long) (selector & 0xFFFF) << 4;
        if (Operands.vm86(c)) {
            c.segLimit[seg] = 0xFFFF;
            c.segAttr[seg] = 0xF3;
        } else if (unusable) {
            c.segLimit[seg] = 0xFFFF;
            c.segAttr[seg] = 0x93;
        } else if (seg != Cpu.CS) {
            c.segAttr[seg] = c.segAttr[seg] & 0xF000 | 0x93;
        }
    }

    /** Puts a descriptor into a register. The caller calls {@link Cpu#modeChanged}. */
    static void set(Cpu c, int seg, int selector, long d) {
        c.segSel[seg] = selector & 0xFFFF;
        c.segBase[seg] = Descriptor.base(d);
        c.segLimit[seg] = Descriptor.limit(d);
        c.segAttr[seg] = Descriptor.attr(d);
    }

    static void setNull(Cpu c, int seg, int selector) {
        c.segSel[seg] = selector & 0xFFFF;
        c.segBase[seg] = 0;
        c.segLimit[seg] = 0;
        c.segAttr[seg] = Descriptor.UNUSABLE;
    }

    /** A null SS as 64-bit mode allows it: its DPL follows the level. */
    static void setNullStack(Cpu c, int selector, int level) {
        setNull(c, Cpu.SS, selector);
        c.segAttr[Cpu.SS] = Descriptor.UNUSABLE | level << 5;
    }

    /** Loads CS in protected mode after all checks, and the privilege level with it. */
    static void setCode(Cpu c, int selector, long d, int level) {
        set(c, Cpu.CS, selector & ~3 | level, d);
        c.cpl = level;
    }

    /** Clears the data segments that a less privileged level may not keep, on return to {@code c.cpl}. */
    static void dropPrivileged(Cpu c) {
        dropPrivileged(c, Cpu.ES);
        dropPrivileged(c, Cpu.DS);
        dropPrivileged(c, Cpu.FS);
        dropPrivileged(c, Cpu.GS);
    }

    private static void dropPrivileged(Cpu c, int seg) {
        int attr = c.segAttr[seg];
        boolean conforming = (attr & 0x1C) == 0x1C;
        if ((attr & Descriptor.UNUSABLE) == 0 && (attr >> 5 & 3) < c.cpl && !conforming) {
            // The selector becomes null and the segment unusable, but 64-bit code goes on with the base of FS and GS.
            c.segSel[seg] = 0;
            c.segAttr[seg] = Descriptor.UNUSABLE;
        } else if ((attr & Descriptor.UNUSABLE) != 0) {
            // The selector may be 1 to 3: a null with an RPL; hardware clears that too.
            c.segSel[seg] = c.cpl > (c.segSel[seg] & 3) ? 0 : c.segSel[seg];
        }
    }

    /** LLDT. @param ext bit 0 of error codes; @param vector fault for a selector that names no LDT */
    static void ldt(Cpu c, int selector, int vector, int ext, Uop u) {
        if (Descriptor.isNull(selector)) {
            setNull(c, Cpu.LDTR, selector);
            return;
        }
        int error = selector & 0xFFFC | ext;
        if ((selector & 4) != 0) {
            throw c.fault(vector, error, u);
        }
        long d = Descriptor.read(c, selector, vector, ext, u);
        if (Descriptor.isSegment(d) || Descriptor.type(d) != Descriptor.LDT) {
            throw c.fault(vector, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(vector == Cpu.TS ? Cpu.TS : Cpu.NP, error, u);
        }
        long high = c.longActive() ? highBase(c, selector, u) : 0;
        set(c, Cpu.LDTR, selector, d);
        c.segBase[Cpu.LDTR] |= high;
    }

    /** LTR. */
    static void task(Cpu c, int selector, Uop u) {
        int error = selector & 0xFFFC;
        if (Descriptor.isNull(selector) || (selector & 4) != 0) {
            throw c.fault(Cpu.GP, error, u);
        }
        long d = Descriptor.read(c, selector, Cpu.GP, 0, u);
        int type = Descriptor.type(d);
        boolean available = type == Descriptor.TSS32 || type == Descriptor.TSS16 && !c.longActive();
        if (Descriptor.isSegment(d) || !available) {
            throw c.fault(Cpu.GP, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.NP, error, u);
        }
        long high = c.longActive() ? highBase(c, selector, u) : 0;
        Descriptor.setBusy(c, selector, true, u);
        set(c, Cpu.TR, selector, d);
        c.segAttr[Cpu.TR] |= 2;
        c.segBase[Cpu.TR] |= high;
    }

    private static long highBase(Cpu c, int selector, Uop u) {
        long high = Descriptor.readHigh(c, selector, Cpu.GP, 0, u);
        // Bits 8 to 12 of the fourth word are where a type would stand.
        if ((high >>> 40 & 0x1F) != 0 || !Descriptor.canonical(high << 32)) {
            throw c.fault(Cpu.GP, selector & 0xFFFC, u);
        }
        return high << 32;
    }
}
