package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;

/** Comparisons, and conversions between singles, doubles and integers. */
final class ConvertOps {
    private static final long LOW = 0xFFFFFFFFL;

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
        s.xmmImm("CMPPS", M0F, NP, 0xC2, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = twoMasks(c, c.xmm[u.d], c.xmm[u.a], (int) u.imm);
            long high = twoMasks(c, c.xmm[u.d + 1], c.xmm[u.a + 1], (int) u.imm);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmmImm("CMPPD", M0F, P66, 0xC2, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = maskD(c, c.xmm[u.d], c.xmm[u.a], (int) u.imm);
            long high = maskD(c, c.xmm[u.d + 1], c.xmm[u.a + 1], (int) u.imm);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmmImm("CMPSS", M0F, PF3, 0xC2, 4, (c, u) -> {
            Mxcsr.begin(c);
            long r = maskS(c, c.xmm[u.d] & LOW, c.xmm[u.a] & LOW, (int) u.imm);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
        });
        s.xmmImm("CMPSD", M0F, PF2, 0xC2, 8, (c, u) -> {
            Mxcsr.begin(c);
            long r = maskD(c, c.xmm[u.d], c.xmm[u.a], (int) u.imm);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = r;
        });
    }

    private static void comi(SimdTable s, String name, int op, boolean signalAll) {
        s.xmm(name + "D", M0F, P66, op, 8, (c, u) -> {
            Mxcsr.begin(c);
            int order = FloatMath.compareD(c, c.xmm[u.d], c.xmm[u.a], signalAll);
            Mxcsr.commit(c, u);
            setFlags(c, order);
        });
        s.xmm(name + "S", M0F, NP, op, 4, (c, u) -> {
            Mxcsr.begin(c);
            int order = FloatMath.compareS(c, c.xmm[u.d] & LOW, c.xmm[u.a] & LOW, signalAll);
            Mxcsr.commit(c, u);
            setFlags(c, order);
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

    /** LT, LE, NLT and NLE find quiet NaNs invalid too. */
    private static boolean signalAll(int predicate) {
        return (predicate & 3) == 1 || (predicate & 3) == 2;
    }

    private static boolean holds(int predicate, int order) {
        boolean r = switch (predicate & 3) {
            case 0 -> order == 0;
            case 1 -> order == -1;
            case 2 -> order == -1 || order == 0;
            default -> order == IeeeFormat.UNORDERED;
        };
        return r ^ (predicate & 4) != 0;
    }

    private static long maskD(Cpu c, long a, long b, int predicate) {
        return holds(predicate, FloatMath.compareD(c, a, b, signalAll(predicate))) ? -1L : 0;
    }

    private static long maskS(Cpu c, long a, long b, int predicate) {
        return holds(predicate, FloatMath.compareS(c, a, b, signalAll(predicate))) ? LOW : 0;
    }

    private static long twoMasks(Cpu c, long a, long b, int predicate) {
        return maskS(c, a & LOW, b & LOW, predicate) | maskS(c, a >>> 32, b >>> 32, predicate) << 32;
    }

    // ---- between formats

    private static void formats(SimdTable s) {
        s.xmm("CVTPS2PD", M0F, NP, 0x5A, 8, (c, u) -> {
            long v = c.xmm[u.a];
            Mxcsr.begin(c);
            long low = FloatMath.singleToDouble(c, v & LOW);
            long high = FloatMath.singleToDouble(c, v >>> 32);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmm("CVTPD2PS", M0F, P66, 0x5A, 16, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.doubleToSingle(c, c.xmm[u.a]) | FloatMath.doubleToSingle(c, c.xmm[u.a + 1]) << 32;
            Mxcsr.commit(c, u);
            c.xmm[u.d] = r;
            c.xmm[u.d + 1] = 0;
        });
        s.xmm("CVTSS2SD", M0F, PF3, 0x5A, 4, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.singleToDouble(c, c.xmm[u.a] & LOW);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = r;
        });
        s.xmm("CVTSD2SS", M0F, PF2, 0x5A, 8, (c, u) -> {
            Mxcsr.begin(c);
            long r = FloatMath.doubleToSingle(c, c.xmm[u.a]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
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
        s.xmm("CVTDQ2PS", M0F, NP, 0x5B, 16, (c, u) -> {
            Mxcsr.begin(c);
            long low = intsToSingles(c, c.xmm[u.a]);
            long high = intsToSingles(c, c.xmm[u.a + 1]);
            Mxcsr.commit(c, u);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmm("CVTPS2DQ", M0F, P66, 0x5B, 16, (c, u) -> packedSinglesToInts(c, u, Mxcsr.rounding(c)));
        s.xmm("CVTTPS2DQ", M0F, PF3, 0x5B, 16, (c, u) -> packedSinglesToInts(c, u, Mxcsr.ZERO));
        s.xmm("CVTPD2DQ", M0F, PF2, 0xE6, 16, (c, u) -> packedDoublesToInts(c, u, Mxcsr.rounding(c)));
        s.xmm("CVTTPD2DQ", M0F, P66, 0xE6, 16, (c, u) -> packedDoublesToInts(c, u, Mxcsr.ZERO));
        s.xmm("CVTDQ2PD", M0F, PF3, 0xE6, 8, (c, u) -> {
            long v = c.xmm[u.a];
            c.xmm[u.d] = FloatMath.intToDouble((int) v);
            c.xmm[u.d + 1] = FloatMath.intToDouble((int) (v >> 32));
        });
    }

    private static void packedSinglesToInts(Cpu c, Uop u, int mode) {
        Mxcsr.begin(c);
        long low = singlesToInts(c, c.xmm[u.a], mode);
        long high = singlesToInts(c, c.xmm[u.a + 1], mode);
        Mxcsr.commit(c, u);
        c.xmm[u.d] = low;
        c.xmm[u.d + 1] = high;
    }

    private static void packedDoublesToInts(Cpu c, Uop u, int mode) {
        Mxcsr.begin(c);
        long r = doublesToInts(c, c.xmm[u.a], c.xmm[u.a + 1], mode);
        Mxcsr.commit(c, u);
        c.xmm[u.d] = r;
        c.xmm[u.d + 1] = 0;
    }

    // ---- general registers

    private static void scalarIntegers(SimdTable s) {
        s.def("CVTSI2SS Vss,Ey", M0F, PF3, 0x2A, (i, e) -> {
            SimdChecks.emitSse(e);
            int size = i.rexW() ? 8 : 4;
            int from = Operands.general(i, e, size);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long r = FloatMath.longToSingle(c, u.imm == 8 ? c.r[u.a] : (int) c.r[u.a]);
                Mxcsr.commit(c, u);
                c.xmm[u.d] = c.xmm[u.d] & ~LOW | r;
            }, i.reg * 2, from, 0, size);
        });
        s.def("CVTSI2SD Vsd,Ey", M0F, PF2, 0x2A, (i, e) -> {
            SimdChecks.emitSse(e);
            boolean wide = i.rexW();
            int from = Operands.general(i, e, wide ? 8 : 4);
            Uop u = e.add(wide ? new LongToDouble() : new IntToDouble());
            u.d = i.reg * 2;
            u.a = from;
        });
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

    private static void toGeneral(SimdTable s, String name, int prefix, int op, int size, Semantic f) {
        s.def(name + " Gy,W" + size, M0F, prefix, op, (i, e) -> {
            int from = Operands.xmm(i, e, size);
            e.call(f, i.reg, from, i.rexW() ? 64 : 32, i.rexW() ? -1L : LOW);
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
                Mxcsr.commit(c, u);
                c.xmm[u.d] = r;
                enterIf(c, u);
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
            int from = Operands.xmm(i, e, size);
            e.call(SimdChecks::x87Pending);
            e.call((c, u) -> {
                Mxcsr.begin(c);
                long r = f.apply(c, u);
                Mxcsr.commit(c, u);
                Mmx.set(c, u.d, r);
            }, i.reg & 7, from, 0, 0);
        });
    }
}
