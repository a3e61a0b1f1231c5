package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Uop;

/** An arithmetic or logic step on registers, with the numbers that the opcode map gives the operations. */
public abstract class Alu extends Uop {
    /** Operations, in the order of the opcode map; TEST follows them. */
    public static final int ADD = 0, OR = 1, ADC = 2, SBB = 3, AND = 4, SUB = 5, XOR = 6, CMP = 7, TEST = 8;

    /** Which operation. */
    public final int op;
    /** Whether the second operand is {@code imm}, else {@code r[b]}. */
    public final boolean constant;
    /** Operand size in bytes. */
    public final int size;

    Alu(int op, boolean constant, int size) {
        this.op = op;
        this.constant = constant;
        this.size = size;
    }

    /** {@return a step {@code r[d] = r[a] op r[b]}} */
    static Alu registers(int op, int size, int d, int a, int b) {
        Alu u = switch (size) {
            case 8 -> Alu64.registers(op);
            case 4 -> Alu32.registers(op);
            default -> AluNarrow.registers(op, size);
        };
        u.d = d;
        u.a = a;
        u.b = b;
        return u;
    }

    /** {@return a step {@code r[d] = r[a] op imm}} */
    static Alu constant(int op, int size, int d, int a, long imm) {
        Alu u = switch (size) {
            case 8 -> Alu64.constant(op);
            case 4 -> Alu32.constant(op);
            default -> AluNarrow.constant(op, size);
        };
        u.d = d;
        u.a = a;
        u.imm = imm;
        return u;
    }
}
