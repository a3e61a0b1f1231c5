package dev.jvisor.vmm.x86.system;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.SegmentCheck;

/** Instructions on segment registers and descriptors: MOV, PUSH and POP of them, the LDS family, LAR, LSL, VERR, VERW. */
final class SegmentOps {
    /** {@code scale} of a step whose operand is in memory at TA. */
    static final int MEMORY = 1;

    private SegmentOps() { }

    static void register(OpcodeTable t) {
        t.def("MOV Ev,Sw", ONE_BYTE, ANY, 0x8C, true, Imm.NONE, SegmentOps::movFrom);
        t.def("MOV Sw,Ew", ONE_BYTE, ANY, 0x8E, true, Imm.NONE, SegmentOps::movTo);
        int[] pushes = {0x06, 0x0E, 0x16, 0x1E};
        for (int seg = Cpu.ES; seg <= Cpu.DS; seg++) {
            push(t, ONE_BYTE, pushes[seg], seg);
            if (seg != Cpu.CS) {
                pop(t, ONE_BYTE, pushes[seg] + 1, seg);
            }
        }
        push(t, M0F, 0xA0, Cpu.FS);
        pop(t, M0F, 0xA1, Cpu.FS);
        push(t, M0F, 0xA8, Cpu.GS);
        pop(t, M0F, 0xA9, Cpu.GS);
        pointer(t, "LES Gv,Mp", ONE_BYTE, 0xC4, Cpu.ES);
        pointer(t, "LDS Gv,Mp", ONE_BYTE, 0xC5, Cpu.DS);
        pointer(t, "LSS Gv,Mp", M0F, 0xB2, Cpu.SS);
        pointer(t, "LFS Gv,Mp", M0F, 0xB4, Cpu.FS);
        pointer(t, "LGS Gv,Mp", M0F, 0xB5, Cpu.GS);
        t.def("LAR Gv,Ew", M0F, ANY, 0x02, true, Imm.NONE, (i, e) -> word(i, e, SegmentOps::lar));
        t.def("LSL Gv,Ew", M0F, ANY, 0x03, true, Imm.NONE, (i, e) -> word(i, e, SegmentOps::lsl));
        t.group("VERR Ew", M0F, ANY, 0x00, 4, Imm.NONE, (i, e) -> word(i, e, SegmentOps::verr));
        t.group("VERW Ew", M0F, ANY, 0x00, 5, Imm.NONE, (i, e) -> word(i, e, SegmentOps::verw));
    }

    /** Emits a call with the 16-bit operand in {@code r[a]} or, with {@code scale} MEMORY, at TA; {@code d} and {@code b}: ModRM.reg, size. */
    static Uop word(Insn i, Emitter e, Semantic f) {
        if (i.isMem()) {
            e.address(2, false);
        }
        Uop u = e.callEnd(f, i.reg, i.rm, i.opSize, 0);
        u.scale = i.isMem() ? MEMORY : 0;
        return u;
    }

    static int word(Cpu c, Uop u) {
        return (int) (u.scale == MEMORY ? c.ld16(c.r[Cpu.TA], u) : c.r[u.a]) & 0xFFFF;
    }

    private static void movFrom(Insn i, Emitter e) {
        if (i.reg > Cpu.GS) {
            e.invalid();
        } else if (i.isMem()) {
            e.address(2, true);
            e.call((c, u) -> c.st16(c.r[Cpu.TA], c.segSel[u.a], u), 0, i.reg, 0, 0);
        } else {
            e.call((c, u) -> Operands.set(c, u.d, u.b, c.segSel[u.a]), i.rm, i.reg, i.opSize, 0);
        }
    }

    private static void movTo(Insn i, Emitter e) {
        if (i.reg > Cpu.GS || i.reg == Cpu.CS) {
            e.invalid();
            return;
        }
        word(i, e, (c, u) -> load(c, u.d, word(c, u), u));
    }

    /** Loads a segment register; after SS, interrupts and traps wait for one instruction. */
    private static void load(Cpu c, int seg, int selector, Uop u) {
        SegmentLoad.data(c, seg, selector, u);
        if (seg == Cpu.SS) {
            c.shadow = true;
            c.stackShadow = true;
            c.noTrap = true;
            c.raise(Cpu.PEND_SLOW);
        }
    }

    private static void push(OpcodeTable t, int map, int op, int seg) {
        t.def("PUSH Sw", map, ANY, op, false, Imm.NONE, (i, e) -> e.call(SegmentOps::pushSegment, 0, seg, i.stackSize(), 0).seg = Cpu.SS);
    }

    private static void pushSegment(Cpu c, Uop u) {
        long sp = c.r[Cpu.RSP] - u.b;
        // With a 32-bit operand only the selector is written, as processors since the 80486 do.
        int written = u.b == 4 ? 2 : u.b;
        long at = SegmentCheck.linear(c, Cpu.SS, sp & Stack.mask(c), u.b, true, u);
        Operands.store(c, at, written, c.segSel[u.a], u);
        Stack.setPointer(c, sp);
    }

    private static void pop(OpcodeTable t, int map, int op, int seg) {
        t.def("POP Sw", map, ANY, op, false, Imm.NONE, (i, e) -> e.callEnd(SegmentOps::popSegment, seg, 0, i.stackSize(), 0).seg = Cpu.SS);
    }

    private static void popSegment(Cpu c, Uop u) {
        long sp = c.r[Cpu.RSP];
        int selector = (int) Stack.peek(c, sp, u.b == 4 ? 2 : u.b, u) & 0xFFFF;
        // The stack's size is that before a load of SS, but the pointer may only move once nothing can fault.
        long mask = Stack.mask(c);
        load(c, u.d, selector, u);
        c.r[Cpu.RSP] = mask == 0xFFFF ? sp & ~0xFFFFL | sp + u.b & 0xFFFF : sp + u.b & mask;
    }

    private static void pointer(OpcodeTable t, String name, int map, int op, int seg) {
        t.def(name, map, ANY, op, true, Imm.NONE, (i, e) -> {
            if (!i.isMem()) {
                e.invalid();
                return;
            }
            e.address(i.opSize + 2, false);
            e.callEnd(SegmentOps::loadPointer, i.reg, seg, i.opSize, 0);
        });
    }

    private static void loadPointer(Cpu c, Uop u) {
        long at = c.r[Cpu.TA];
        long offset = Operands.load(c, at, u.b, u);
        int selector = (int) c.ld16(at + u.b, u);
        SegmentLoad.data(c, u.a, selector, u);
        Operands.set(c, u.d, u.b, offset);
    }

    // ---- looking at descriptors without a fault

    private static void setZf(Cpu c, boolean on) {
        int s = Flags.status(c);
        Flags.setStatus(c, on ? s | Flags.ZF : s & ~Flags.ZF);
    }

    /** {@return the descriptor when it may be looked at from here, or 0: no descriptor that may is 0} */
    private static long visible(Cpu c, int selector, Uop u) {
        if (Descriptor.isNull(selector) || !Descriptor.within(c, selector, 8)) {
            return 0;
        }
        long d = c.mmu.systemLoad(Descriptor.address(c, selector), 8, u);
        boolean conforming = Descriptor.isCode(d) && Descriptor.isConforming(d);
        int dpl = Descriptor.dpl(d);
        return conforming || c.cpl <= dpl && (selector & 3) <= dpl ? d : 0;
    }

    private static void lar(Cpu c, Uop u) {
        Operands.requireProtected(c, u);
        int selector = word(c, u);
        long d = visible(c, selector, u);
        int type = Descriptor.type(d);
        boolean ok = d != 0 && (Descriptor.isSegment(d) || switch (type) {
            case Descriptor.LDT, Descriptor.TSS32, Descriptor.TSS32_BUSY, Descriptor.CALL_GATE32 -> true;
            case Descriptor.TSS16, Descriptor.TSS16_BUSY, Descriptor.CALL_GATE16, Descriptor.TASK_GATE -> !c.longActive();
            default -> false;
        });
        if (ok) {
            Operands.set(c, u.d, u.b, d >>> 32 & 0x00FF_FF00L);
        }
        setZf(c, ok);
    }

    private static void lsl(Cpu c, Uop u) {
        Operands.requireProtected(c, u);
        int selector = word(c, u);
        long d = visible(c, selector, u);
        int type = Descriptor.type(d);
        boolean ok = d != 0 && (Descriptor.isSegment(d) || switch (type) {
            case Descriptor.LDT, Descriptor.TSS32, Descriptor.TSS32_BUSY -> true;
            case Descriptor.TSS16, Descriptor.TSS16_BUSY -> !c.longActive();
            default -> false;
        });
        if (ok) {
            Operands.set(c, u.d, u.b, Integer.toUnsignedLong(Descriptor.limit(d)));
        }
        setZf(c, ok);
    }

    private static void verr(Cpu c, Uop u) {
        Operands.requireProtected(c, u);
        long d = visible(c, word(c, u), u);
        setZf(c, Descriptor.isSegment(d) && (!Descriptor.isCode(d) || (d >>> 41 & 1) != 0));
    }

    private static void verw(Cpu c, Uop u) {
        Operands.requireProtected(c, u);
        setZf(c, Descriptor.isWritableData(visible(c, word(c, u), u)));
    }
}
