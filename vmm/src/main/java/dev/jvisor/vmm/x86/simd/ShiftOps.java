package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.function.LongBinaryOperator;

/** Shifts of packed integers: by an immediate, by one count for all lanes, by a count for each, and of whole lanes by bytes. */
final class ShiftOps {
    private ShiftOps() { }

    static void register(SimdTable s) {
        shift(s, "PSRLW", 0xD1, 0x71, 2, Swar::srlW);
        shift(s, "PSRAW", 0xE1, 0x71, 4, Swar::sraW);
        shift(s, "PSLLW", 0xF1, 0x71, 6, Swar::sllW);
        shift(s, "PSRLD", 0xD2, 0x72, 2, Swar::srlD);
        shift(s, "PSRAD", 0xE2, 0x72, 4, Swar::sraD);
        shift(s, "PSLLD", 0xF2, 0x72, 6, Swar::sllD);
        shift(s, "PSRLQ", 0xD3, 0x73, 2, Swar::srlQ);
        shift(s, "PSLLQ", 0xF3, 0x73, 6, Swar::sllQ);
        byImmediate(s, "PSRLDQ", 0x73, 3, ShiftOps::rightBytes);
        byImmediate(s, "PSLLDQ", 0x73, 7, ShiftOps::leftBytes);
        each(s, "VPSRLVD", 0x45, 0, ShiftOps::srlEachD);
        each(s, "VPSRLVQ", 0x45, 1, Swar::srlQ);
        each(s, "VPSRAVD", 0x46, 0, ShiftOps::sraEachD);
        each(s, "VPSLLVD", 0x47, 0, ShiftOps::sllEachD);
        each(s, "VPSLLVQ", 0x47, 1, Swar::sllQ);
    }

    // ---- one count for all

    private static void shift(SimdTable s, String name, int op, int groupOp, int ext, LongBinaryOperator f) {
        Lane lane = (x, d, b, a, n) -> {
            x[d] = f.applyAsLong(x[b], n);
            x[d + 1] = f.applyAsLong(x[b + 1], n);
        };
        s.mmx(name, M0F, op, 8, SimdTable.onMmx(f));
        s.def(name + " Vdq,Wdq", M0F, P66, op, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(new ByRegister(lane, false, false));
            u.d = i.reg * 2;
            u.b = i.reg * 2;
            u.a = from;
        });
        s.vex("V" + name + " Vdq,Hdq,Wdq", M0F, P66, op, Vex.l128(CpuFeature.AVX),
                (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 16), new ByRegister(lane, true, false), e));
        s.vex("V" + name + " Vqq,Hqq,Wdq", M0F, P66, op, Vex.l256(CpuFeature.AVX2),
                (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 16), new ByRegister(lane, true, true), e));
        s.t.groupReg(name + " Nq,Ib", M0F, NP, groupOp, ext, Imm.BYTE, (i, e) -> {
            e.call(SimdChecks::mmx);
            e.call((c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], u.imm)), i.rm & 7, 0, 0, i.imm & 0xFF);
        });
        byImmediate(s, name, groupOp, ext, lane);
    }

    /** ModRM.rm is the source; the destination is VEX.vvvv, or in the legacy form the source. */
    private static void byImmediate(SimdTable s, String name, int op, int ext, Lane lane) {
        s.t.groupReg(name + " Udq,Ib", M0F, P66, op, ext, Imm.BYTE, (i, e) -> {
            SimdChecks.emitSse(e);
            Uop u = e.add(new LaneUop.Sse(lane));
            u.d = i.rm * 2;
            u.imm = i.imm & 0xFF;
        });
        for (boolean wide : new boolean[] {false, true}) {
            Vex vex = wide ? Vex.l256(CpuFeature.AVX2) : Vex.l128(CpuFeature.AVX);
            s.t.vexGroupReg("V" + name + (wide ? " Hqq,Uqq,Ib" : " Hdq,Udq,Ib"), M0F + SimdTable.VEX_MAP, P66, op, ext, vex, Imm.BYTE, (i, e) -> {
                SimdChecks.emitAvx(e);
                Uop u = e.add(LaneUop.vex(i, lane));
                u.d = i.vvvv * 2;
                u.b = i.rm * 2;
                u.imm = i.imm & 0xFF;
            });
        }
    }

    /** Shifts register {@code b} by the count in the low half of {@code a}; any that is beyond all widths is as good as 255. */
    static final class ByRegister extends Uop {
        private final Lane lane;
        private final boolean vex;
        private final boolean wide;

        ByRegister(Lane lane, boolean vex, boolean wide) {
            this.lane = lane;
            this.vex = vex;
            this.wide = wide;
        }

        @Override
        public void exec(Cpu c) {
            long n = c.xmm[a];
            int count = n < 0 || n > 255 ? 255 : (int) n;
            lane.apply(c.xmm, d, b, a, count);
            if (wide) {
                lane.apply(c.ymmHigh, d, b, a, count);
            } else if (vex) {
                c.ymmHigh[d] = 0;
                c.ymmHigh[d + 1] = 0;
            }
        }
    }

    private static void rightBytes(long[] x, int d, int s, int a, int bytes) {
        long low = x[s];
        long high = x[s + 1];
        int n = Math.min(bytes, 16) * 8;
        x[d] = n == 0 ? low : n < 64 ? low >>> n | high << 64 - n : Swar.srlQ(high, n - 64);
        x[d + 1] = Swar.srlQ(high, n);
    }

    private static void leftBytes(long[] x, int d, int s, int a, int bytes) {
        long low = x[s];
        long high = x[s + 1];
        int n = Math.min(bytes, 16) * 8;
        x[d + 1] = n == 0 ? high : n < 64 ? high << n | low >>> 64 - n : Swar.sllQ(low, n - 64);
        x[d] = Swar.sllQ(low, n);
    }

    // ---- a count for each lane

    private static void each(SimdTable s, String name, int op, int w, LongBinaryOperator f) {
        s.vexPacked(name, M38, P66, op, Vex.l128(CpuFeature.AVX2).w(w), Vex.l256(CpuFeature.AVX2).w(w), Lane.each(f));
    }

    private static long pair(int low, int high) {
        return low & 0xFFFFFFFFL | (long) high << 32;
    }

    private static boolean over(int n) {
        return n < 0 || n > 31;
    }

    private static long srlEachD(long v, long n) {
        int low = (int) n;
        int high = (int) (n >>> 32);
        return pair(over(low) ? 0 : (int) v >>> low, over(high) ? 0 : (int) (v >>> 32) >>> high);
    }

    private static long sraEachD(long v, long n) {
        int low = (int) n;
        int high = (int) (n >>> 32);
        return pair((int) v >> (over(low) ? 31 : low), (int) (v >>> 32) >> (over(high) ? 31 : high));
    }

    private static long sllEachD(long v, long n) {
        int low = (int) n;
        int high = (int) (n >>> 32);
        return pair(over(low) ? 0 : (int) v << low, over(high) ? 0 : (int) (v >>> 32) << high);
    }
}
