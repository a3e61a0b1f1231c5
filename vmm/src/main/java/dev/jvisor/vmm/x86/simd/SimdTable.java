package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.function.LongBinaryOperator;
import java.util.function.Supplier;

/**
 * The opcode table, with ways to define the shapes that most of this package's instructions have. A shape defines an operation in all its
 * encodings: legacy, VEX.128 and, where the feature for it is named, VEX.256.
 */
final class SimdTable {
    static final int M0F = OpcodeTable.M0F, M38 = OpcodeTable.M0F38, M3A = OpcodeTable.M0F3A;
    static final int NP = OpcodeTable.NP, P66 = OpcodeTable.P66, PF3 = OpcodeTable.PF3, PF2 = OpcodeTable.PF2;
    /** From a legacy map to the same one behind VEX. */
    static final int VEX_MAP = OpcodeTable.V0F - OpcodeTable.M0F;

    final OpcodeTable t;

    SimdTable(OpcodeTable t) {
        this.t = t;
    }

    /** Runs definitions whose legacy encodings belong to {@code feature}; those behind VEX name their own. */
    void with(CpuFeature feature, Runnable definitions) {
        t.with(feature, definitions);
    }

    /** Any shape; there is a ModRM byte. */
    void def(String name, int map, int prefix, int op, Translator x) {
        t.def(name, map, prefix, op, true, Imm.NONE, x);
    }

    /** Any shape with ModRM and an immediate byte. */
    void defImm(String name, int map, int prefix, int op, Translator x) {
        t.def(name, map, prefix, op, true, Imm.BYTE, x);
    }

    /** Any shape behind VEX; {@code map} is the legacy map's number. */
    void vex(String name, int map, int prefix, int op, Vex vex, Translator x) {
        t.vex(name, map + VEX_MAP, prefix, op, vex, Imm.NONE, x);
    }

    /** Any shape behind VEX with an immediate byte. */
    void vexImm(String name, int map, int prefix, int op, Vex vex, Translator x) {
        t.vex(name, map + VEX_MAP, prefix, op, vex, Imm.BYTE, x);
    }

    // ---- legacy only

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

    /** {@return a meaning that applies {@code f} to two MMX registers} */
    static Semantic onMmx(LongBinaryOperator f) {
        return (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], c.xmm[u.a]));
    }

    // ---- lanes

    /** Two sources of 16 or 32 bytes. @param wide the feature that has a 256-bit form, or null */
    void packed(String name, int map, int prefix, int op, CpuFeature wide, Lane f) {
        def(name + " Vdq,Wdq", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new LaneUop.Sse(f))));
        vexPacked("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX), wide == null ? null : Vex.l256(wide), f);
    }

    /** As {@link #packed}, with a legacy micro-op of its own. */
    void packedHot(String name, int map, int prefix, int op, CpuFeature wide, Supplier<Uop> legacy, Lane f) {
        def(name + " Vdq,Wdq", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(legacy.get())));
        vexPacked("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX), Vex.l256(wide), f);
    }

    /** Two sources and an immediate. @param immShift how far the immediate is shifted for the upper lane */
    void packedImm(String name, int map, int prefix, int op, CpuFeature wide, int immShift, Lane f) {
        defImm(name + " Vdq,Wdq,Ib", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new LaneUop.Sse(f))));
        three("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX), wide == null ? null : Vex.l256(wide), Imm.BYTE,
                (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e).scale = immShift);
    }

    /** Two sources behind VEX only. */
    void vexPacked(String name, int map, int prefix, int op, Vex narrow, Vex wide, Lane f) {
        three(name, map, prefix, op, narrow, wide, Imm.NONE, (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e));
    }

    /** Two sources and an immediate, behind VEX only. @param immShift how far the immediate is shifted for the upper lane */
    void vexPackedImm(String name, int map, int prefix, int op, Vex narrow, Vex wide, int immShift, Lane f) {
        three(name, map, prefix, op, narrow, wide, Imm.BYTE, (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e).scale = immShift);
    }

    /** One source of 16 or 32 bytes. */
    void unary(String name, int map, int prefix, int op, CpuFeature wide, Lane f) {
        def(name + " Vdq,Wdq", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new LaneUop.Sse(f))));
        two("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX).two(), wide == null ? null : Vex.l256(wide).two(), Imm.NONE,
                (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e));
    }

    /** One source and an immediate. */
    void unaryImm(String name, int map, int prefix, int op, CpuFeature wide, Lane f) {
        defImm(name + " Vdq,Wdq,Ib", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new LaneUop.Sse(f))));
        two("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX).two(), wide == null ? null : Vex.l256(wide).two(), Imm.BYTE,
                (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e));
    }

    /** One source and an immediate, behind VEX only. @param immShift how far the immediate is shifted for the upper lane */
    void vexUnaryImm(String name, int map, int prefix, int op, Vex narrow, Vex wide, int immShift, Lane f) {
        two(name, map, prefix, op, narrow.two(), wide.two(), Imm.BYTE, (i, e, a) -> operands(i, a, LaneUop.vex(i, f), e).scale = immShift);
    }

    /** An operation on each 64 bits: MMX, and two sources of 16 or 32 bytes. */
    void both(String name, int map, int op, LongBinaryOperator f) {
        mmx(name, map, op, 8, onMmx(f));
        packed(name, map, P66, op, CpuFeature.AVX2, Lane.each(f));
    }

    /** As {@link #both}, of one source: {@code f} ignores its first argument. */
    void bothUnary(String name, int map, int op, LongBinaryOperator f) {
        mmx(name, map, op, 8, onMmx(f));
        unary(name, map, P66, op, CpuFeature.AVX2, Lane.each(f));
    }

    /** An operation on each 64 bits, without an MMX form. */
    void only(String name, int map, int op, LongBinaryOperator f) {
        packed(name, map, P66, op, CpuFeature.AVX2, Lane.each(f));
    }

    // ---- floating-point lanes

    /** Two sources of 16 or 32 bytes. */
    void packedFloat(String name, int map, int prefix, int op, FloatLane f) {
        def(name + " Vdq,Wdq", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new FloatUop.Sse(f))));
        three("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX), Vex.l256(CpuFeature.AVX), Imm.NONE,
                (i, e, a) -> operands(i, a, FloatUop.vex(i, f), e));
    }

    /** One source of 16 or 32 bytes. */
    void unaryFloat(String name, int map, int prefix, int op, FloatLane f) {
        def(name + " Vdq,Wdq", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new FloatUop.Sse(f))));
        two("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX).two(), Vex.l256(CpuFeature.AVX).two(), Imm.NONE,
                (i, e, a) -> operands(i, a, FloatUop.vex(i, f), e));
    }

    /** One source of 16 or 32 bytes, and an immediate. */
    void unaryFloatImm(String name, int map, int prefix, int op, FloatLane f) {
        defImm(name + " Vdq,Wdq,Ib", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new FloatUop.Sse(f))));
        two("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX).two(), Vex.l256(CpuFeature.AVX).two(), Imm.BYTE,
                (i, e, a) -> operands(i, a, FloatUop.vex(i, f), e));
    }

    /** Two sources and an immediate. @param wide the feature that has a 256-bit form, or null */
    void packedFloatImm(String name, int map, int prefix, int op, CpuFeature wide, FloatLane f) {
        defImm(name + " Vdq,Wdq,Ib", map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, 16), e.add(new FloatUop.Sse(f))));
        three("V" + name, map, prefix, op, Vex.l128(CpuFeature.AVX), wide == null ? null : Vex.l256(wide), Imm.BYTE,
                (i, e, a) -> operands(i, a, FloatUop.vex(i, f), e));
    }

    /** The low element of the second source, the rest from the first. @param size bytes of a memory operand */
    void scalar(String name, int map, int prefix, int op, int size, FloatLane f) {
        def(name + " Vdq," + operand(size), map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, size), e.add(new FloatUop.Sse(f))));
        vexScalar("V" + name, map, prefix, op, Vex.lIgnored(CpuFeature.AVX), size, f);
    }

    /** As {@link #scalar}, with a legacy micro-op of its own. */
    void scalarHot(String name, int map, int prefix, int op, int size, Supplier<Uop> legacy, FloatLane f) {
        def(name + " Vdq," + operand(size), map, prefix, op, (i, e) -> sse(i, Operands.xmm(i, e, size), e.add(legacy.get())));
        vexScalar("V" + name, map, prefix, op, Vex.lIgnored(CpuFeature.AVX), size, f);
    }

    /** As {@link #scalar}, with an immediate. */
    void scalarImm(String name, int map, int prefix, int op, int size, FloatLane f) {
        defImm(name + " Vdq," + operand(size) + ",Ib", map, prefix, op,
                (i, e) -> sse(i, Operands.xmm(i, e, size), e.add(new FloatUop.Sse(f))));
        vexImm("V" + name + " Vdq,Hdq," + operand(size) + ",Ib", map, prefix, op, Vex.lIgnored(CpuFeature.AVX),
                (i, e) -> operands(i, Operands.vex(i, e, size), new FloatUop.Vex128(f), e));
    }

    /** As {@link #scalar}, behind VEX only. */
    void vexScalar(String name, int map, int prefix, int op, Vex vex, int size, FloatLane f) {
        vex(name + " Vdq,Hdq," + operand(size), map, prefix, op, vex,
                (i, e) -> operands(i, Operands.vex(i, e, size), new FloatUop.Vex128(f), e));
    }

    // ---- shapes

    /** Emits an instruction whose ModRM operand is in register {@code a}. */
    @FunctionalInterface
    interface Body {
        void emit(Insn i, Emitter e, int a);
    }

    /** Defines V,H,W at both lengths. @param wide null when there is no 256-bit form */
    void three(String name, int map, int prefix, int op, Vex narrow, Vex wide, Imm imm, Body body) {
        String tail = imm == Imm.BYTE ? ",Ib" : "";
        t.vex(name + " Vdq,Hdq,Wdq" + tail, map + VEX_MAP, prefix, op, narrow, imm, (i, e) -> body.emit(i, e, Operands.vex(i, e, 16)));
        if (wide != null) {
            t.vex(name + " Vqq,Hqq,Wqq" + tail, map + VEX_MAP, prefix, op, wide, imm, (i, e) -> body.emit(i, e, Operands.vex(i, e, 32)));
        }
    }

    /** Defines V,W at both lengths. @param wide null when there is no 256-bit form */
    void two(String name, int map, int prefix, int op, Vex narrow, Vex wide, Imm imm, Body body) {
        String tail = imm == Imm.BYTE ? ",Ib" : "";
        t.vex(name + " Vdq,Wdq" + tail, map + VEX_MAP, prefix, op, narrow, imm, (i, e) -> body.emit(i, e, Operands.vex(i, e, 16)));
        if (wide != null) {
            t.vex(name + " Vqq,Wqq" + tail, map + VEX_MAP, prefix, op, wide, imm, (i, e) -> body.emit(i, e, Operands.vex(i, e, 32)));
        }
    }

    /** Adds a step of three operands: ModRM.reg, VEX.vvvv, and {@code a}. {@return the step} */
    static <T extends Uop> T operands(Insn i, int a, T u, Emitter e) {
        e.add(u);
        u.d = i.reg * 2;
        u.b = i.vvvv * 2;
        u.a = a;
        u.imm = i.imm & 0xFF;
        return u;
    }

    private static void sse(Insn i, int a, Uop u) {
        u.d = i.reg * 2;
        u.a = a;
        u.imm = i.imm & 0xFF;
    }

    static String operand(int size) {
        return switch (size) {
            case 16 -> "Wdq";
            case -16 -> "Wdq(any)";
            case 32 -> "Wqq";
            default -> "W" + size;
        };
    }
}
