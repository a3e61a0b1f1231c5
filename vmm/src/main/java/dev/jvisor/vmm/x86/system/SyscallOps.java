package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and the FS/GS base instructions, as Intel's processors do them. */
final class SyscallOps {
    private static final int CODE64 = 0xA09B, CODE32 = 0xC09B, DATA = 0xC093;

    private SyscallOps() { }

    static void register(OpcodeTable t) {
        t.def("SYSCALL", OpcodeTable.M0F, OpcodeTable.ANY, 0x05, false, Imm.NONE, (i, e) -> e.callEnd(SyscallOps::syscall));
        t.def("SYSRET", OpcodeTable.M0F, OpcodeTable.ANY, 0x07, false, Imm.NONE, (i, e) -> e.callEnd(SyscallOps::sysret, i.opSize, 0, 0, 0));
        t.def("SYSENTER", OpcodeTable.M0F, OpcodeTable.ANY, 0x34, false, Imm.NONE, (i, e) -> e.callEnd(SyscallOps::sysenter));
        t.def("SYSEXIT", OpcodeTable.M0F, OpcodeTable.ANY, 0x35, false, Imm.NONE, (i, e) -> e.callEnd(SyscallOps::sysexit, i.opSize, 0, 0, 0));
        base(t, "RDFSBASE Ry", 0, Cpu.FS, false);
        base(t, "RDGSBASE Ry", 1, Cpu.GS, false);
        base(t, "WRFSBASE Ry", 2, Cpu.FS, true);
        base(t, "WRGSBASE Ry", 3, Cpu.GS, true);
    }

    private static void base(OpcodeTable t, String name, int ext, int seg, boolean write) {
        t.groupReg(name, OpcodeTable.M0F, OpcodeTable.PF3, 0xAE, ext, Imm.NONE, (i, e) -> {
            if (i.code != 8) {
                e.invalid();
                return;
            }
            e.call(write ? SyscallOps::writeBase : SyscallOps::readBase, i.rm, 0, i.opSize == 8 ? 8 : 4, 0).seg = seg;
        });
    }

    private static void flat(Cpu c, int seg, int selector, int attr, int level) {
        c.segSel[seg] = selector & 0xFFFF;
        c.segBase[seg] = 0;
        c.segLimit[seg] = -1;
        c.segAttr[seg] = attr | level << 5;
    }

    private static void syscall(Cpu c, Uop u) {
        if (!c.long64() || (c.efer & Cpu.EFER_SCE) == 0) {
            throw Operands.ud(c, u);
        }
        c.r[Cpu.RCX] = u.nextIp();
        c.r[11] = c.rflags() & ~(long) Flags.RF;
        int selector = (int) (c.msrs.star >>> 32) & 0xFFFC;
        flat(c, Cpu.CS, selector, CODE64, 0);
        flat(c, Cpu.SS, selector + 8, DATA, 0);
        c.rip = c.msrs.lstar;
        c.cpl = 0;
        c.setRflags(c.rflags() & ~(c.msrs.fmask | Flags.RF));
        // What counts for a single step is the flag that is left, not the one it began with.
        c.noTrap = (c.sysFlags & Flags.TF) == 0;
        c.modeChanged();
    }

    private static void sysret(Cpu c, Uop u) {
        if (!c.long64() || (c.efer & Cpu.EFER_SCE) == 0) {
            throw Operands.ud(c, u);
        }
        Operands.requireCpl0(c, u);
        int selector = (int) (c.msrs.star >>> 48);
        long rip = c.r[Cpu.RCX];
        if (u.d == 8) {
            if (!Descriptor.canonical(rip)) {
                throw Operands.gp(c, u);
            }
            flat(c, Cpu.CS, selector + 16 | 3, CODE64, 3);
        } else {
            rip &= 0xFFFF_FFFFL;
            flat(c, Cpu.CS, selector | 3, CODE32, 3);
        }
        flat(c, Cpu.SS, selector + 8 | 3, DATA, 3);
        c.rip = rip;
        c.cpl = 3;
        c.setRflags(c.r[11] & 0x3C7FD7);
        c.modeChanged();
    }

    private static void sysenter(Cpu c, Uop u) {
        int selector = (int) c.msrs.sysenterCs & 0xFFFC;
        if ((c.cr0 & Cpu.CR0_PE) == 0 || selector == 0) {
            throw Operands.gp(c, u);
        }
        boolean lm = c.longActive();
        c.sysFlags &= ~(Flags.VM | Flags.IF | Flags.RF);
        flat(c, Cpu.CS, selector, lm ? CODE64 : CODE32, 0);
        flat(c, Cpu.SS, selector + 8, DATA, 0);
        c.cpl = 0;
        c.rip = lm ? c.msrs.sysenterEip : c.msrs.sysenterEip & 0xFFFF_FFFFL;
        c.r[Cpu.RSP] = lm ? c.msrs.sysenterEsp : c.msrs.sysenterEsp & 0xFFFF_FFFFL;
        c.modeChanged();
    }

    private static void sysexit(Cpu c, Uop u) {
        int selector = (int) c.msrs.sysenterCs & 0xFFFC;
        if ((c.cr0 & Cpu.CR0_PE) == 0 || selector == 0 || c.cpl != 0) {
            throw Operands.gp(c, u);
        }
        long rip = c.r[Cpu.RDX];
        long rsp = c.r[Cpu.RCX];
        boolean wide = u.d == 8;
        if (wide) {
            if (!Descriptor.canonical(rip) || !Descriptor.canonical(rsp)) {
                throw Operands.gp(c, u);
            }
        } else {
            rip &= 0xFFFF_FFFFL;
            rsp &= 0xFFFF_FFFFL;
        }
        flat(c, Cpu.CS, selector + (wide ? 32 : 16) | 3, wide ? CODE64 : CODE32, 3);
        flat(c, Cpu.SS, selector + (wide ? 40 : 24) | 3, DATA, 3);
        c.cpl = 3;
        c.rip = rip;
        c.r[Cpu.RSP] = rsp;
        c.modeChanged();
    }

    /** SWAPGS. */
    static void swapgs(Cpu c, Uop u) {
        if (!c.long64()) {
            throw Operands.ud(c, u);
        }
        Operands.requireCpl0(c, u);
        long gs = c.segBase[Cpu.GS];
        c.segBase[Cpu.GS] = c.msrs.kernelGsBase;
        c.msrs.kernelGsBase = gs;
    }

    private static void readBase(Cpu c, Uop u) {
        if ((c.cr4 & Cpu.CR4_FSGSBASE) == 0) {
            throw Operands.ud(c, u);
        }
        Operands.set(c, u.d, u.b, c.segBase[u.seg]);
    }

    private static void writeBase(Cpu c, Uop u) {
        if ((c.cr4 & Cpu.CR4_FSGSBASE) == 0) {
            throw Operands.ud(c, u);
        }
        long v = c.r[u.d] & Operands.mask(u.b);
        if (!Descriptor.canonical(v)) {
            throw Operands.gp(c, u);
        }
        c.segBase[u.seg] = v;
    }
}
