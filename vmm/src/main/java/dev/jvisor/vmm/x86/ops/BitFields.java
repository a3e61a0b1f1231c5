package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.NP;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.P66;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.PF2;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.PF3;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.V0F38;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.V0F3A;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.Vex;

/** BMI1 and BMI2: the VEX-encoded instructions on general registers. */
final class BitFields {
    /** Computes a result from the r/m operand and VEX.vvvv, both zero-extended; may set flags. */
    @FunctionalInterface
    private interface Operation {
        long apply(Cpu c, long rm, long v, int size);
    }

    private BitFields() { }

    static void register(OpcodeTable t) {
        Vex bmi1 = Vex.l128(CpuFeature.BMI1);
        Vex bmi2 = Vex.l128(CpuFeature.BMI2);
        t.vex("ANDN Gy,By,Ey", V0F38, NP, 0xF2, bmi1, Imm.NONE, (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> logic(c, ~v & rm, size)));
        t.vexGroup("BLSR By,Ey", V0F38, NP, 0xF3, 1, bmi1, Imm.NONE,
                (i, e) -> emit(e, i, i.vvvv, (c, rm, v, size) -> withCarry(c, rm & rm - 1, rm == 0, size)));
        t.vexGroup("BLSMSK By,Ey", V0F38, NP, 0xF3, 2, bmi1, Imm.NONE,
                (i, e) -> emit(e, i, i.vvvv, (c, rm, v, size) -> withCarry(c, rm ^ rm - 1, rm == 0, size)));
        t.vexGroup("BLSI By,Ey", V0F38, NP, 0xF3, 3, bmi1, Imm.NONE,
                (i, e) -> emit(e, i, i.vvvv, (c, rm, v, size) -> withCarry(c, rm & -rm, rm != 0, size)));
        t.vex("BZHI Gy,Ey,By", V0F38, NP, 0xF5, bmi2, Imm.NONE, (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> {
            int n = (int) v & 0xFF;
            return withCarry(c, n >= 8 * size ? rm : rm & (1L << n) - 1, n >= 8 * size, size);
        }));
        t.vex("PEXT Gy,By,Ey", V0F38, PF3, 0xF5, bmi2, Imm.NONE, (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> Long.compress(v, rm)));
        t.vex("PDEP Gy,By,Ey", V0F38, PF2, 0xF5, bmi2, Imm.NONE, (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> Long.expand(v, rm)));
        t.vex("MULX Gy,By,Ey", V0F38, PF2, 0xF6, bmi2, Imm.NONE, BitFields::multiply);
        t.vex("BEXTR Gy,Ey,By", V0F38, NP, 0xF7, bmi1, Imm.NONE, (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> {
            int start = (int) v & 0xFF;
            int length = (int) (v >>> 8) & 0xFF;
            long field = start >= 64 ? 0 : rm >>> start;
            return logic(c, length >= 64 ? field : field & (1L << length) - 1, size);
        }));
        t.vex("SHLX Gy,Ey,By", V0F38, P66, 0xF7, bmi2, Imm.NONE,
                (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> rm << (v & 8 * size - 1)));
        t.vex("SARX Gy,Ey,By", V0F38, PF3, 0xF7, bmi2, Imm.NONE,
                (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> (size == 8 ? rm : (int) rm) >> (v & 8 * size - 1)));
        t.vex("SHRX Gy,Ey,By", V0F38, PF2, 0xF7, bmi2, Imm.NONE,
                (i, e) -> emit(e, i, i.reg, (c, rm, v, size) -> rm >>> (v & 8 * size - 1)));
        t.vex("RORX Gy,Ey,Ib", V0F3A, PF2, 0xF0, bmi2.two(), Imm.BYTE, (i, e) -> {
            int n = (int) i.imm;
            emit(e, i, i.reg, (c, rm, v, size) -> size == 8 ? Long.rotateRight(rm, n) : Integer.rotateRight((int) rm, n));
        });
    }

    private static void emit(Emitter e, Insn i, int d, Operation f) {
        int size = i.wSize();
        int src = Operands.sourceRm(e, i, size, Cpu.T0);
        long mask = size == 8 ? -1L : 0xFFFFFFFFL;
        e.call((c, u) -> c.r[u.d] = f.apply(c, c.r[u.a] & mask, c.r[u.b] & mask, size) & mask, d, src, i.vvvv, 0);
    }

    private static long signed(long v, int size) {
        return size == 8 ? v : (int) v;
    }

    private static long logic(Cpu c, long v, int size) {
        c.ccDst = signed(v, size);
        c.ccOp = Flags.LOGIC | (size == 8 ? 3 : 2);
        return v;
    }

    private static long withCarry(Cpu c, long v, boolean carry, int size) {
        long s = signed(v, size);
        Flags.setStatus(c, (carry ? Flags.CF : 0) | (s == 0 ? Flags.ZF : 0) | (s < 0 ? Flags.SF : 0));
        return v;
    }

    private static void multiply(Insn i, Emitter e) {
        int src = Operands.sourceRm(e, i, i.wSize(), Cpu.T0);
        Uop u = i.wSize() == 8 ? e.call((c, m) -> {
            long x = c.r[Cpu.RDX];
            long y = c.r[m.a];
            c.r[m.b] = x * y;
            c.r[m.d] = Math.unsignedMultiplyHigh(x, y);
        }) : e.call((c, m) -> {
            long v = (c.r[Cpu.RDX] & 0xFFFFFFFFL) * (c.r[m.a] & 0xFFFFFFFFL);
            c.r[m.b] = v & 0xFFFFFFFFL;
            c.r[m.d] = v >>> 32;
        });
        u.d = i.reg;
        u.a = src;
        u.b = i.vvvv;
    }
}
