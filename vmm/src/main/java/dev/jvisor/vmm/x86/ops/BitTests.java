package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** BT, BTS, BTR and BTC. */
final class BitTests {
    private static final int BT = 0, BTS = 1, BTR = 2;
    private static final String[] NAMES = {"BT", "BTS", "BTR", "BTC"};

    private BitTests() { }

    static void register(OpcodeTable t) {
        for (int k = 0; k < 4; k++) {
            int op = k;
            t.def(NAMES[k] + " Ev,Gv", M0F, ANY, 0xA3 + 8 * k, true, Imm.NONE, (i, e) -> translate(e, i, op, false));
            lock(t, op);
            t.group(NAMES[k] + " Ev,Ib", M0F, ANY, 0xBA, 4 + k, Imm.BYTE, (i, e) -> translate(e, i, op, true));
            lock(t, op);
        }
    }

    private static void lock(OpcodeTable t, int op) {
        if (op != BT) {
            t.allowLock();
        }
    }

    /** Sets CF and leaves the other flags. */
    static void setCarry(Cpu c, boolean carry) {
        Flags.setStatus(c, Flags.status(c) & ~Flags.CF | (carry ? Flags.CF : 0));
    }

    private static void translate(Emitter e, Insn i, int op, boolean constant) {
        int size = i.opSize;
        int number = i.reg;
        if (constant) {
            number = Cpu.T2;
            Operands.constant(e, number, i.imm & 8 * size - 1);
        } else if (i.isMem()) {
            spread(e, i, size);
        }
        if (i.lock) {
            Locked.emit(e, i, Locked.BTS + op - 1, size, number);
            return;
        }
        int at = op == BT ? Operands.sourceRm(e, i, size, Cpu.T0) : Operands.beginModify(e, i, size, Cpu.T0);
        Uop u = e.add(new Step(op, size));
        u.d = at;
        u.b = number;
        if (op != BT) {
            Operands.finishModify(e, i, size, at);
        }
    }

    /** The bit number is a signed offset from the operand: moves the address to the word that has the bit. */
    private static void spread(Emitter e, Insn i, int size) {
        Uop lea = e.add(new RegisterUops.Lea64());
        lea.d = Cpu.T1;
        lea.a = i.base;
        lea.b = i.index;
        lea.scale = i.scale;
        lea.imm = i.disp;
        int shift = 64 - 8 * size;
        int log = 3 + Integer.numberOfTrailingZeros(size);
        e.call((c, u) -> c.r[Cpu.T2] = (c.r[u.a] << shift >> shift >> log) * size, 0, i.reg, 0, 0);
        i.base = Cpu.T1;
        i.index = Cpu.T2;
        i.scale = 0;
        i.disp = 0;
    }

    /** Tests bit {@code r[b]} of {@code r[d]}, and changes it. */
    private static final class Step extends Uop {
        private final int op;
        private final int size;

        Step(int op, int size) {
            this.op = op;
            this.size = size;
        }

        @Override
        public void exec(Cpu c) {
            long v = c.r[d];
            int n = (int) c.r[b] & 8 * size - 1;
            setCarry(c, (v >>> n & 1) != 0);
            if (op != BT) {
                long bit = 1L << n;
                long next = op == BTS ? v | bit : op == BTR ? v & ~bit : v ^ bit;
                Semantics.setRegister(c, d, next, size);
            }
        }
    }
}
