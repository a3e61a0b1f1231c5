package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.SegmentCheck;

/** PUSH and POP of registers, memory and immediates; PUSHA, POPA, PUSHF, POPF, ENTER and LEAVE. */
final class StackOps {
    private StackOps() { }

    static void register(OpcodeTable t) {
        for (int r = 0; r < 8; r++) {
            t.def("PUSH r", ONE_BYTE, ANY, 0x50 + r, false, Imm.NONE, (i, e) -> push(e, i, i.opReg));
            t.def("POP r", ONE_BYTE, ANY, 0x58 + r, false, Imm.NONE, (i, e) -> pop(e, i, i.opReg));
        }
        t.def("PUSH Iz", ONE_BYTE, ANY, 0x68, false, Imm.Z, StackOps::pushConstant);
        t.def("PUSH Ib", ONE_BYTE, ANY, 0x6A, false, Imm.BYTE, StackOps::pushConstant);
        t.group("PUSH Ev", ONE_BYTE, ANY, 0xFF, 6, Imm.NONE, (i, e) -> push(e, i, Operands.sourceRm(e, i, i.stackSize(), Cpu.T0)));
        t.group("POP Ev", ONE_BYTE, ANY, 0x8F, 0, Imm.NONE, StackOps::popRm);
        t.def("PUSHA", ONE_BYTE, ANY, 0x60, false, Imm.NONE, (i, e) -> e.call(StackOps::pushAll, 0, 0, i.opSize, 0).seg = Cpu.SS);
        t.def("POPA", ONE_BYTE, ANY, 0x61, false, Imm.NONE, (i, e) -> e.call(StackOps::popAll, 0, 0, i.opSize, 0).seg = Cpu.SS);
        t.def("PUSHF", ONE_BYTE, ANY, 0x9C, false, Imm.NONE,
                (i, e) -> e.call(StackOps::pushFlags, 0, 0, i.stackSize(), 0).seg = Cpu.SS);
        t.def("POPF", ONE_BYTE, ANY, 0x9D, false, Imm.NONE,
                (i, e) -> e.callEnd(StackOps::popFlags, 0, 0, i.stackSize(), 0).seg = Cpu.SS);
        t.def("ENTER Iw,Ib", ONE_BYTE, ANY, 0xC8, false, Imm.WORD_BYTE,
                (i, e) -> e.call(StackOps::enter, i.imm2 & 31, 0, i.stackSize(), i.imm & 0xFFFF).seg = Cpu.SS);
        t.def("LEAVE", ONE_BYTE, ANY, 0xC9, false, Imm.NONE, (i, e) -> {
            if (i.code == 8 && i.stackSize() == 8) {
                e.add(new Leave64()).seg = Cpu.SS;
            } else {
                e.call(StackOps::leave, 0, 0, i.stackSize(), 0).seg = Cpu.SS;
            }
        });
    }

    private static boolean wide(Insn i) {
        return i.code == 8 && i.stackSize() == 8;
    }

    private static void push(Emitter e, Insn i, int register) {
        Uop u = wide(i) ? e.add(new Push64()) : e.call((c, v) -> Stacks.push(c, c.r[v.a], v.b, v));
        u.a = register;
        u.b = i.stackSize();
        u.seg = Cpu.SS;
    }

    private static void pushConstant(Insn i, Emitter e) {
        Uop u = wide(i) ? e.add(new PushConstant64()) : e.call((c, v) -> Stacks.push(c, v.imm, v.b, v));
        u.imm = i.imm;
        u.b = i.stackSize();
        u.seg = Cpu.SS;
    }

    private static void pop(Emitter e, Insn i, int register) {
        Uop u = wide(i) ? e.add(new Pop64()) : e.call((c, v) -> {
            long value = Stacks.peek(c, c.r[Cpu.RSP], v.b, v);
            Stacks.setPointer(c, c.r[Cpu.RSP] + v.b);
            Semantics.setRegister(c, v.d, value, v.b);
        });
        u.d = register;
        u.b = i.stackSize();
        u.seg = Cpu.SS;
    }

    private static void popRm(Insn i, Emitter e) {
        if (!i.isMem()) {
            pop(e, i, i.rm);
            return;
        }
        int size = i.stackSize();
        Uop u = e.call((c, v) -> c.r[v.d] = Stacks.peek(c, c.r[Cpu.RSP], v.b, v));
        u.d = Cpu.T0;
        u.b = size;
        u.seg = Cpu.SS;
        if (i.base == Cpu.RSP) {
            // The address counts from the stack pointer after the pop.
            i.disp += size;
        }
        Operands.store(e, i, Cpu.T0, size);
        e.call((c, v) -> Stacks.setPointer(c, c.r[Cpu.RSP] + v.b), 0, 0, size, 0);
    }

    private static void pushAll(Cpu c, Uop u) {
        int size = u.b;
        long sp = c.r[Cpu.RSP];
        for (int k = 0; k < 8; k++) {
            sp -= size;
            Stacks.poke(c, sp, c.r[k], size, u);
        }
        Stacks.setPointer(c, sp);
    }

    private static void popAll(Cpu c, Uop u) {
        int size = u.b;
        long sp = c.r[Cpu.RSP];
        // All of them first: nothing may change when a later word faults, and where the stack wraps that need not be the last.
        for (int k = 0; k < 8; k++) {
            Stacks.peek(c, sp + (long) k * size, size, u);
        }
        for (int k = 7; k >= 0; k--, sp += size) {
            long v = Stacks.peek(c, sp, size, u);
            if (k != Cpu.RSP) {
                Semantics.setRegister(c, k, v, size);
            }
        }
        Stacks.setPointer(c, sp);
    }

    private static void pushFlags(Cpu c, Uop u) {
        long image = c.rflags();
        if ((c.sysFlags & Flags.VM) != 0 && (c.sysFlags & Flags.IOPL) != Flags.IOPL) {
            if (u.b != 2 || (c.cr4 & Cpu.CR4_VME) == 0) {
                throw c.fault(Cpu.GP, 0, u);
            }
            image = image & ~Flags.IF | Flags.IOPL | ((image & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        Stacks.push(c, image & ~(Flags.VM | Flags.RF), u.b, u);
    }

    private static void popFlags(Cpu c, Uop u) {
        int size = u.b;
        int old = (int) c.rflags();
        int iopl = (old & Flags.IOPL) >> 12;
        int change = Flags.STATUS | Flags.TF | Flags.DF | Flags.NT | Flags.AC | Flags.ID;
        boolean virtual = false;
        if ((old & Flags.VM) != 0) {
            if (iopl == 3) {
                change |= Flags.IF;
            } else if (size == 2 && (c.cr4 & Cpu.CR4_VME) != 0) {
                virtual = true;
            } else {
                throw c.fault(Cpu.GP, 0, u);
            }
        } else if (c.cpl == 0) {
            change |= Flags.IOPL | Flags.IF;
        } else if (c.cpl <= iopl) {
            change |= Flags.IF;
        }
        long popped = Stacks.peek(c, c.r[Cpu.RSP], size, u);
        if (virtual && ((popped & Flags.TF) != 0 || (popped & Flags.IF) != 0 && (old & Flags.VIP) != 0)) {
            throw c.fault(Cpu.GP, 0, u);
        }
        Stacks.setPointer(c, c.r[Cpu.RSP] + size);
        if (size == 2) {
            change &= 0xFFFF;
        }
        long next = old & ~change | popped & change;
        if (size != 2) {
            next &= ~Flags.RF;
        }
        if (virtual) {
            next = next & ~Flags.VIF | ((popped & Flags.IF) != 0 ? Flags.VIF : 0);
        }
        c.setRflags(next);
    }

    private static void enter(Cpu c, Uop u) {
        int level = u.d;
        int size = u.b;
        long sp = c.r[Cpu.RSP] - size;
        long bp = c.r[Cpu.RBP];
        Stacks.poke(c, sp, bp, size, u);
        // On a 16-bit stack the upper half of ESP stays, and belongs to the frame pointer of a 32-bit ENTER.
        long frame = c.r[Cpu.RSP] & ~Stacks.mask(c) | sp & Stacks.mask(c);
        for (int k = 1; k < level; k++) {
            sp -= size;
            Stacks.poke(c, sp, Stacks.peek(c, bp - (long) k * size, size, u), size, u);
        }
        if (level > 0) {
            sp -= size;
            Stacks.poke(c, sp, frame, size, u);
        }
        sp -= u.imm;
        // A frame that cannot be written faults now, not at its first use.
        c.hostForWrite(SegmentCheck.linear(c, Cpu.SS, sp & Stacks.mask(c), size, true, u), size, u);
        Semantics.setRegister(c, Cpu.RBP, frame, size);
        Stacks.setPointer(c, sp);
    }

    private static void leave(Cpu c, Uop u) {
        int size = u.b;
        long sp = c.r[Cpu.RBP];
        long v = Stacks.peek(c, sp, size, u);
        Stacks.setPointer(c, sp + size);
        Semantics.setRegister(c, Cpu.RBP, v, size);
    }

    /** PUSH {@code r[a]} in 64-bit mode. */
    static final class Push64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long sp = c.r[Cpu.RSP] - 8;
            c.st64(sp, c.r[a], this);
            c.r[Cpu.RSP] = sp;
        }
    }

    /** PUSH {@code imm} in 64-bit mode. */
    static final class PushConstant64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long sp = c.r[Cpu.RSP] - 8;
            c.st64(sp, imm, this);
            c.r[Cpu.RSP] = sp;
        }
    }

    /** POP {@code r[d]} in 64-bit mode. */
    static final class Pop64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long sp = c.r[Cpu.RSP];
            long v = c.ld64(sp, this);
            c.r[Cpu.RSP] = sp + 8;
            c.r[d] = v;
        }
    }

    /** LEAVE in 64-bit mode. */
    static final class Leave64 extends Uop {
        @Override
        public void exec(Cpu c) {
            long bp = c.r[Cpu.RBP];
            long v = c.ld64(bp, this);
            c.r[Cpu.RSP] = bp + 8;
            c.r[Cpu.RBP] = v;
        }
    }
}
