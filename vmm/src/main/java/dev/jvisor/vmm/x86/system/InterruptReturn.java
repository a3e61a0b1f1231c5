package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;

/** IRET, IRETD, IRETQ (Intel SDM 2A). */
final class InterruptReturn {
    private static final int ALWAYS = Flags.STATUS | Flags.TF | Flags.DF | Flags.NT;
    private static final int WIDE = Flags.RF | Flags.AC | Flags.ID;

    private InterruptReturn() { }

    /** @param size operand size, 2, 4 or 8 */
    static void run(Cpu c, int size, Uop u) {
        Cpu.serialize();
        if (c.nmiBlocked) {
            // Whether or not it faults (SDM 3C, 27.2.3 says so of NMIs under a hypervisor).
            c.nmiBlocked = false;
            c.interrupts.endOfNmi();
            c.raise(Cpu.PEND_INTERRUPT);
        }
        if ((c.cr0 & Cpu.CR0_PE) == 0) {
            real(c, size, u);
        } else if (Operands.vm86(c)) {
            if ((c.sysFlags & Flags.IOPL) != Flags.IOPL) {
                throw Operands.gp(c, u);
            }
            real(c, size, u);
        } else if ((c.sysFlags & Flags.NT) != 0) {
            task(c, u);
        } else {
            protectedMode(c, size, u);
        }
        c.next = null;
        c.link = null;
    }

    private static void real(Cpu c, int size, Uop u) {
        long sp = c.r[Cpu.RSP];
        long ip = Stack.peek(c, sp, size, u);
        int selector = (int) Stack.peek(c, sp + size, size, u) & 0xFFFF;
        long flags = Stack.peek(c, sp + 2L * size, size, u);
        if (ip > Integer.toUnsignedLong(c.segLimit[Cpu.CS])) {
            throw Operands.gp(c, u);
        }
        Stack.setPointer(c, sp + 3L * size);
        SegmentLoad.real(c, Cpu.CS, selector);
        c.rip = ip;
        int mask = ALWAYS | Flags.IF | (Operands.vm86(c) ? 0 : Flags.IOPL) | (size == 4 ? WIDE : 0);
        setFlags(c, flags, mask);
        c.modeChanged();
    }

    /** Sets the flags that {@code mask} lets change. */
    private static void setFlags(Cpu c, long image, int mask) {
        if ((c.dr[7] & 0xFF) == 0) {
            // RF only matters to instruction breakpoints, and would be cleared by the next instruction.
            image &= ~(long) Flags.RF;
        }
        c.setRflags(c.rflags() & ~(long) mask | image & mask);
    }

    private static int mask(Cpu c, int size, int oldCpl) {
        int mask = ALWAYS;
        if (size > 2) {
            mask |= WIDE;
        }
        if (oldCpl <= (c.sysFlags >> 12 & 3)) {
            mask |= Flags.IF;
        }
        if (oldCpl == 0) {
            mask |= Flags.IOPL | (size > 2 ? Flags.VIF | Flags.VIP : 0);
        }
        return mask;
    }

    private static void task(Cpu c, Uop u) {
        if (c.longActive()) {
            throw Operands.gp(c, u);
        }
        int selector = (int) c.mmu.systemLoad(c.segBase[Cpu.TR] & 0xFFFF_FFFFL, 2, u);
        int error = selector & 0xFFFC;
        if (Descriptor.isNull(selector) || (selector & 4) != 0) {
            throw c.fault(Cpu.TS, error, u);
        }
        long d = Descriptor.read(c, selector, Cpu.TS, 0, u);
        TaskSwitch.to(c, selector, d, TaskSwitch.Source.RETURN, 0, c.rflags(), c.truncateIp(u.nextIp()), u);
    }

    private static void protectedMode(Cpu c, int size, Uop u) {
        long sp = c.r[Cpu.RSP];
        long ip = Stack.peek(c, sp, size, u);
        int selector = (int) Stack.peek(c, sp + size, size, u) & 0xFFFF;
        long flags = Stack.peek(c, sp + 2L * size, size, u);
        int oldCpl = c.cpl;
        if ((flags & Flags.VM) != 0 && oldCpl == 0 && size == 4 && !c.longActive()) {
            toVm86(c, sp, ip, selector, flags, u);
            return;
        }
        long d = FarTransfer.returnCode(c, selector, u);
        int level = selector & 3;
        FarTransfer.checkOffset(c, ip, d, u);
        int mask = mask(c, size, oldCpl);
        if (level == oldCpl && !c.long64()) {
            Stack.setPointer(c, sp + 3L * size);
            SegmentLoad.setCode(c, selector, d, level);
            c.rip = ip;
            setFlags(c, flags, mask);
            c.modeChanged();
            return;
        }
        long newSp = Stack.peek(c, sp + 3L * size, size, u);
        int ss = (int) Stack.peek(c, sp + 4L * size, size, u) & 0xFFFF;
        long sd = FarTransfer.returnStack(c, ss, level, d, u);
        SegmentLoad.setCode(c, selector, d, level);
        c.rip = ip;
        setFlags(c, flags, mask);
        FarTransfer.toOuter(c, ss, sd, level, newSp);
        if (level != oldCpl) {
            SegmentLoad.dropPrivileged(c);
            c.modeChanged();
        }
    }

    private static void toVm86(Cpu c, long sp, long ip, int selector, long flags, Uop u) {
        long newSp = Stack.peek(c, sp + 12, 4, u);
        int ss = (int) Stack.peek(c, sp + 16, 4, u) & 0xFFFF;
        int es = (int) Stack.peek(c, sp + 20, 4, u) & 0xFFFF;
        int ds = (int) Stack.peek(c, sp + 24, 4, u) & 0xFFFF;
        int fs = (int) Stack.peek(c, sp + 28, 4, u) & 0xFFFF;
        int gs = (int) Stack.peek(c, sp + 32, 4, u) & 0xFFFF;
        if (ip > 0xFFFF) {
            throw Operands.gp(c, u);
        }
        setFlags(c, flags, ALWAYS | WIDE | Flags.IF | Flags.IOPL | Flags.VM | Flags.VIF | Flags.VIP);
        SegmentLoad.real(c, Cpu.CS, selector);
        SegmentLoad.real(c, Cpu.SS, ss);
        SegmentLoad.real(c, Cpu.ES, es);
        SegmentLoad.real(c, Cpu.DS, ds);
        SegmentLoad.real(c, Cpu.FS, fs);
        SegmentLoad.real(c, Cpu.GS, gs);
        c.cpl = 3;
        c.rip = ip;
        c.r[Cpu.RSP] = newSp;
        c.modeChanged();
    }
}
