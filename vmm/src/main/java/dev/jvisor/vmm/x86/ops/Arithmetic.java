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

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG and NOT in all their forms. */
final class Arithmetic {
    private static final String[] NAMES = {"ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP"};

    private Arithmetic() { }

    static void register(OpcodeTable t) {
        for (int k = 0; k < 8; k++) {
            int op = k;
            int base = k * 8;
            String n = NAMES[k];
            t.def(n + " Eb,Gb", ONE_BYTE, ANY, base, true, Imm.NONE, (i, e) -> rmRegister(e, i, op, 1));
            lock(t, op);
            t.def(n + " Ev,Gv", ONE_BYTE, ANY, base + 1, true, Imm.NONE, (i, e) -> rmRegister(e, i, op, i.opSize));
            lock(t, op);
            t.def(n + " Gb,Eb", ONE_BYTE, ANY, base + 2, true, Imm.NONE, (i, e) -> registerRm(e, i, op, 1));
            t.def(n + " Gv,Ev", ONE_BYTE, ANY, base + 3, true, Imm.NONE, (i, e) -> registerRm(e, i, op, i.opSize));
            t.def(n + " AL,Ib", ONE_BYTE, ANY, base + 4, false, Imm.BYTE, (i, e) -> e.add(Alu.constant(op, 1, Cpu.RAX, Cpu.RAX, i.imm)));
            t.def(n + " eAX,Iz", ONE_BYTE, ANY, base + 5, false, Imm.Z,
                    (i, e) -> e.add(Alu.constant(op, i.opSize, Cpu.RAX, Cpu.RAX, i.imm)));
            t.group(n + " Eb,Ib", ONE_BYTE, ANY, 0x80, op, Imm.BYTE, (i, e) -> rmConstant(e, i, op, 1));
            lock(t, op);
            t.group(n + " Ev,Iz", ONE_BYTE, ANY, 0x81, op, Imm.Z, (i, e) -> rmConstant(e, i, op, i.opSize));
            lock(t, op);
            t.group(n + " Eb,Ib", ONE_BYTE, ANY, 0x82, op, Imm.BYTE, (i, e) -> rmConstant(e, i, op, 1));
            lock(t, op);
            t.group(n + " Ev,Ib", ONE_BYTE, ANY, 0x83, op, Imm.BYTE, (i, e) -> rmConstant(e, i, op, i.opSize));
            lock(t, op);
        }
        t.def("TEST Eb,Gb", ONE_BYTE, ANY, 0x84, true, Imm.NONE, (i, e) -> rmRegister(e, i, Alu.TEST, 1));
        t.def("TEST Ev,Gv", ONE_BYTE, ANY, 0x85, true, Imm.NONE, (i, e) -> rmRegister(e, i, Alu.TEST, i.opSize));
        t.def("TEST AL,Ib", ONE_BYTE, ANY, 0xA8, false, Imm.BYTE, (i, e) -> e.add(Alu.constant(Alu.TEST, 1, Cpu.RAX, Cpu.RAX, i.imm)));
        t.def("TEST eAX,Iz", ONE_BYTE, ANY, 0xA9, false, Imm.Z,
                (i, e) -> e.add(Alu.constant(Alu.TEST, i.opSize, Cpu.RAX, Cpu.RAX, i.imm)));
        for (int ext = 0; ext < 2; ext++) {
            t.group("TEST Eb,Ib", ONE_BYTE, ANY, 0xF6, ext, Imm.BYTE, (i, e) -> rmConstant(e, i, Alu.TEST, 1));
            t.group("TEST Ev,Iz", ONE_BYTE, ANY, 0xF7, ext, Imm.Z, (i, e) -> rmConstant(e, i, Alu.TEST, i.opSize));
        }
        for (int wide = 0; wide < 2; wide++) {
            boolean b = wide == 0;
            unary(t, "INC", 0xFE + wide, 0, b, Unary.INC);
            unary(t, "DEC", 0xFE + wide, 1, b, Unary.DEC);
            unary(t, "NOT", 0xF6 + wide, 2, b, Unary.NOT);
            unary(t, "NEG", 0xF6 + wide, 3, b, Unary.NEG);
        }
        for (int r = 0; r < 8; r++) {
            // In 64-bit mode these bytes are REX prefixes and the decoder never looks here.
            t.def("INC r", ONE_BYTE, ANY, 0x40 + r, false, Imm.NONE, (i, e) -> e.add(Unary.of(Unary.INC, i.opSize, i.opReg)));
            t.def("DEC r", ONE_BYTE, ANY, 0x48 + r, false, Imm.NONE, (i, e) -> e.add(Unary.of(Unary.DEC, i.opSize, i.opReg)));
        }
    }

    private static void lock(OpcodeTable t, int op) {
        if (op != Alu.CMP) {
            t.allowLock();
        }
    }

    private static boolean readsOnly(int op) {
        return op == Alu.CMP || op == Alu.TEST;
    }

    private static void rmRegister(Emitter e, Insn i, int op, int size) {
        if (i.lock) {
            Locked.emit(e, i, op, size, Operands.source(e, i, i.reg, size, Cpu.T1));
            return;
        }
        if (op == Alu.XOR && size >= 4 && !i.isMem() && i.reg == i.rm) {
            Uop u = e.add(new Clear());
            u.d = i.rm;
            u.scale = size == 8 ? 3 : 2;
            return;
        }
        int dst = readsOnly(op) ? Operands.sourceRm(e, i, size, Cpu.T0) : Operands.beginModify(e, i, size, Cpu.T0);
        int src = Operands.source(e, i, i.reg, size, Cpu.T1);
        e.add(Alu.registers(op, size, dst, dst, src));
        if (!readsOnly(op)) {
            Operands.finishModify(e, i, size, dst);
        }
    }

    private static void registerRm(Emitter e, Insn i, int op, int size) {
        if (op == Alu.XOR && size >= 4 && !i.isMem() && i.reg == i.rm) {
            Uop u = e.add(new Clear());
            u.d = i.rm;
            u.scale = size == 8 ? 3 : 2;
            return;
        }
        int src = Operands.sourceRm(e, i, size, Cpu.T1);
        int dst = Operands.source(e, i, i.reg, size, Cpu.T0);
        e.add(Alu.registers(op, size, dst, dst, src));
        if (op != Alu.CMP) {
            Operands.finishRegister(e, i, i.reg, size, dst);
        }
    }

    private static void rmConstant(Emitter e, Insn i, int op, int size) {
        if (i.lock) {
            Operands.constant(e, Cpu.T1, i.imm);
            Locked.emit(e, i, op, size, Cpu.T1);
            return;
        }
        int dst = readsOnly(op) ? Operands.sourceRm(e, i, size, Cpu.T0) : Operands.beginModify(e, i, size, Cpu.T0);
        e.add(Alu.constant(op, size, dst, dst, i.imm));
        if (!readsOnly(op)) {
            Operands.finishModify(e, i, size, dst);
        }
    }

    private static void unary(OpcodeTable t, String name, int opcode, int ext, boolean bytes, int op) {
        t.group(name + (bytes ? " Eb" : " Ev"), ONE_BYTE, ANY, opcode, ext, Imm.NONE, (i, e) -> {
            int size = bytes ? 1 : i.opSize;
            if (i.lock) {
                Locked.emit(e, i, Locked.UNARY + op, size, Cpu.ZERO);
                return;
            }
            int at = Operands.beginModify(e, i, size, Cpu.T0);
            e.add(Unary.of(op, size, at));
            Operands.finishModify(e, i, size, at);
        });
        t.allowLock();
    }

    /** XOR of a register with itself. {@code scale} is the size code. */
    static final class Clear extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = 0;
            c.ccDst = 0;
            c.ccOp = Flags.LOGIC | scale;
        }
    }
}
