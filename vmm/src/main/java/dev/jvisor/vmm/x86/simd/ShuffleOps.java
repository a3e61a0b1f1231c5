package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
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
        s.xmm("UNPCKLPS", M0F, NP, 0x14, 16, low(Swar::interleaveD));
        s.xmm("UNPCKHPS", M0F, NP, 0x15, 16, high(Swar::interleaveD));
        s.xmmHot("UNPCKLPD", M0F, P66, 0x14, 16, LowQ::new);
        s.xmmHot("UNPCKHPD", M0F, P66, 0x15, 16, HighQ::new);
        s.xmmHot("PUNPCKLQDQ", M0F, P66, 0x6C, 16, LowQ::new);
        s.xmmHot("PUNPCKHQDQ", M0F, P66, 0x6D, 16, HighQ::new);
    }

    private static void interleave(SimdTable s, String lowName, int lowOp, int highOp, String highName, LongBinaryOperator f) {
        s.mmx(lowName, M0F, lowOp, 4, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d], c.xmm[u.a])));
        s.mmx(highName, M0F, highOp, 8, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d] >>> 32, c.xmm[u.a] >>> 32)));
        s.xmm(lowName, M0F, P66, lowOp, 16, low(f));
        s.xmm(highName, M0F, P66, highOp, 16, high(f));
    }

    private static Semantic low(LongBinaryOperator f) {
        return (c, u) -> {
            long d = c.xmm[u.d];
            long a = c.xmm[u.a];
            c.xmm[u.d] = f.applyAsLong(d, a);
            c.xmm[u.d + 1] = f.applyAsLong(d >>> 32, a >>> 32);
        };
    }

    private static Semantic high(LongBinaryOperator f) {
        return (c, u) -> {
            long d = c.xmm[u.d + 1];
            long a = c.xmm[u.a + 1];
            c.xmm[u.d] = f.applyAsLong(d, a);
            c.xmm[u.d + 1] = f.applyAsLong(d >>> 32, a >>> 32);
        };
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
        s.xmm("PACKUSDW", M38, P66, 0x2B, 16, IntegerOps.halving(Swar::packUnsignedDW));
    }

    private static void packBoth(SimdTable s, String name, int op, LongUnaryOperator f) {
        s.mmx(name, M0F, op, 8, (c, u) -> Mmx.set(c, u.d, f.applyAsLong(c.fpMant[u.d]) | f.applyAsLong(c.xmm[u.a]) << 32));
        s.xmm(name, M0F, P66, op, 16, IntegerOps.halving(f));
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
        s.xmmImm("PSHUFLW", M0F, PF2, 0x70, 16, (c, u) -> {
            c.xmm[u.d + 1] = c.xmm[u.a + 1];
            c.xmm[u.d] = words(c.xmm[u.a], (int) u.imm);
        });
        s.xmmImm("PSHUFHW", M0F, PF3, 0x70, 16, (c, u) -> {
            c.xmm[u.d] = c.xmm[u.a];
            c.xmm[u.d + 1] = words(c.xmm[u.a + 1], (int) u.imm);
        });
        s.mmxImm("PSHUFW", M0F, 0x70, (c, u) -> Mmx.set(c, u.d, words(c.xmm[u.a], (int) u.imm)));
        s.xmmImm("SHUFPS", M0F, NP, 0xC6, 16, (c, u) -> {
            int n = (int) u.imm;
            long low = dword(c, u.d, n & 3) | dword(c, u.d, n >> 2 & 3) << 32;
            long high = dword(c, u.a, n >> 4 & 3) | dword(c, u.a, n >> 6 & 3) << 32;
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.xmmImm("SHUFPD", M0F, P66, 0xC6, 16, (c, u) -> {
            long low = c.xmm[u.d + ((int) u.imm & 1)];
            long high = c.xmm[u.a + ((int) u.imm >> 1 & 1)];
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
        s.mmx("PSHUFB", M38, 0x00, 8, (c, u) -> {
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
        });
        s.xmm("PSHUFB", M38, P66, 0x00, 16, (c, u) -> {
            long low = c.xmm[u.d];
            long high = c.xmm[u.d + 1];
            long byLow = c.xmm[u.a];
            long byHigh = c.xmm[u.a + 1];
            c.xmm[u.d] = bytes(low, high, byLow);
            c.xmm[u.d + 1] = bytes(low, high, byHigh);
        });
        s.mmxImm("PALIGNR", M3A, 0x0F, (c, u) -> {
            int n = (int) u.imm * 8;
            long low = c.xmm[u.a];
            long high = c.fpMant[u.d];
            Mmx.set(c, u.d, n == 0 ? low : n < 64 ? low >>> n | high << 64 - n : Swar.srlQ(high, n - 64));
        });
        s.xmmImm("PALIGNR", M3A, P66, 0x0F, 16, (c, u) -> {
            int n = (int) u.imm * 8;
            long low = alignedLong(c, u, n);
            long high = alignedLong(c, u, n + 64);
            c.xmm[u.d] = low;
            c.xmm[u.d + 1] = high;
        });
    }

    /** {@return the 64 bits from bit {@code n} of destination:source} */
    private static long alignedLong(Cpu c, Uop u, int n) {
        int k = n >> 6;
        int shift = n & 63;
        long first = pairLong(c, u, k);
        return shift == 0 ? first : first >>> shift | pairLong(c, u, k + 1) << 64 - shift;
    }

    private static long pairLong(Cpu c, Uop u, int k) {
        return k < 2 ? c.xmm[u.a + k] : k < 4 ? c.xmm[u.d + k - 2] : 0;
    }

    private static long dword(Cpu c, int register, int k) {
        return c.xmm[register + (k >> 1)] >>> 32 * (k & 1) & 0xFFFFFFFFL;
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
            int n = (int) imm;
            long low = dword(c, a, n & 3) | dword(c, a, n >> 2 & 3) << 32;
            long high = dword(c, a, n >> 4 & 3) | dword(c, a, n >> 6 & 3) << 32;
            c.xmm[d] = low;
            c.xmm[d + 1] = high;
        }
    }

    // ---- blend

    private static void blend(SimdTable s) {
        s.xmmImm("BLENDPS", M3A, P66, 0x0C, 16, blendBy(ShuffleOps::maskD));
        s.xmmImm("BLENDPD", M3A, P66, 0x0D, 16, blendBy(ShuffleOps::maskQ));
        s.xmmImm("PBLENDW", M3A, P66, 0x0E, 16, blendBy(ShuffleOps::maskW));
        s.xmm("PBLENDVB", M38, P66, 0x10, 16, blendByXmm0(v -> (v >>> 7 & 0x0101010101010101L) * 0xFF));
        s.xmm("BLENDVPS", M38, P66, 0x14, 16, blendByXmm0(v -> (v >>> 31 & 0x0000000100000001L) * 0xFFFFFFFFL));
        s.xmm("BLENDVPD", M38, P66, 0x15, 16, blendByXmm0(v -> v >> 63));
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

    private static Semantic blendBy(IntToLongFunction mask) {
        int lanes = Long.bitCount(mask.applyAsLong(1)) == 16 ? 4 : Long.bitCount(mask.applyAsLong(1)) == 32 ? 2 : 1;
        return (c, u) -> {
            long low = mask.applyAsLong((int) u.imm);
            long high = mask.applyAsLong((int) u.imm >> lanes);
            c.xmm[u.d] = c.xmm[u.a] & low | c.xmm[u.d] & ~low;
            c.xmm[u.d + 1] = c.xmm[u.a + 1] & high | c.xmm[u.d + 1] & ~high;
        };
    }

    private static Semantic blendByXmm0(LongUnaryOperator mask) {
        return (c, u) -> {
            long low = mask.applyAsLong(c.xmm[0]);
            long high = mask.applyAsLong(c.xmm[1]);
            c.xmm[u.d] = c.xmm[u.a] & low | c.xmm[u.d] & ~low;
            c.xmm[u.d + 1] = c.xmm[u.a + 1] & high | c.xmm[u.d + 1] & ~high;
        };
    }

    // ---- widen

    private static void widen(SimdTable s) {
        String[] names = {"BW", "BD", "BQ", "WD", "WQ", "DQ"};
        int[] from = {8, 8, 8, 16, 16, 32};
        int[] to = {16, 32, 64, 32, 64, 64};
        for (int k = 0; k < 6; k++) {
            int f = from[k];
            int t = to[k];
            int size = 128 * f / t / 8;
            s.xmm("PMOVSX" + names[k], M38, P66, 0x20 + k, size, (c, u) -> widen(c, u, f, t, true));
            s.xmm("PMOVZX" + names[k], M38, P66, 0x30 + k, size, (c, u) -> widen(c, u, f, t, false));
        }
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
        s.defImm("PINSRW Pq,Ew,Ib", M0F, NP, 0xC4, (i, e) -> {
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
        s.defImm("PINSRW Vdq,Ew,Ib", M0F, P66, 0xC4, insert(2));
        s.defImm("PINSRB Vdq,Eb,Ib", M3A, P66, 0x20, insert(1));
        s.defImm("PINSRD Vdq,Ey,Ib", M3A, P66, 0x22, (i, e) -> insert(i, e, i.rexW() ? 8 : 4));
        s.defImm("PEXTRB Eb,Vdq,Ib", M3A, P66, 0x14, (i, e) -> extract(i, e, 1));
        s.defImm("PEXTRW Ew,Vdq,Ib", M3A, P66, 0x15, (i, e) -> extract(i, e, 2));
        s.defImm("PEXTRD Ey,Vdq,Ib", M3A, P66, 0x16, (i, e) -> extract(i, e, i.rexW() ? 8 : 4));
        s.defImm("EXTRACTPS Ed,Vdq,Ib", M3A, P66, 0x17, (i, e) -> extract(i, e, 4));
        s.defImm("INSERTPS Vdq,Wss,Ib", M3A, P66, 0x21, (i, e) -> {
            int from = Operands.xmm(i, e, 4);
            // A memory operand is one float; the source selector then has no meaning.
            int imm = (int) i.imm & (i.isMem() ? 0x3F : 0xFF);
            e.call(ShuffleOps::insertps, i.reg * 2, from, 0, imm);
        });
    }

    private static Translator insert(int size) {
        return (i, e) -> insert(i, e, size);
    }

    private static void insert(Insn i, Emitter e, int size) {
        SimdChecks.emitSse(e);
        int from = Operands.general(i, e, size);
        int lane = (int) i.imm & 16 / size - 1;
        int perLong = 8 / size;
        int shift = lane % perLong * size * 8;
        long mask = (size == 8 ? -1L : (1L << size * 8) - 1) << shift;
        Uop u = e.call((c, x) -> c.xmm[x.d] = c.xmm[x.d] & ~x.imm | c.r[x.a] << x.b & x.imm);
        u.d = i.reg * 2 + lane / perLong;
        u.a = from;
        u.b = shift;
        u.imm = mask;
    }

    private static void extract(Insn i, Emitter e, int size) {
        SimdChecks.emitSse(e);
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

    private static void insertps(Cpu c, Uop u) {
        int n = (int) u.imm;
        long value = dword(c, u.a, n >> 6 & 3);
        int to = n >> 4 & 3;
        long mask = 0xFFFFFFFFL << 32 * (to & 1);
        int register = u.d + (to >> 1);
        c.xmm[register] = c.xmm[register] & ~mask | value << 32 * (to & 1);
        c.xmm[u.d] &= ~maskD(n);
        c.xmm[u.d + 1] &= ~maskD(n >> 2);
    }
}
