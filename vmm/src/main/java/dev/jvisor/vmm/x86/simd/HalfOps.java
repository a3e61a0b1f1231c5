package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.VEX_MAP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;

/** F16C: VCVTPH2PS and VCVTPS2PH (Intel SDM 1, 14.4). */
final class HalfOps {
    private static final long LOW = 0xFFFFFFFFL;
    private static final Vex L128 = Vex.l128(CpuFeature.F16C).w(0).two();
    private static final Vex L256 = Vex.l256(CpuFeature.F16C).w(0).two();

    private HalfOps() { }

    static void register(SimdTable s) {
        s.vex("VCVTPH2PS Vdq,W8", M38, P66, 0x13, L128, (i, e) -> {
            int a = Operands.vex(i, e, 8);
            e.call((c, u) -> toSingles(c, u, false), i.reg * 2, a, 0, 0);
        });
        s.vex("VCVTPH2PS Vqq,Wdq", M38, P66, 0x13, L256, (i, e) -> {
            int a = Operands.vex(i, e, 16);
            e.call((c, u) -> toSingles(c, u, true), i.reg * 2, a, 0, 0);
        });
        for (boolean wide : new boolean[] {false, true}) {
            String source = wide ? ",Vqq,Ib" : ",Vdq,Ib";
            s.t.vexReg("VCVTPS2PH Udq" + source, M3A + VEX_MAP, P66, 0x1D, wide ? L256 : L128, Imm.BYTE, (i, e) -> {
                SimdChecks.emitAvx(e);
                e.call((c, u) -> {
                    convert(c, u, (int) u.imm, u.a, wide);
                    c.xmm[u.d] = c.xmm[FloatUop.TD];
                    c.xmm[u.d + 1] = c.xmm[FloatUop.TD + 1];
                    c.ymmHigh[u.d] = 0;
                    c.ymmHigh[u.d + 1] = 0;
                }, i.rm * 2, i.reg * 2, 0, i.imm & 7);
            });
            s.t.vexMem("VCVTPS2PH " + (wide ? "Mdq" : "M8") + source, M3A + VEX_MAP, P66, 0x1D, wide ? L256 : L128, Imm.BYTE, (i, e) -> {
                SimdChecks.emitAvx(e);
                StoreHalves u = Operands.memory(i, e, new StoreHalves(wide, (int) i.imm & 7), wide ? 16 : 8, true);
                u.d = i.reg * 2;
            });
        }
    }

    private static long two(Cpu c, long halves) {
        return IeeeFormat.halfToSingle(c, halves & 0xFFFF) | IeeeFormat.halfToSingle(c, halves >>> 16 & 0xFFFF) << 32;
    }

    private static void toSingles(Cpu c, Uop u, boolean wide) {
        long low = c.xmm[u.a];
        long high = c.xmm[u.a + 1];
        Mxcsr.begin(c);
        long v0 = two(c, low);
        long v1 = two(c, low >>> 32);
        long v2 = wide ? two(c, high) : 0;
        long v3 = wide ? two(c, high >>> 32) : 0;
        Mxcsr.commit(c, u);
        c.xmm[u.d] = v0;
        c.xmm[u.d + 1] = v1;
        c.ymmHigh[u.d] = v2;
        c.ymmHigh[u.d + 1] = v3;
    }

    /**
     * Converts register {@code from} into the temporary TD.
     *
     * @param imm the immediate: bits 0 and 1 are the rounding mode, unless bit 2 asks for MXCSR's
     */
    private static void convert(Cpu c, Uop u, int imm, int from, boolean wide) {
        int mode = (imm & 4) != 0 ? Mxcsr.rounding(c) : imm & 3;
        Mxcsr.begin(c);
        long low = four(c, c.xmm, from, mode);
        long high = wide ? four(c, c.ymmHigh, from, mode) : 0;
        Mxcsr.commit(c, u);
        c.xmm[FloatUop.TD] = low;
        c.xmm[FloatUop.TD + 1] = high;
    }

    private static long four(Cpu c, long[] x, int a, int mode) {
        return IeeeFormat.singleToHalf(c, x[a] & LOW, mode) | IeeeFormat.singleToHalf(c, x[a] >>> 32, mode) << 16
                | IeeeFormat.singleToHalf(c, x[a + 1] & LOW, mode) << 32 | IeeeFormat.singleToHalf(c, x[a + 1] >>> 32, mode) << 48;
    }

    /** VCVTPS2PH to memory: that it can be written is made sure before an exception or a flag can come of it. */
    private static final class StoreHalves extends MemUop {
        private final boolean wide;
        private final int rounding;

        StoreHalves(boolean wide, int rounding) {
            this.wide = wide;
            this.rounding = rounding;
        }

        @Override
        public void exec(Cpu c) {
            long va = va(c);
            c.hostForWrite(va, wide ? 16 : 8, this);
            convert(c, this, rounding, d, wide);
            c.st64(va, c.xmm[FloatUop.TD], this);
            if (wide) {
                c.st64(va + 8, c.xmm[FloatUop.TD + 1], this);
            }
        }
    }
}
