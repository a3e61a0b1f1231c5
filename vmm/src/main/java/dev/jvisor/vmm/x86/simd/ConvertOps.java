package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.cpu.X87Errors;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;

/** Comparisons, and conversions between singles, doubles and integers. */
final class ConvertOps {
    private static final long LOW = 0xFFFFFFFFL;
    private static final Vex L128 = Vex.l128(CpuFeature.AVX);
    private static final Vex L256 = Vex.l256(CpuFeature.AVX);
    private static final Vex SCALAR = Vex.lIgnored(CpuFeature.AVX);

    private ConvertOps() { }

    static void register(SimdTable s) {
        compare(s);
        formats(s);
        packedIntegers(s);
        scalarIntegers(s);
        mmxIntegers(s);
    }

    // ---- comparison

    private static void compare(SimdTable s) {
        comi(s, "UCOMIS", 0x2E, false);
        comi(s, "COMIS", 0x2F, true);
        compare(s, "CMPPS", NP, 16, (c, u, x, d, b, a) -> {
            x[d] = twoMasks(c, x[b], x[a], (int) u.imm);
            x[d + 1] = twoMasks(c, x[b + 1], x[a + 1], (int) u.imm);
        });
        compare(s, "CMPPD", P66, 16, (c, u, x, d, b, a) -> {
            x[d] = maskD(c, x[b], x[a], (int) u.imm);
            x[d + 1] = maskD(c, x[b + 1], x[a + 1], (int) u.imm);
        });
        compare(s, "CMPSS", PF3, 4, (c, u, x, d, b, a) -> {
            x[d] = x[b] & ~LOW | maskS(c, x[b] & LOW, x[a] & LOW, (int) u.imm);
            x[d + 1] = x[b + 1];
        });
        compare(s, "CMPSD", PF2, 8, (c, u, x, d, b, a) -> {
            x[d] = maskD(c, x[b], x[a], (int) u.imm);
            x[d + 1] = x[b + 1];
        });
    }

    /** Legacy instructions have 8 predicates, those behind VEX 32. */
    private static void compare(SimdTable s, String name, int prefix, int size, FloatLane lane) {
        String w = SimdTable.operand(size);
        s.defImm(name + " Vdq," + w + ",Ib", M0F, prefix, 0xC2, (i, e) -> {
            int from = Operands.xmm(i, e, size);
            Uop u = e.add(new FloatUop.Sse(lane));
            u.d = i.reg * 2;
            u.a = from;
            u.imm = i.imm & 7;
        });
        if (size == 16) {
            s.three("V" + name, M0F, prefix, 0xC2, L128, L256, Imm.BYTE,
                    (i, e, a) -> SimdTable.operands(i, a, FloatUop.vex(i, lane), e).imm = i.imm & 31);
        } else {
            s.vexImm("V" + name + " Vdq,Hdq," + w + ",Ib", M0F, prefix, 0xC2, SCALAR,
                    (i, e) -> SimdTable.operands(i, Operands.vex(i, e, size), new FloatUop.Vex128(lane), e).imm = i.imm & 31);
        }
    }

    private static void comi(SimdTable s, String name, int op, boolean signalAll) {
        comi(s, name + "D", P66, op, 8, (c, u) -> {
            Mxcsr.begin(c);
            int order = FloatMath.compareD(c, c.xmm[u.d], c.xmm[u.a], signalAll);
            Mxcsr.commit(c, u);
            setFlags(c, order);
        });
        comi(s, name + "S", NP, op, 4, (c, u) -> {
            Mxcsr.begin(c);
            int order = FloatMath.compareS(c, c.xmm[u.d] & LOW, c.xmm[u.a] & LOW, signalAll);
            Mxcsr.commit(c, u);
            setFlags(c, order);
        });
    }

    private static void comi(SimdTable s, String name, int prefix, int op, int size, Semantic f) {
        s.xmm(name, M0F, prefix, op, size, f);
        s.vex("V" + name + " Vdq," + SimdTable.operand(size), M0F, prefix, op, SCALAR.two(), (i, e) -> {
            int from = Operands.vex(i, e, size);
            e.call(f, i.reg * 2, from, 0, 0);
        });
    }

    private static void setFlags(Cpu c, int order) {
        Flags.setStatus(c, switch (order) {
            case -1 -> Flags.CF;
            case 0 -> Flags.ZF;
            case 1 -> 0;
            default -> Flags.ZF | Flags.PF | Flags.CF;
        });
    }

    private static long maskD(Cpu c, long a, long b, int predicate) {
        return Predicate.holds(predicate, FloatMath.compareD(c, a, b, Predicate.signalsAll(predicate))) ? -1L : 0;
    }

    private static long maskS(Cpu c, long a, long b, int predicate) {
        return Predicate.holds(predicate, FloatMath.compareS(c, a, b, Predicate.signalsAll(predicate))) ? LOW : 0;
    }

    private static long twoMasks(Cpu c, long a, long b, int predicate) {
        return maskS(c, a & LOW, b & LOW, predicate) | maskS(c, a >>> 32, b >>> 32, predicate) << 32;
    }

    // ---- between formats

    private static void formats(SimdTable s) {
        widening(s, "CVTPS2PD", NP, 0x5A, FloatMath::singleToDouble);
        narrowing(s, "CVTPD2PS", P66, 0x5A, FloatMath::doubleToSingle);
        s.scalar("CVTSS2SD", M0F, PF3, 0x5A, 4, (c, u, x, d, b, a) -> {
            x[d] = FloatMath.singleToDouble(c, x[a] & LOW);
            x[d + 1] = x[b + 1];
        });
        s.scalar("CVTSD2SS", M0F, PF2, 0x5A, 8, (c, u, x, d, b, a) -> {
            x[d] = x[b] & ~LOW | FloatMath.doubleToSingle(c, x[a]);
            x[d + 1] = x[b + 1];
        });
    }

    /** Converts one element, given and returned as raw bits. */
    @FunctionalInterface
    private interface Conversion {
        long apply(Cpu c, long v);
    }

    /** From the low half of a source, 32 bits an element, to 64 bits an element: 8 bytes to 16, 16 to 32. */
    private static void widening(SimdTable s, String name, int prefix, int op, Conversion f) {
        FloatLane lane = (c, u, x, d, b, a) -> {
            long v = x[a];
            x[d] = f.apply(c, v & LOW);
            x[d + 1] = f.apply(c, v >>> 32);
        };
        s.def(name + " Vdq,W8", M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, 8);
            Uop u = e.add(new FloatUop.Sse(lane));
            u.d = i.reg * 2;
            u.a = from;
        });
        s.vex("V" + name + " Vdq,W8", M0F, prefix, op, L128.two(),
                (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 8), new FloatUop.Vex128(lane), e));
        s.vex("V" + name + " Vqq,Wdq", M0F, prefix, op, L256.two(), (i, e) -> {
            int from = Operands.vex(i, e, 16);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long v0 = f.apply(c, c.xmm[u.a] & LOW);
                long v1 = f.apply(c, c.xmm[u.a] >>> 32);
                long v2 = f.apply(c, c.xmm[u.a + 1] & LOW);
                long v3 = f.apply(c, c.xmm[u.a + 1] >>> 32);
                Mxcsr.commit(c, u);
                c.xmm[u.d] = v0;
                c.xmm[u.d + 1] = v1;
                c.ymmHigh[u.d] = v2;
                c.ymmHigh[u.d + 1] = v3;
            }, i.reg * 2, from, 0, 0);
        });
    }

    /** From 64 bits an element to 32, into the low half: 16 bytes to 8, 32 to 16. */
    private static void narrowing(SimdTable s, String name, int prefix, int op, Conversion f) {
        FloatLane lane = (c, u, x, d, b, a) -> {
            x[d] = f.apply(c, x[a]) & LOW | f.apply(c, x[a + 1]) << 32;
            x[d + 1] = 0;
        };
        s.def(name + " Vdq,Wdq", M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(new FloatUop.Sse(lane));
            u.d = i.reg * 2;
            u.a = from;
        });
        s.vex("V" + name + " Vdq,Wdq", M0F, prefix, op, L128.two(),
                (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 16), new FloatUop.Vex128(lane), e));
        s.vex("V" + name + " Vdq,Wqq", M0F, prefix, op, L256.two(), (i, e) -> {
            int from = Operands.vex(i, e, 32);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long low = f.apply(c, c.xmm[u.a]) & LOW | f.apply(c, c.xmm[u.a + 1]) << 32;
                long high = f.apply(c, c.ymmHigh[u.a]) & LOW | f.apply(c, c.ymmHigh[u.a + 1]) << 32;
                Mxcsr.commit(c, u);
                c.xmm[u.d] = low;
                c.xmm[u.d + 1] = high;
                c.ymmHigh[u.d] = 0;
                c.ymmHigh[u.d + 1] = 0;
            }, i.reg * 2, from, 0, 0);
        });
    }

    // ---- packed integers

    private static long singlesToInts(Cpu c, long v, int mode) {
        return FloatMath.singleToLong(c, v & LOW, 32, mode) & LOW | FloatMath.singleToLong(c, v >>> 32, 32, mode) << 32;
    }

    private static long doublesToInts(Cpu c, long low, long high, int mode) {
        return FloatMath.doubleToLong(c, low, 32, mode) & LOW | FloatMath.doubleToLong(c, high, 32, mode) << 32;
    }

    private static long intsToSingles(Cpu c, long v) {
        return FloatMath.longToSingle(c, (int) v) | FloatMath.longToSingle(c, v >> 32) << 32;
    }

    private static void packedIntegers(SimdTable s) {
        s.unaryFloat("CVTDQ2PS", M0F, NP, 0x5B, (c, u, x, d, b, a) -> {
            x[d] = intsToSingles(c, x[a]);
            x[d + 1] = intsToSingles(c, x[a + 1]);
        });
        s.unaryFloat("CVTPS2DQ", M0F, P66, 0x5B, (c, u, x, d, b, a) -> {
            x[d] = singlesToInts(c, x[a], Mxcsr.rounding(c));
            x[d + 1] = singlesToInts(c, x[a + 1], Mxcsr.rounding(c));
        });
        s.unaryFloat("CVTTPS2DQ", M0F, PF3, 0x5B, (c, u, x, d, b, a) -> {
            x[d] = singlesToInts(c, x[a], Mxcsr.ZERO);
            x[d + 1] = singlesToInts(c, x[a + 1], Mxcsr.ZERO);
        });
        narrowing(s, "CVTPD2DQ", PF2, 0xE6, (c, v) -> FloatMath.doubleToLong(c, v, 32, Mxcsr.rounding(c)));
        narrowing(s, "CVTTPD2DQ", P66, 0xE6, (c, v) -> FloatMath.doubleToLong(c, v, 32, Mxcsr.ZERO));
        widening(s, "CVTDQ2PD", PF3, 0xE6, (c, v) -> FloatMath.intToDouble((int) v));
    }

    // ---- general registers

    private static void scalarIntegers(SimdTable s) {
        s.def("CVTSI2SS Vss,Ey", M0F, PF3, 0x2A, (i, e) -> {
            SimdChecks.emitSse(e);
            int from = Operands.general(i, e, i.wSize());
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long r = FloatMath.longToSingle(c, u.imm == 8 ? c.r[u.a] : (int) c.r[u.a]);
                Mxcsr.commit(c, u);
                c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
            }, i.reg * 2, from, 0, i.wSize());
        });
        s.def("CVTSI2SD Vsd,Ey", M0F, PF2, 0x2A, (i, e) -> {
            SimdChecks.emitSse(e);
            int from = Operands.general(i, e, i.wSize());
            Uop u = e.add(i.wSize() == 8 ? new LongToDouble() : new IntToDouble());
            u.d = i.reg * 2;
            u.a = from;
        });
        s.vex("VCVTSI2SS Vdq,Hdq,Ey", M0F, PF3, 0x2A, SCALAR, (i, e) -> fromGeneral(i, e, (c, v) -> FloatMath.longToSingle(c, v), ~LOW));
        s.vex("VCVTSI2SD Vdq,Hdq,Ey", M0F, PF2, 0x2A, SCALAR, (i, e) -> fromGeneral(i, e, (c, v) -> FloatMath.longToDouble(c, v), 0));
        toGeneral(s, "CVTTSS2SI", PF3, 0x2C, 4, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.singleToLong(c, c.xmm[u.a] & LOW, u.b, Mxcsr.ZERO);
            Mxcsr.commit(c, u);
            c.r[u.d] = r & u.imm;
        });
        toGeneral(s, "CVTSS2SI", PF3, 0x2D, 4, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.singleToLong(c, c.xmm[u.a] & LOW, u.b, Mxcsr.rounding(c));
            Mxcsr.commit(c, u);
            c.r[u.d] = r & u.imm;
        });
        toGeneral(s, "CVTTSD2SI", PF2, 0x2C, 8, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.doubleToLong(c, c.xmm[u.a], u.b, Mxcsr.ZERO);
            Mxcsr.commit(c, u);
            c.r[u.d] = r & u.imm;
        });
        toGeneral(s, "CVTSD2SI", PF2, 0x2D, 8, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.doubleToLong(c, c.xmm[u.a], u.b, Mxcsr.rounding(c));
            Mxcsr.commit(c, u);
            c.r[u.d] = r & u.imm;
        });
    }

    /** Emits a conversion of a signed integer behind VEX. @param keep bits of the first source's low half that stay */
    private static void fromGeneral(Insn i, Emitter e, Conversion f, long keep) {
        SimdChecks.emitAvx(e);
        int from = Operands.general(i, e, i.wSize());
        boolean wide = i.wSize() == 8;
        Uop u = e.call((c, x) -> {
            Mxcsr.begin(c);
            long r = f.apply(c, wide ? c.r[x.a] : (int) c.r[x.a]);
            Mxcsr.commit(c, x);
            c.xmm[x.d] = c.xmm[x.b] & x.imm | r;
            c.xmm[x.d + 1] = c.xmm[x.b + 1];
            c.ymmHigh[x.d] = 0;
            c.ymmHigh[x.d + 1] = 0;
        });
        u.d = i.reg * 2;
        u.a = from;
        u.b = i.vvvv * 2;
        u.imm = keep;
    }

    private static void toGeneral(SimdTable s, String name, int prefix, int op, int size, Semantic f) {
        s.def(name + " Gy,W" + size, M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, size);
            e.call(f, i.reg, from, i.wSize() * 8, i.wSize() == 8 ? -1L : LOW);
        });
        s.vex("V" + name + " Gy,W" + size, M0F, prefix, op, SCALAR.two(), (i, e) -> {
            int from = Operands.vex(i, e, size);
            e.call(f, i.reg, from, i.wSize() * 8, i.wSize() == 8 ? -1L : LOW);
        });
    }

    /** CVTSI2SD from 32 bits: always exact. */
    static final class IntToDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = FloatMath.intToDouble((int) c.r[a]);
        }
    }

    /** CVTSI2SD from 64 bits. */
    static final class LongToDouble extends Uop {
        @Override
        public void exec(Cpu c) {
            Mxcsr.begin(c);
            long r = FloatMath.longToDouble(c, c.r[a]);
            Mxcsr.commit(c, this);
            c.xmm[d] = r;
        }
    }

    // ---- MMX registers

    private static void mmxIntegers(SimdTable s) {
        s.def("CVTPI2PS Vq,Qq", M0F, NP, 0x2A, (i, e) -> {
            fromMmx(i, e);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long r = intsToSingles(c, c.xmm[u.a]);
                enterIf(c, u);
                Mxcsr.commit(c, u);
                c.xmm[u.d] = r;
            }, i.reg * 2, Operands.TX, i.isMem() ? 0 : 1, 0);
        });
        s.def("CVTPI2PD Vpd,Qq", M0F, P66, 0x2A, (i, e) -> {
            fromMmx(i, e);
            e.call((c, u) -> {
                long v = c.xmm[u.a];
                c.xmm[u.d] = FloatMath.intToDouble((int) v);
                c.xmm[u.d + 1] = FloatMath.intToDouble((int) (v >> 32));
                enterIf(c, u);
            }, i.reg * 2, Operands.TX, i.isMem() ? 0 : 1, 0);
        });
        toMmx(s, "CVTTPS2PI", NP, 0x2C, 8, (c, u) -> singlesToInts(c, c.xmm[u.a], Mxcsr.ZERO));
        toMmx(s, "CVTPS2PI", NP, 0x2D, 8, (c, u) -> singlesToInts(c, c.xmm[u.a], Mxcsr.rounding(c)));
        toMmx(s, "CVTTPD2PI", P66, 0x2C, 16, (c, u) -> doublesToInts(c, c.xmm[u.a], c.xmm[u.a + 1], Mxcsr.ZERO));
        toMmx(s, "CVTPD2PI", P66, 0x2D, 16, (c, u) -> doublesToInts(c, c.xmm[u.a], c.xmm[u.a + 1], Mxcsr.rounding(c)));
    }

    /** Brings the source into TX. From memory these do not touch the x87 (measured on an AMD processor for
     * CVTPI2PS too, where the SDM would have it otherwise). */
    private static void fromMmx(Insn i, Emitter e) {
        SimdChecks.emitSse(e);
        if (i.isMem()) {
            Operands.load(i, e, 8);
        } else {
            Operands.mmx(i, e, 8);
        }
    }

    private static void enterIf(Cpu c, Uop u) {
        if (u.b != 0) {
            Mmx.enter(c);
        }
    }

    /** Computes an MMX value. */
    @FunctionalInterface
    private interface ToMmx {
        long apply(Cpu c, Uop u);
    }

    private static void toMmx(SimdTable s, String name, int prefix, int op, int size, ToMmx f) {
        s.def(name + " Pq,W" + size, M0F, prefix, op, (i, e) -> {
            // What waits in the x87 comes before a fault of the operand.
            SimdChecks.emitSse(e);
            e.call(X87Errors::heed);
            int from = Operands.xmm(i, e, size);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long r = f.apply(c, u);
                // The x87 is taken over even by one that ends in an exception, as on AMD's processors.
                Mmx.enter(c);
                Mxcsr.commit(c, u);
                Mmx.set(c, u.d, r);
            }, i.reg & 7, from, 0, 0);
        });
    }
}
