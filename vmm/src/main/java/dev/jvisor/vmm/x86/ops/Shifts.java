package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD and SHRD. */
final class Shifts {
    private static final String[] NAMES = {"ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SAL", "SAR"};

    private Shifts() { }

    static void register(OpcodeTable t) {
        for (int k = 0; k < 8; k++) {
            int op = k;
            String n = NAMES[k];
            t.group(n + " Eb,Ib", ONE_BYTE, ANY, 0xC0, k, Imm.BYTE, (i, e) -> byConstant(e, i, op, 1, (int) i.imm));
            t.group(n + " Ev,Ib", ONE_BYTE, ANY, 0xC1, k, Imm.BYTE, (i, e) -> byConstant(e, i, op, i.opSize, (int) i.imm));
            t.group(n + " Eb,1", ONE_BYTE, ANY, 0xD0, k, Imm.NONE, (i, e) -> byConstant(e, i, op, 1, 1));
            t.group(n + " Ev,1", ONE_BYTE, ANY, 0xD1, k, Imm.NONE, (i, e) -> byConstant(e, i, op, i.opSize, 1));
            t.group(n + " Eb,CL", ONE_BYTE, ANY, 0xD2, k, Imm.NONE, (i, e) -> byCl(e, i, op, 1));
            t.group(n + " Ev,CL", ONE_BYTE, ANY, 0xD3, k, Imm.NONE, (i, e) -> byCl(e, i, op, i.opSize));
        }
        for (int k = 0; k < 2; k++) {
            boolean left = k == 0;
            String n = left ? "SHLD" : "SHRD";
            t.def(n + " Ev,Gv,Ib", M0F, ANY, 0xA4 + 8 * k, true, Imm.BYTE, (i, e) -> {
                Operands.constant(e, Cpu.T1, i.imm);
                twice(e, i, left, Cpu.T1);
            });
            t.def(n + " Ev,Gv,CL", M0F, ANY, 0xA5 + 8 * k, true, Imm.NONE, (i, e) -> twice(e, i, left, Cpu.RCX));
        }
    }

    private static void byConstant(Emitter e, Insn i, int op, int size, int immediate) {
        int count = immediate & (size == 8 ? 63 : 31);
        int at = Operands.beginModify(e, i, size, Cpu.T0);
        Uop u = e.add(count == 0 ? new ShiftUops.Nothing(size) : ShiftUops.constant(op, size, count));
        u.d = at;
        u.imm = count;
        Operands.finishModify(e, i, size, at);
    }

    private static void byCl(Emitter e, Insn i, int op, int size) {
        int at = Operands.beginModify(e, i, size, Cpu.T0);
        e.add(new ShiftUops.ByCl(op, size)).d = at;
        Operands.finishModify(e, i, size, at);
    }

    private static void twice(Emitter e, Insn i, boolean left, int count) {
        int at = Operands.beginModify(e, i, i.opSize, Cpu.T0);
        Uop u = e.add(new ShiftUops.Double(left, i.opSize));
        u.d = at;
        u.a = i.reg;
        u.b = count;
        Operands.finishModify(e, i, i.opSize, at);
    }
}
