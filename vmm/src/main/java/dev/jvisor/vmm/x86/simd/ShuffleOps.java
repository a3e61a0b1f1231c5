package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.function.IntToLongFunction;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/** Instructions that rearrange, pack, widen, insert and extract lanes. */
final class ShuffleOps {
    private ShuffleOps() { }

    static void register(SimdTable s) {
        unpack(s);
        pack(s);
        shuffle(s);
        blend(s);
        widen(s);
        lanes(s);
    }

    // ---- interleave

    private static void unpack(SimdTable s) {
        interleave(s, "PUNPCKLBW", 0x60, 0x68, "PUNPCKHBW", Swar::interleaveB);
        interleave(s, "PUNPCKLWD", 0x61, 0x69, "PUNPCKHWD", Swar::interleaveW);
        interleave(s, "PUNPCKLDQ", 0x62, 0x6A, "PUNPCKHDQ", Swar::interleaveD);
        s.packed("UNPCKLPS", M0F, NP, 0x14, CpuFeature.AVX, low(Swar::interleaveD));
        s.packed("UNPCKHPS", M0F, NP, 0x15, CpuFeature.AVX, high(Swar::interleaveD));
        s.packedHot("UNPCKLPD", M0F, P66, 0x14, CpuFeature.AVX, LowQ::new, ShuffleOps::lowQ);
        s.packedHot("UNPCKHPD", M0F, P66, 0x15, CpuFeature.AVX, HighQ::new, ShuffleOps::highQ);
        s.packedHot("PUNPCKLQDQ", M0F, P66, 0x6C, CpuFeature.AVX2, LowQ::new, ShuffleOps::lowQ);
        s.packedHot("PUNPCKHQDQ", M0F, P66, 0x6D, CpuFeature.AVX2, HighQ::new, ShuffleOps::highQ);
    }

    private static void interleave(SimdTable s, String lowName, int lowOp, int highOp, String highName, LongBinaryOperator f) {
        s.mmx(lowName, M0F, lowOp, 4, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], c.xmm[u.a])));
        s.mmx(highName, M0F, highOp, 8, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d] >>> 32, c.xmm[u.a] >>> 32)));
        s.packed(lowName, M0F, P66, lowOp, CpuFeature.AVX2, low(f));
        s.packed(highName, M0F, P66, highOp, CpuFeature.AVX2, high(f));
    }

    private static Lane low(LongBinaryOperator f) {
        return (x, d, s, a, imm) -> {
            long p = x[s];
            long q = x[a];
            x[d] = f.applyAsLong(p, q);
            x[d + 1] = f.applyAsLong(p >>> 32, q >>> 32);
        };
    }

    private static Lane high(LongBinaryOperator f) {
        return (x, d, s, a, imm) -> {
            long p = x[s + 1];
            long q = x[a + 1];
            x[d] = f.applyAsLong(p, q);
            x[d + 1] = f.applyAsLong(p >>> 32, q >>> 32);
        };
    }

    private static void lowQ(long[] x, int d, int s, int a, int imm) {
        long high = x[a];
        x[d] = x[s];
        x[d + 1] = high;
    }

    private static void highQ(long[] x, int d, int s, int a, int imm) {
        long high = x[a + 1];
        x[d] = x[s + 1];
        x[d + 1] = high;
    }

    /** PUNPCKLQDQ. */
    static final class LowQ extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d + 1] = c.xmm[a];
        }
    }

    /** PUNPCKHQDQ. */
    static final class HighQ extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.xmm[d + 1];
            c.xmm[d + 1] = c.xmm[a + 1];
        }
    }

    // ---- pack

    private static void pack(SimdTable s) {
        packBoth(s, "PACKSSWB", 0x63, Swar::packSignedWB);
        packBoth(s, "PACKUSWB", 0x67, Swar::packUnsignedWB);
        packBoth(s, "PACKSSDW", 0x6B, Swar::packSignedDW);
        s.with(CpuFeature.SSE4_1,
                () -> s.packed("PACKUSDW", M38, P66, 0x2B, CpuFeature.AVX2, IntegerOps.halving(Swar::packUnsignedDW)));
    }

    private static void packBoth(SimdTable s, String name, int op, LongUnaryOperator f) {
        s.mmx(name, M0F, op, 8, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d]) | f.applyAsLong(c.xmm[u.a]) << 32));
        s.packed(name, M0F, P66, op, CpuFeature.AVX2, IntegerOps.halving(f));
    }

    // ---- shuffle

    private static void shuffle(SimdTable s) {
        s.defImm("PSHUFD Vdq,Wdq,Ib", M0F, P66, 0x70, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(new Dwords());
            u.d = i.reg * 2;
            u.a = from;
            u.imm = i.imm & 0xFF;
        });
        s.vexUnaryImm("VPSHUFD", M0F, P66, 0x70, Vex.l128(CpuFeature.AVX), Vex.l256(CpuFeature.AVX2), 0, ShuffleOps::dwords);
        s.unaryImm("PSHUFLW", M0F, PF2, 0x70, CpuFeature.AVX2, (x, d, b, a, n) -> {
            x[d + 1] = x[a + 1];
            x[d] = words(x[a], n);
        });
        s.unaryImm("PSHUFHW", M0F, PF3, 0x70, CpuFeature.AVX2, (x, d, b, a, n) -> {
            x[d] = x[a];
            x[d + 1] = words(x[a + 1], n);
        });
        s.mmxImm("PSHUFW", M0F, 0x70, (c, u) -> Mmx.set(c, u.d, words(c.xmm[u.a], (int) u.imm)));
        s.packedImm("SHUFPS", M0F, NP, 0xC6, CpuFeature.AVX, 0, (x, d, b, a, n) -> {
            long low = dword(x, b, n & 3) | dword(x, b, n >> 2 & 3) << 32;
            long high = dword(x, a, n >> 4 & 3) | dword(x, a, n >> 6 & 3) << 32;
            x[d] = low;
            x[d + 1] = high;
        });
        s.packedImm("SHUFPD", M0F, P66, 0xC6, CpuFeature.AVX, 2, (x, d, b, a, n) -> {
            long low = x[b + (n & 1)];
            long high = x[a + (n >> 1 & 1)];
            x[d] = low;
            x[d + 1] = high;
        });
        s.with(CpuFeature.SSSE3, () -> {
            s.mmx("PSHUFB", M38, 0x00, 8, ShuffleOps::mmxBytes);
            s.packed("PSHUFB", M38, P66, 0x00, CpuFeature.AVX2, (x, d, b, a, n) -> {
                long low = x[b];
                long high = x[b + 1];
                long byLow = x[a];
                long byHigh = x[a + 1];
                x[d] = bytes(low, high, byLow);
                x[d + 1] = bytes(low, high, byHigh);
            });
            s.mmxImm("PALIGNR", M3A, 0x0F, (c, u) -> {
                int n = (int) u.imm * 8;
                long low = c.xmm[u.a];
                long high = c.fpMant[u.d];
                Mmx.set(c, u.d, n == 0 ? low : n < 64 ? low >>> n | high << 64 - n : Swar.srlQ(high, n - 64));
            });
            s.packedImm("PALIGNR", M3A, P66, 0x0F, CpuFeature.AVX2, 0, (x, d, b, a, n) -> {
                long low = alignedLong(x, b, a, n * 8);
                long high = alignedLong(x, b, a, n * 8 + 64);
                x[d] = low;
                x[d + 1] = high;
            });
        });
    }

    private static void mmxBytes(Cpu c, Uop u) {
        long from = c.fpMant[u.d];
        long by = c.xmm[u.a];
        long r = 0;
        for (int k = 0; k < 64; k += 8) {
            int n = (int) (by >>> k);
            if ((n & 0x80) == 0) {
                r |= (from >>> 8 * (n & 7) & 0xFF) << k;
            }
        }
        Mmx.set(c, u.d, r);
    }

    /** {@return the 64 bits from bit {@code n} of register b and, below it, register a} */
    private static long alignedLong(long[] x, int b, int a, int n) {
        int k = n >> 6;
        int shift = n & 63;
        long first = pairLong(x, b, a, k);
        return shift == 0 ? first : first >>> shift | pairLong(x, b, a, k + 1) << 64 - shift;
    }

    private static long pairLong(long[] x, int b, int a, int k) {
        return k < 2 ? x[a + k] : k < 4 ? x[b + k - 2] : 0;
    }

    /** {@return 32 bits of a register, by number} */
    static long dword(long[] x, int register, int k) {
        return x[register + (k >> 1)] >>> 32 * (k & 1) & 0xFFFFFFFFL;
    }

    /** PSHUFD. */
    static void dwords(long[] x, int d, int s, int a, int n) {
        long low = dword(x, a, n & 3) | dword(x, a, n >> 2 & 3) << 32;
        long high = dword(x, a, n >> 4 & 3) | dword(x, a, n >> 6 & 3) << 32;
        x[d] = low;
        x[d + 1] = high;
    }

    private static long words(long v, int n) {
        return v >>> 16 * (n & 3) & 0xFFFF | (v >>> 16 * (n >> 2 & 3) & 0xFFFF) << 16 | (v >>> 16 * (n >> 4 & 3) & 0xFFFF) << 32
                | v >>> 16 * (n >> 6 & 3) << 48;
    }

    private static long bytes(long low, long high, long by) {
        long r = 0;
        for (int k = 0; k < 64; k += 8) {
            int n = (int) (by >>> k);
            if ((n & 0x80) == 0) {
                r |= (((n & 8) == 0 ? low : high) >>> 8 * (n & 7) & 0xFF) << k;
            }
        }
        return r;
    }

    /** PSHUFD. */
    static final class Dwords extends Uop {
        @Override
        public void exec(Cpu c) {
            dwords(c.xmm, d, d, a, (int) imm);
        }
    }

    // ---- blend

    private static void blend(SimdTable s) {
        s.with(CpuFeature.SSE4_1, () -> {
            s.packedImm("BLENDPS", M3A, P66, 0x0C, CpuFeature.AVX, 4, blendBy(ShuffleOps::maskD));
            s.packedImm("BLENDPD", M3A, P66, 0x0D, CpuFeature.AVX, 2, blendBy(ShuffleOps::maskQ));
            s.packedImm("PBLENDW", M3A, P66, 0x0E, CpuFeature.AVX2, 0, blendBy(ShuffleOps::maskW));
        });
        s.vexPackedImm("VPBLENDD", M3A, P66, 0x02, Vex.l128(CpuFeature.AVX2).w(0), Vex.l256(CpuFeature.AVX2).w(0), 4,
                blendBy(ShuffleOps::maskD));
        blendByRegister(s, "PBLENDVB", 0x10, 0x4C, CpuFeature.AVX2, v -> (v >>> 7 & 0x0101010101010101L) * 0xFF);
        blendByRegister(s, "BLENDVPS", 0x14, 0x4A, CpuFeature.AVX, v -> (v >>> 31 & 0x0000000100000001L) * 0xFFFFFFFFL);
        blendByRegister(s, "BLENDVPD", 0x15, 0x4B, CpuFeature.AVX, v -> v >> 63);
    }

    private static long maskW(int n) {
        return (n & 1) * 0xFFFFL | (n >> 1 & 1) * 0xFFFF0000L | (n >> 2 & 1) * 0xFFFF00000000L | (n >> 3 & 1) * 0xFFFF000000000000L;
    }

    private static long maskD(int n) {
        return (n & 1) * 0xFFFFFFFFL | (n >> 1 & 1) * 0xFFFFFFFF00000000L;
    }

    private static long maskQ(int n) {
        return -(n & 1);
    }

    private static Lane blendBy(IntToLongFunction mask) {
        int lanes = Long.bitCount(mask.applyAsLong(1)) == 16 ? 4 : Long.bitCount(mask.applyAsLong(1)) == 32 ? 2 : 1;
        return (x, d, s, a, n) -> {
            long low = mask.applyAsLong(n);
            long high = mask.applyAsLong(n >> lanes);
            x[d] = x[a] & low | x[s] & ~low;
            x[d + 1] = x[a + 1] & high | x[s + 1] & ~high;
        };
    }

    /** The mask register is XMM0, or behind VEX the one that bits 4 to 7 of the immediate name; its index is the lane's immediate. */
    private static void blendByRegister(SimdTable s, String name, int op, int vexOp, CpuFeature wide, LongUnaryOperator mask) {
        Lane lane = (x, d, b, a, m) -> {
            long low = mask.applyAsLong(x[m]);
            long high = mask.applyAsLong(x[m + 1]);
            x[d] = x[a] & low | x[b] & ~low;
            x[d + 1] = x[a + 1] & high | x[b + 1] & ~high;
        };
        s.with(CpuFeature.SSE4_1, () -> s.def(name + " Vdq,Wdq", M38, P66, op, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(new LaneUop.Sse(lane));
            u.d = i.reg * 2;
            u.a = from;
        }));
        for (boolean l : new boolean[] {false, true}) {
            Vex vex = l ? Vex.l256(wide) : Vex.l128(CpuFeature.AVX);
            s.vexImm("V" + name + (l ? " Vqq,Hqq,Wqq,Lqq" : " Vdq,Hdq,Wdq,Ldq"), M3A, P66, vexOp, vex.w(0), (i, e) -> {
                int from = Operands.vex(i, e, l ? 32 : 16);
                SimdTable.operands(i, from, LaneUop.vex(i, lane), e).imm = Operands.registerInImmediate(i);
            });
        }
    }

    // ---- widen

    private static void widen(SimdTable s) {
        String[] names = {"BW", "BD", "BQ", "WD", "WQ", "DQ"};
        int[] from = {8, 8, 8, 16, 16, 32};
        int[] to = {16, 32, 64, 32, 64, 64};
        for (int k = 0; k < 6; k++) {
            widen(s, "PMOVSX" + names[k], 0x20 + k, from[k], to[k], true);
            widen(s, "PMOVZX" + names[k], 0x30 + k, from[k], to[k], false);
        }
    }

    private static void widen(SimdTable s, String name, int op, int from, int to, boolean signed) {
        int size = 16 * from / to;
        s.with(CpuFeature.SSE4_1, () -> s.xmm(name, M38, P66, op, size, (c, u) -> widen(c, u, from, to, signed)));
        s.vex("V" + name + " Vdq," + SimdTable.operand(size), M38, P66, op, Vex.l128(CpuFeature.AVX).two(), (i, e) -> {
            int a = Operands.vex(i, e, size);
            e.call((c, u) -> {
                widen(c, u, from, to, signed);
                c.ymmHigh[u.d] = 0;
                c.ymmHigh[u.d + 1] = 0;
            }, i.reg * 2, a, 0, 0);
        });
        s.vex("V" + name + " Vqq," + SimdTable.operand(2 * size), M38, P66, op, Vex.l256(CpuFeature.AVX2).two(), (i, e) -> {
            int a = Operands.vex(i, e, 2 * size);
            e.call((c, u) -> {
                // The upper lane comes from what follows in the source: its other half, or the same long further up.
                long rest = to == 2 * from ? c.xmm[u.a + 1] : c.xmm[u.a] >>> 128 / to * from;
                c.ymmHigh[u.d] = widenLong(rest, from, to, signed);
                c.ymmHigh[u.d + 1] = widenLong(rest >>> 64 / to * from, from, to, signed);
                widen(c, u, from, to, signed);
            }, i.reg * 2, a, 0, 0);
        });
    }

    private static void widen(Cpu c, Uop u, int from, int to, boolean signed) {
        long v = c.xmm[u.a];
        long low = widenLong(v, from, to, signed);
        c.xmm[u.d + 1] = widenLong(v >>> 64 / to * from, from, to, signed);
        c.xmm[u.d] = low;
    }

    private static long widenLong(long v, int from, int to, boolean signed) {
        long r = 0;
        for (int k = 0; k < 64 / to; k++) {
            long lane = v << 64 - from - k * from;
            lane = signed ? lane >> 64 - from : lane >>> 64 - from;
            r |= (lane & -1L >>> 64 - to) << k * to;
        }
        return r;
    }

    // ---- insert and extract

    private static void lanes(SimdTable s) {
        s.defImm("PINSRW Pq,Ry/Mw,Ib", M0F, NP, 0xC4, (i, e) -> {
            e.call(SimdChecks::mmx);
            int from = Operands.general(i, e, 2);
            e.call((c, u) -> {
                long mask = 0xFFFFL << u.b;
                Mmx.set(c, u.d, c.fpMant[u.d] & ~mask | c.r[u.a] << u.b & mask);
            }, i.reg & 7, from, ((int) i.imm & 3) * 16, 0);
        });
        s.defImm("PEXTRW Gd,Nq,Ib", M0F, NP, 0xC5, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            e.call(SimdChecks::mmx);
            e.call((c, u) -> {
                c.r[u.d] = c.fpMant[u.a] >>> u.b & 0xFFFF;
                Mmx.enter(c);
            }, i.reg, i.rm & 7, ((int) i.imm & 3) * 16, 0);
        });
        s.defImm("PEXTRW Gd,Udq,Ib", M0F, P66, 0xC5, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            SimdChecks.emitSse(e);
            extract(e, i.reg, i.rm * 2, (int) i.imm & 7, 2);
        });
        s.t.vexReg("VPEXTRW Gd,Udq,Ib", M0F + SimdTable.VEX_MAP, P66, 0xC5, Vex.l128(CpuFeature.AVX).two(), Imm.BYTE, (i, e) -> {
            SimdChecks.emitAvx(e);
            extract(e, i.reg, i.rm * 2, (int) i.imm & 7, 2);
        });
        s.defImm("PINSRW Vdq,Ry/Mw,Ib", M0F, P66, 0xC4, insert(2));
        vexInsert(s, "VPINSRW Vdq,Hdq,Ry/Mw,Ib", M0F, 0xC4, insert(2));
        s.with(CpuFeature.SSE4_1, () -> {
            s.defImm("PINSRB Vdq,Ry/Mb,Ib", M3A, P66, 0x20, insert(1));
            s.defImm("PINSRD Vdq,Ey,Ib", M3A, P66, 0x22, (i, e) -> insert(i, e, i.wSize()));
            s.defImm("PEXTRB Rd/Mb,Vdq,Ib", M3A, P66, 0x14, (i, e) -> extract(i, e, 1));
            s.defImm("PEXTRW Rd/Mw,Vdq,Ib", M3A, P66, 0x15, (i, e) -> extract(i, e, 2));
            s.defImm("PEXTRD Ey,Vdq,Ib", M3A, P66, 0x16, (i, e) -> extract(i, e, i.wSize()));
            s.defImm("EXTRACTPS Ed,Vdq,Ib", M3A, P66, 0x17, (i, e) -> extract(i, e, 4));
            s.defImm("INSERTPS Vdq,W4,Ib", M3A, P66, 0x21, (i, e) -> {
                int from = Operands.xmm(i, e, 4);
                Uop u = e.add(new LaneUop.Sse(ShuffleOps::insertps));
                u.d = i.reg * 2;
                u.a = from;
                u.imm = insertpsImmediate(i);
            });
        });
        vexInsert(s, "VPINSRB Vdq,Hdq,Ry/Mb,Ib", M3A, 0x20, insert(1));
        vexInsert(s, "VPINSRD Vdq,Hdq,Ey,Ib", M3A, 0x22, (i, e) -> insert(i, e, i.wSize()));
        vexInsert(s, "VINSERTPS Vdq,Hdq,W4,Ib", M3A, 0x21, (i, e) -> {
            int from = Operands.vex(i, e, 4);
            SimdTable.operands(i, from, new LaneUop.Vex128(ShuffleOps::insertps), e).imm = insertpsImmediate(i);
        });
        Vex two = Vex.l128(CpuFeature.AVX).two();
        s.vexImm("VPEXTRB Rd/Mb,Vdq,Ib", M3A, P66, 0x14, two, (i, e) -> extract(i, e, 1));
        s.vexImm("VPEXTRW Rd/Mw,Vdq,Ib", M3A, P66, 0x15, two, (i, e) -> extract(i, e, 2));
        s.vexImm("VPEXTRD Ey,Vdq,Ib", M3A, P66, 0x16, two, (i, e) -> extract(i, e, i.wSize()));
        s.vexImm("VEXTRACTPS Ed,Vdq,Ib", M3A, P66, 0x17, two, (i, e) -> extract(i, e, 4));
    }

    private static void vexInsert(SimdTable s, String name, int map, int op, Translator x) {
        s.vexImm(name, map, P66, op, Vex.l128(CpuFeature.AVX), x);
    }

    private static Translator insert(int size) {
        return (i, e) -> insert(i, e, size);
    }

    private static void insert(Insn i, Emitter e, int size) {
        check(i, e);
        int from = Operands.general(i, e, size);
        int lane = (int) i.imm & 16 / size - 1;
        int perLong = 8 / size;
        int shift = lane % perLong * size * 8;
        if (i.vex) {
            MoveOps.emitCopy(i, e, i.reg, i.vvvv);
        }
        Uop u = e.call((c, x) -> c.xmm[x.d] = c.xmm[x.d] & ~x.imm | c.r[x.a] << x.b & x.imm);
        u.d = i.reg * 2 + lane / perLong;
        u.a = from;
        u.b = shift;
        u.imm = (size == 8 ? -1L : (1L << size * 8) - 1) << shift;
    }

    private static void check(Insn i, Emitter e) {
        if (i.vex) {
            SimdChecks.emitAvx(e);
        } else {
            SimdChecks.emitSse(e);
        }
    }

    private static void extract(Insn i, Emitter e, int size) {
        check(i, e);
        int lane = (int) i.imm & 16 / size - 1;
        if (i.isMem()) {
            extract(e, Cpu.T0, i.reg * 2, lane, size);
            Operands.memory(i, e, new MemUop.StoreGpr(size), size, true).d = Cpu.T0;
        } else {
            extract(e, i.rm, i.reg * 2, lane, size);
        }
    }

    private static void extract(Emitter e, int general, int xmm, int lane, int size) {
        int perLong = 8 / size;
        e.call((c, u) -> c.r[u.d] = c.xmm[u.a] >>> u.b & u.imm, general, xmm + lane / perLong, lane % perLong * size * 8,
                size == 8 ? -1L : (1L << size * 8) - 1);
    }

    /** A memory operand is one float; the source selector then has no meaning. */
    private static int insertpsImmediate(Insn i) {
        return (int) i.imm & (i.isMem() ? 0x3F : 0xFF);
    }

    private static void insertps(long[] x, int d, int s, int a, int n) {
        long value = dword(x, a, n >> 6 & 3);
        int to = n >> 4 & 3;
        long mask = 0xFFFFFFFFL << 32 * (to & 1);
        long low = x[s];
        long high = x[s + 1];
        if (to < 2) {
            low = low & ~mask | value << 32 * (to & 1);
        } else {
            high = high & ~mask | value << 32 * (to & 1);
        }
        x[d] = low & ~maskD(n);
        x[d + 1] = high & ~maskD(n >> 2);
    }
}
