package dev.jvisor.vmm.x86.system;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.NP;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.P66;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Instructions on control, debug, descriptor-table and task registers, MSRs, time, identification, flags and the halt. */
final class ControlOps {
    private ControlOps() { }

    static void register(OpcodeTable t) {
        t.def("MOV Rd,Cd", M0F, ANY, 0x20, true, Imm.NONE, (i, e) -> e.call(ControlRegisters::read, i.rm, i.reg, 0, 0));
        t.def("MOV Rd,Dd", M0F, ANY, 0x21, true, Imm.NONE, (i, e) -> e.call(DebugRegisters::read, i.rm, i.reg, 0, 0));
        t.def("MOV Cd,Rd", M0F, ANY, 0x22, true, Imm.NONE, (i, e) -> e.callEnd(ControlRegisters::write, i.reg, i.rm, 0, 0));
        t.def("MOV Dd,Rd", M0F, ANY, 0x23, true, Imm.NONE, (i, e) -> e.callEnd(DebugRegisters::write, i.reg, i.rm, 0, 0));
        t.def("CLTS", M0F, ANY, 0x06, false, Imm.NONE, (i, e) -> e.callEnd(ControlRegisters::clts));
        t.def("INVD", M0F, ANY, 0x08, false, Imm.NONE, (i, e) -> e.call(Operands::requireCpl0));
        t.def("WBINVD", M0F, ANY, 0x09, false, Imm.NONE, (i, e) -> e.call(Operands::requireCpl0));
        t.def("WRMSR", M0F, ANY, 0x30, false, Imm.NONE, (i, e) -> e.callEnd(MsrFile::wrmsr));
        t.def("RDTSC", M0F, ANY, 0x31, false, Imm.NONE, (i, e) -> e.call(ControlOps::rdtsc));
        t.def("RDMSR", M0F, ANY, 0x32, false, Imm.NONE, (i, e) -> e.call(MsrFile::rdmsr));
        // No counters: none is valid at any level.
        t.def("RDPMC", M0F, ANY, 0x33, false, Imm.NONE, (i, e) -> e.callEnd(ControlOps::refuse));
        t.def("CPUID", M0F, ANY, 0xA2, false, Imm.NONE, (i, e) -> e.call(CpuidModel::cpuid));
        t.def("RSM", M0F, ANY, 0xAA, false, Imm.NONE, (i, e) -> e.invalid());
        t.def("HLT", ONE_BYTE, ANY, 0xF4, false, Imm.NONE, (i, e) -> e.callEnd(ControlOps::hlt));
        t.def("CLI", ONE_BYTE, ANY, 0xFA, false, Imm.NONE, (i, e) -> e.call(ControlOps::cli));
        t.def("STI", ONE_BYTE, ANY, 0xFB, false, Imm.NONE, (i, e) -> e.callEnd(ControlOps::sti));
        group0(t);
        group1(t);
        for (int prefix : new int[] {NP, P66}) {
            t.with(CpuFeature.RDRAND, () -> t.groupReg("RDRAND Rv", M0F, prefix, 0xC7, 6, Imm.NONE,
                    (i, e) -> e.call(RandomSource::rdrand, i.rm, 0, i.opSize, 0)));
            t.with(CpuFeature.RDSEED, () -> t.groupReg("RDSEED Rv", M0F, prefix, 0xC7, 7, Imm.NONE,
                    (i, e) -> e.call(RandomSource::rdrand, i.rm, 0, i.opSize, 0)));
        }
        t.with(CpuFeature.RDPID, () -> t.groupReg("RDPID Ry", M0F, PF3, 0xC7, 7, Imm.NONE,
                (i, e) -> e.call((c, u) -> c.r[u.d] = c.msrs.tscAux, i.rm, 0, 0, 0)));
    }

    // ---- 0F 00

    private static void group0(OpcodeTable t) {
        t.group("SLDT Ew", M0F, ANY, 0x00, 0, Imm.NONE, (i, e) -> storeWord(i, e, (c, u) -> c.segSel[Cpu.LDTR], true));
        t.group("STR Ew", M0F, ANY, 0x00, 1, Imm.NONE, (i, e) -> storeWord(i, e, (c, u) -> c.segSel[Cpu.TR], true));
        t.group("LLDT Ew", M0F, ANY, 0x00, 2, Imm.NONE, (i, e) -> SegmentOps.word(i, e, (c, u) -> {
            Operands.requireProtected(c, u);
            Operands.requireCpl0(c, u);
            SegmentLoad.ldt(c, SegmentOps.word(c, u), Cpu.GP, 0, u);
        }));
        t.group("LTR Ew", M0F, ANY, 0x00, 3, Imm.NONE, (i, e) -> SegmentOps.word(i, e, (c, u) -> {
            Operands.requireProtected(c, u);
            Operands.requireCpl0(c, u);
            SegmentLoad.task(c, SegmentOps.word(c, u), u);
        }));
    }

    /** Where the value of a store comes from. */
    private interface Source {
        long get(Cpu c, Uop u);
    }

    private static void storeWord(Insn i, Emitter e, Source from, boolean protectedOnly) {
        if (i.isMem()) {
            e.address(2, true);
            e.call((c, u) -> {
                checkStore(c, protectedOnly, u);
                c.st16(c.r[Cpu.TA], from.get(c, u), u);
            });
        } else {
            e.call((c, u) -> {
                checkStore(c, protectedOnly, u);
                Operands.set(c, u.d, u.b, from.get(c, u));
            }, i.rm, 0, i.opSize, 0);
        }
    }

    private static void checkStore(Cpu c, boolean protectedOnly, Uop u) {
        if (protectedOnly) {
            Operands.requireProtected(c, u);
        }
        checkUmip(c, u);
    }

    private static void checkUmip(Cpu c, Uop u) {
        if (c.cpl != 0 && (c.cr4 & Cpu.CR4_UMIP) != 0) {
            throw Operands.gp(c, u);
        }
    }

    // ---- 0F 01

    private static void group1(OpcodeTable t) {
        t.groupMem("SGDT Ms", M0F, ANY, 0x01, 0, Imm.NONE, (i, e) -> storeTable(i, e, true));
        t.groupMem("SIDT Ms", M0F, ANY, 0x01, 1, Imm.NONE, (i, e) -> storeTable(i, e, false));
        t.groupMem("LGDT Ms", M0F, ANY, 0x01, 2, Imm.NONE, (i, e) -> loadTable(i, e, true));
        t.groupMem("LIDT Ms", M0F, ANY, 0x01, 3, Imm.NONE, (i, e) -> loadTable(i, e, false));
        t.group("SMSW Ew", M0F, ANY, 0x01, 4, Imm.NONE, (i, e) -> storeWord(i, e, (c, u) -> c.cr0, false));
        t.group("LMSW Ew", M0F, ANY, 0x01, 6, Imm.NONE,
                (i, e) -> SegmentOps.word(i, e, (c, u) -> ControlRegisters.lmsw(c, SegmentOps.word(c, u), u)));
        t.groupMem("INVLPG Mb", M0F, ANY, 0x01, 7, Imm.NONE, (i, e) -> {
            e.address(1, false);
            e.callEnd((c, u) -> {
                Operands.requireCpl0(c, u);
                Cpu.serialize();
                c.flushTlbPage(c.r[Cpu.TA]);
            });
        });
        // Nobody below us: VMCALL and its family, VMMCALL and its. #UD as on a processor without them.
        t.groupReg("VMX", M0F, ANY, 0x01, 0, Imm.NONE, (i, e) -> e.invalid());
        t.groupReg("SVM", M0F, ANY, 0x01, 3, Imm.NONE, (i, e) -> e.invalid());
        t.groupReg("CLAC STAC", M0F, NP, 0x01, 1, Imm.NONE, (i, e) -> byRm(i, e, 2, ControlOps::clac, 3, ControlOps::stac));
        t.with(CpuFeature.XSAVE, () -> t.groupReg("XGETBV XSETBV", M0F, NP, 0x01, 2, Imm.NONE, (i, e) -> {
            if ((i.rm & 7) == 1) {
                e.callEnd(ControlRegisters::xsetbv);
            } else {
                byRm(i, e, 0, ControlRegisters::xgetbv, -1, null);
            }
        }));
        t.groupReg("SWAPGS RDTSCP", M0F, ANY, 0x01, 7, Imm.NONE, (i, e) -> byRm(i, e, 0, SyscallOps::swapgs, 1, ControlOps::rdtscp));
    }

    /** Chooses by ModRM.rm; everything else, and among it MONITOR and MWAIT, is #UD. */
    private static void byRm(Insn i, Emitter e, int rm0, Semantic f0, int rm1, Semantic f1) {
        int rm = i.rm & 7;
        if (rm == rm0) {
            e.call(f0);
        } else if (rm == rm1) {
            e.call(f1);
        } else {
            e.invalid();
        }
    }

    private static int tableSize(Insn i) {
        return i.code == 8 ? 10 : 6;
    }

    private static void storeTable(Insn i, Emitter e, boolean gdt) {
        e.address(tableSize(i), true);
        e.call((c, u) -> {
            checkUmip(c, u);
            long at = c.r[Cpu.TA];
            c.hostForWrite(at, 2 + u.b, u);
            c.st16(at, gdt ? c.gdtLimit : c.idtLimit, u);
            Operands.store(c, at + 2, u.b, gdt ? c.gdtBase : c.idtBase, u);
        }, 0, 0, tableSize(i) - 2, 0);
    }

    private static void loadTable(Insn i, Emitter e, boolean gdt) {
        e.address(tableSize(i), false);
        e.callEnd((c, u) -> {
            Operands.requireCpl0(c, u);
            int limit = (int) c.ld16(c.r[Cpu.TA], u);
            long base = Operands.load(c, c.r[Cpu.TA] + 2, u.b, u) & u.imm;
            if (u.b == 8 && !Descriptor.canonical(base)) {
                throw Operands.gp(c, u);
            }
            if (gdt) {
                c.gdtLimit = limit;
                c.gdtBase = base;
            } else {
                c.idtLimit = limit;
                c.idtBase = base;
            }
        }, 0, 0, tableSize(i) - 2, i.code != 8 && i.opSize == 2 ? 0xFF_FFFF : -1);
    }

    // ---- flags, halt, time

    private static void stac(Cpu c, Uop u) {
        requireCpl0OrUndefined(c, u);
        c.setSysFlags(c.sysFlags | Flags.AC);
    }

    private static void clac(Cpu c, Uop u) {
        requireCpl0OrUndefined(c, u);
        c.setSysFlags(c.sysFlags & ~Flags.AC);
    }

    private static void requireCpl0OrUndefined(Cpu c, Uop u) {
        if (c.cpl != 0) {
            throw Operands.ud(c, u);
        }
    }

    private static void refuse(Cpu c, Uop u) {
        throw Operands.gp(c, u);
    }

    private static void hlt(Cpu c, Uop u) {
        Operands.requireCpl0(c, u);
        c.halted = true;
        c.raise(Cpu.PEND_SLOW);
    }

    /** In virtual-8086 mode CPL is 3, so that one comparison serves all modes; in real mode it is 0. */
    private static void requireIopl(Cpu c, Uop u) {
        if (c.cpl > (c.sysFlags >> 12 & 3)) {
            throw Operands.gp(c, u);
        }
    }

    private static void cli(Cpu c, Uop u) {
        requireIopl(c, u);
        c.sysFlags &= ~Flags.IF;
    }

    private static void sti(Cpu c, Uop u) {
        requireIopl(c, u);
        if ((c.sysFlags & Flags.IF) == 0) {
            c.setSysFlags(c.sysFlags | Flags.IF);
            c.shadow = true;
            c.stackShadow = false;
            c.raise(Cpu.PEND_SLOW);
        }
    }

    private static void checkTime(Cpu c, Uop u) {
        if (c.cpl != 0 && (c.cr4 & Cpu.CR4_TSD) != 0) {
            throw Operands.gp(c, u);
        }
    }

    private static void rdtsc(Cpu c, Uop u) {
        checkTime(c, u);
        long v = c.tsc();
        c.r[Cpu.RAX] = v & 0xFFFF_FFFFL;
        c.r[Cpu.RDX] = v >>> 32;
    }

    private static void rdtscp(Cpu c, Uop u) {
        rdtsc(c, u);
        c.r[Cpu.RCX] = c.msrs.tscAux;
    }
}
