package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import java.util.function.LongBinaryOperator;
import java.util.function.Supplier;

/** The opcode table, with ways to define the shapes that most of this package's instructions have. */
final class SimdTable {
    static final int M0F = OpcodeTable.M0F, M38 = OpcodeTable.M0F38, M3A = OpcodeTable.M0F3A;
    static final int NP = OpcodeTable.NP, P66 = OpcodeTable.P66, PF3 = OpcodeTable.PF3, PF2 = OpcodeTable.PF2;

    final OpcodeTable t;

    SimdTable(OpcodeTable t) {
        this.t = t;
    }

    /** Any shape; there is a ModRM byte. */
    void def(String name, int map, int prefix, int op, Opcode.Translator x) {
        t.def(name, map, prefix, op, true, Imm.NONE, x);
    }

    /** Any shape with ModRM and an immediate byte. */
    void defImm(String name, int map, int prefix, int op, Opcode.Translator x) {
        t.def(name, map, prefix, op, true, Imm.BYTE, x);
    }

    /** {@code f(d, a)}: XMM register, XMM register or memory of {@code size} as {@link Operands#xmm}. */
    void xmm(String name, int map, int prefix, int op, int size, Semantic f) {
        def(name + " Vdq," + operand(size), map, prefix, op, (i, e) -> {
            int s = Operands.xmm(i, e, size);
            e.call(f, i.reg * 2, s, 0, 0);
        });
    }

    /** {@code f(d, a, imm)}. */
    void xmmImm(String name, int map, int prefix, int op, int size, Semantic f) {
        defImm(name + " Vdq," + operand(size) + ",Ib", map, prefix, op, (i, e) -> {
            int s = Operands.xmm(i, e, size);
            e.call(f, i.reg * 2, s, 0, i.imm & 0xFF);
        });
    }

    /** As {@link #xmm}, with a micro-op class of its own. */
    void xmmHot(String name, int map, int prefix, int op, int size, Supplier<Uop> make) {
        def(name + " Vdq," + operand(size), map, prefix, op, (i, e) -> {
            int s = Operands.xmm(i, e, size);
            Uop u = e.add(make.get());
            u.d = i.reg * 2;
            u.a = s;
        });
    }

    /** {@code f(d)} with the source in {@code xmm[TX]}: MMX register, MMX register or memory of {@code size}. */
    void mmx(String name, int map, int op, int size, Semantic f) {
        def(name + " Pq,Qq", map, NP, op, (i, e) -> {
            Operands.mmx(i, e, size);
            e.call(f, i.reg & 7, Operands.TX, 0, 0);
        });
    }

    /** As {@link #mmx}, with an immediate. */
    void mmxImm(String name, int map, int op, Semantic f) {
        defImm(name + " Pq,Qq,Ib", map, NP, op, (i, e) -> {
            Operands.mmx(i, e, 8);
            e.call(f, i.reg & 7, Operands.TX, 0, i.imm & 0xFF);
        });
    }

    /** An operation on each 64 bits: MMX and, with 66, XMM. */
    void both(String name, int map, int op, LongBinaryOperator f) {
        mmx(name, map, op, 8, onMmx(f));
        xmm(name, map, P66, op, 16, onXmm(f));
    }

    /** An operation on each 64 bits of XMM, with 66. */
    void only(String name, int map, int op, LongBinaryOperator f) {
        xmm(name, map, P66, op, 16, onXmm(f));
    }

    /** {@return a meaning that applies {@code f} to each half of two XMM registers} */
    static Semantic onXmm(LongBinaryOperator f) {
        return (c, u) -> {
            long[] x = c.xmm;
            int d = u.d;
            int a = u.a;
            x[d] = f.applyAsLong(x[d], x[a]);
            x[d + 1] = f.applyAsLong(x[d + 1], x[a + 1]);
        };
    }

    /** {@return a meaning that applies {@code f} to two MMX registers} */
    static Semantic onMmx(LongBinaryOperator f) {
        return (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], c.xmm[u.a]));
    }

    private static String operand(int size) {
        return switch (size) {
            case 16 -> "Wdq";
            case -16 -> "Wdq(any)";
            default -> "W" + size;
        };
    }
}
