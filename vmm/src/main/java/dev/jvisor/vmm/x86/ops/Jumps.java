package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Block;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Link;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Near JMP, CALL and RET, Jcc, JCXZ and LOOP. */
public final class Jumps {
    private Jumps() { }

    static void register(OpcodeTable t) {
        for (int k = 0; k < 16; k++) {
            int cc = k;
            t.def("J" + Conditions.NAMES[k] + " Jb", ONE_BYTE, ANY, 0x70 + k, false, Imm.BYTE, (i, e) -> conditional(e, i, cc));
            t.def("J" + Conditions.NAMES[k] + " Jz", M0F, ANY, 0x80 + k, false, Imm.REL, (i, e) -> conditional(e, i, cc));
        }
        t.def("JMP Jb", ONE_BYTE, ANY, 0xEB, false, Imm.BYTE, Jumps::jump);
        t.def("JMP Jz", ONE_BYTE, ANY, 0xE9, false, Imm.REL, Jumps::jump);
        t.def("CALL Jz", ONE_BYTE, ANY, 0xE8, false, Imm.REL, Jumps::call);
        t.group("CALL Ev", ONE_BYTE, ANY, 0xFF, 2, Imm.NONE, (i, e) -> indirect(e, i, true));
        t.group("JMP Ev", ONE_BYTE, ANY, 0xFF, 4, Imm.NONE, (i, e) -> indirect(e, i, false));
        t.def("RET", ONE_BYTE, ANY, 0xC3, false, Imm.NONE, Jumps::ret);
        t.def("RET Iw", ONE_BYTE, ANY, 0xC2, false, Imm.WORD, Jumps::ret);
        t.def("LOOPNE Jb", ONE_BYTE, ANY, 0xE0, false, Imm.BYTE, (i, e) -> loop(e, i, Loop.NOT_EQUAL));
        t.def("LOOPE Jb", ONE_BYTE, ANY, 0xE1, false, Imm.BYTE, (i, e) -> loop(e, i, Loop.EQUAL));
        t.def("LOOP Jb", ONE_BYTE, ANY, 0xE2, false, Imm.BYTE, (i, e) -> loop(e, i, Loop.COUNT));
        t.def("JCXZ Jb", ONE_BYTE, ANY, 0xE3, false, Imm.BYTE, (i, e) -> loop(e, i, Loop.ZERO));
    }

    /** {@return operand size of near branches: always 8 in 64-bit mode} */
    static int branchSize(Insn i) {
        return i.code == 8 ? 8 : i.opSize;
    }

    private static long ipMask(Insn i) {
        return switch (branchSize(i)) {
            case 8 -> -1L;
            case 4 -> 0xFFFFFFFFL;
            default -> 0xFFFF;
        };
    }

    private static Link link(Insn i, long relative) {
        return linkTo(i, i.ip + i.len + relative & ipMask(i));
    }

    private static Link linkTo(Insn i, long target) {
        return new Link(target, (i.csBase + target ^ i.csBase + i.ip) >>> 12 == 0);
    }

    static Link nextLink(Insn i) {
        long next = i.ip + i.len;
        return linkTo(i, i.code == 8 ? next : i.code == 4 ? next & 0xFFFFFFFFL : next & 0xFFFF);
    }

    /** Ends a block that has grown long enough, or reached the end of its page, by going on at {@code i.ip + i.len}. */
    public static void fallThrough(Emitter e, Insn i) {
        e.end(new Goto(nextLink(i)));
    }

    /** {@return whether a branch leads beyond the limit of CS, which is a fault of the branch: what follows is not to be reached} */
    private static boolean leadsOutside(Insn i) {
        long target = i.ip + i.len + i.imm & ipMask(i);
        return i.code != 8 && target > Cpu.codeLimit(i.mode);
    }

    /** Throws unless code may be at {@code target}. For targets known only now, outside 64-bit mode; nothing has changed yet. */
    private static void checkLimit(Cpu c, long target, Uop u) {
        if (target > Integer.toUnsignedLong(c.segLimit[Cpu.CS])) {
            refuse(c, u);
        }
    }

    private static void refuse(Cpu c, Uop u) {
        throw c.fault(Cpu.GP, 0, u);
    }

    private static void jump(Insn i, Emitter e) {
        if (leadsOutside(i)) {
            e.callEnd(Jumps::refuse);
        } else {
            e.end(new Goto(link(i, i.imm)));
        }
    }

    private static void loop(Emitter e, Insn i, int kind) {
        Loop loop = new Loop(kind, i);
        if (leadsOutside(i)) {
            e.callEnd((c, u) -> {
                if (loop.jumps(c)) {
                    refuse(c, u);
                }
                loop.count(c);
            });
        } else {
            e.end(loop);
        }
    }

    private static void conditional(Emitter e, Insn i, int cc) {
        if (leadsOutside(i)) {
            e.callEnd((c, u) -> {
                if (Flags.test(c, cc)) {
                    refuse(c, u);
                }
            });
            return;
        }
        boolean opposite = (cc & 1) != 0;
        Link yes = link(i, i.imm);
        Link no = nextLink(i);
        Link taken = opposite ? no : yes;
        Link fall = opposite ? yes : no;
        Uop last = e.last();
        if (last instanceof Alu compare && (compare.op == Alu.CMP || compare.op == Alu.TEST)) {
            CompareBranch fused = CompareBranch.of(compare, cc & ~1, taken, fall);
            if (fused != null) {
                e.dropLast();
                e.end(fused);
                return;
            }
        }
        e.end(Branch.of(cc & ~1, taken, fall, last));
    }

    private static void call(Insn i, Emitter e) {
        if (leadsOutside(i)) {
            e.callEnd(Jumps::refuse);
            return;
        }
        Link to = link(i, i.imm);
        if (i.code == 8) {
            e.end(new Call64(to)).seg = Cpu.SS;
        } else {
            e.end(new CallAny(to, branchSize(i))).seg = Cpu.SS;
        }
    }

    private static void ret(Insn i, Emitter e) {
        Uop u = i.code == 8 ? e.end(new Ret64()) : e.end(new RetAny(branchSize(i)));
        u.imm = i.imm & 0xFFFF;
        u.seg = Cpu.SS;
    }

    private static void indirect(Emitter e, Insn i, boolean call) {
        int size = branchSize(i);
        int a = Operands.sourceRm(e, i, size, Cpu.T0);
        Uop u = i.code == 8 ? call ? e.end(new CallIndirect64()) : e.end(new JumpIndirect64()) : e.end(new IndirectAny(size, call));
        u.a = a;
        if (call) {
            u.seg = Cpu.SS;
        }
    }

    private static boolean canonical(long v) {
        return v << 16 >> 16 == v;
    }

    /** An unconditional jump to a known place. */
    public static final class Goto extends Uop {
        /** Where it goes. */
        public final Link to;

        private Goto(Link to) {
            this.to = to;
        }

        @Override
        public void forgetLinks() {
            to.to = null;
        }

        @Override
        public void exec(Cpu c) {
            c.next = to.go(c);
        }

        @Override
        public Block leave(Cpu c) {
            return to.go(c);
        }
    }

    /** CALL to a known place in 64-bit mode. */
    public static final class Call64 extends Uop {
        /** Where it goes. */
        public final Link to;

        private Call64(Link to) {
            this.to = to;
        }

        @Override
        public void forgetLinks() {
            to.to = null;
        }

        @Override
        public void exec(Cpu c) {
            c.next = leave(c);
        }

        @Override
        public Block leave(Cpu c) {
            long sp = c.r[Cpu.RSP] - 8;
            c.st64(sp, ip + len, this);
            c.r[Cpu.RSP] = sp;
            return to.go(c);
        }
    }

    private static final class CallAny extends Uop {
        private final Link to;
        private final int size;

        CallAny(Link to, int size) {
            this.to = to;
            this.size = size;
        }

        @Override
        public void forgetLinks() {
            to.to = null;
        }

        @Override
        public void exec(Cpu c) {
            Stacks.push(c, ip + len, size, this);
            c.next = to.go(c);
        }
    }

    /** RET in 64-bit mode; {@code imm} more bytes are popped. */
    public static final class Ret64 extends Indirect {
        @Override
        public Block leave(Cpu c) {
            long sp = c.r[Cpu.RSP];
            long target = c.ld64(sp, this);
            if (!canonical(target)) {
                throw c.fault(Cpu.GP, 0, this);
            }
            c.r[Cpu.RSP] = sp + 8 + imm;
            return go(c, target);
        }
    }

    private static final class RetAny extends Indirect {
        private final int size;

        RetAny(int size) {
            this.size = size;
        }

        @Override
        public Block leave(Cpu c) {
            long target = Stacks.peek(c, c.r[Cpu.RSP], size, this);
            checkLimit(c, target, this);
            Stacks.setPointer(c, c.r[Cpu.RSP] + size + imm);
            return go(c, target);
        }
    }

    /** JMP to {@code r[a]} in 64-bit mode. */
    public static final class JumpIndirect64 extends Indirect {
        @Override
        public Block leave(Cpu c) {
            long target = c.r[a];
            if (!canonical(target)) {
                throw c.fault(Cpu.GP, 0, this);
            }
            return go(c, target);
        }
    }

    /** CALL of {@code r[a]} in 64-bit mode. */
    public static final class CallIndirect64 extends Indirect {
        @Override
        public Block leave(Cpu c) {
            long target = c.r[a];
            if (!canonical(target)) {
                throw c.fault(Cpu.GP, 0, this);
            }
            long sp = c.r[Cpu.RSP] - 8;
            c.st64(sp, ip + len, this);
            c.r[Cpu.RSP] = sp;
            return go(c, target);
        }
    }

    private static final class IndirectAny extends Indirect {
        private final int size;
        private final boolean call;

        IndirectAny(int size, boolean call) {
            this.size = size;
            this.call = call;
        }

        @Override
        public Block leave(Cpu c) {
            long target = c.r[a] & (size == 4 ? 0xFFFFFFFFL : 0xFFFF);
            checkLimit(c, target, this);
            if (call) {
                Stacks.push(c, ip + len, size, this);
            }
            return go(c, target);
        }
    }

    /** LOOP, LOOPE, LOOPNE and JCXZ. */
    private static final class Loop extends Branch {
        static final int NOT_EQUAL = 0, EQUAL = 1, COUNT = 2, ZERO = 3;

        private final int kind;
        private final int addrSize;
        private final long mask;

        Loop(int kind, Insn i) {
            super(-1, link(i, i.imm), nextLink(i));
            this.kind = kind;
            this.addrSize = i.addrSize;
            this.mask = addrSize == 8 ? -1L : addrSize == 4 ? 0xFFFFFFFFL : 0xFFFF;
        }

        @Override
        public Block leave(Cpu c) {
            boolean jump = jumps(c);
            count(c);
            return jump ? taken.go(c) : fall.go(c);
        }

        private boolean jumps(Cpu c) {
            if (kind == ZERO) {
                return (c.r[Cpu.RCX] & mask) == 0;
            }
            return (c.r[Cpu.RCX] - 1 & mask) != 0 && (kind == COUNT || Flags.zf(c) == (kind == EQUAL));
        }

        private void count(Cpu c) {
            if (kind != ZERO) {
                Semantics.setRegister(c, Cpu.RCX, c.r[Cpu.RCX] - 1, addrSize);
            }
        }
    }
}
