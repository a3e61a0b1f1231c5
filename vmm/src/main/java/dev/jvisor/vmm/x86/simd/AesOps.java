package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;

/**
 * AES rounds (FIPS 197; Intel SDM 2, AESENC and relatives) and PCLMULQDQ. The state is four columns of 32 bits, row 0 lowest. Tables join
 * the substitution with a column's share of MixColumns.
 */
final class AesOps {
    private static final int[] SBOX = new int[256];
    private static final int[] INVERSE_SBOX = new int[256];
    /** What a byte of row 0 adds to its output column, encrypting; other rows are rotations of it. */
    private static final int[] MIX = new int[256];
    /** The same, decrypting. */
    private static final int[] UNMIX = new int[256];

    static {
        // Walk the field's powers of 3 and, beside them, of its inverse.
        int p = 1;
        int q = 1;
        do {
            p = p ^ twice(p);
            q = times(q, 0xF6);
            int x = q ^ rotate(q, 1) ^ rotate(q, 2) ^ rotate(q, 3) ^ rotate(q, 4) ^ 0x63;
            SBOX[p] = x;
        } while (p != 1);
        SBOX[0] = 0x63;
        for (int k = 0; k < 256; k++) {
            INVERSE_SBOX[SBOX[k]] = k;
        }
        for (int k = 0; k < 256; k++) {
            int v = SBOX[k];
            MIX[k] = times(v, 2) | v << 8 | v << 16 | times(v, 3) << 24;
            int w = INVERSE_SBOX[k];
            UNMIX[k] = times(w, 14) | times(w, 9) << 8 | times(w, 13) << 16 | times(w, 11) << 24;
        }
    }

    private AesOps() { }

    private static int twice(int v) {
        return (v << 1 ^ ((v & 0x80) != 0 ? 0x11B : 0)) & 0xFF;
    }

    private static int times(int a, int b) {
        int r = 0;
        int v = a;
        for (int k = b; k != 0; k >>= 1) {
            if ((k & 1) != 0) {
                r ^= v;
            }
            v = twice(v);
        }
        return r;
    }

    private static int rotate(int v, int n) {
        return (v << n | v >> 8 - n) & 0xFF;
    }

    static void register(SimdTable s) {
        s.with(CpuFeature.AES, () -> {
            two(s, "AESENC", M38, 0xDC, Imm.NONE, CpuFeature.AES, round(MIX, 1));
            two(s, "AESDEC", M38, 0xDE, Imm.NONE, CpuFeature.AES, round(UNMIX, 3));
            two(s, "AESENCLAST", M38, 0xDD, Imm.NONE, CpuFeature.AES, lastRound(SBOX, 1));
            two(s, "AESDECLAST", M38, 0xDF, Imm.NONE, CpuFeature.AES, lastRound(INVERSE_SBOX, 3));
            one(s, "AESIMC", M38, 0xDB, Imm.NONE, (x, d, b, a, n) -> {
                long low = x[a];
                long high = x[a + 1];
                x[d] = unmix((int) low) & 0xFFFFFFFFL | (long) unmix((int) (low >>> 32)) << 32;
                x[d + 1] = unmix((int) high) & 0xFFFFFFFFL | (long) unmix((int) (high >>> 32)) << 32;
            });
            one(s, "AESKEYGENASSIST", M3A, 0xDF, Imm.BYTE, (x, d, b, a, n) -> {
                int x1 = substitute((int) (x[a] >>> 32));
                int x3 = substitute((int) (x[a + 1] >>> 32));
                x[d] = x1 & 0xFFFFFFFFL | (long) (Integer.rotateRight(x1, 8) ^ n) << 32;
                x[d + 1] = x3 & 0xFFFFFFFFL | (long) (Integer.rotateRight(x3, 8) ^ n) << 32;
            });
        });
        s.with(CpuFeature.PCLMULQDQ, () -> two(s, "PCLMULQDQ", M3A, 0x44, Imm.BYTE, CpuFeature.PCLMULQDQ, AesOps::carrylessMultiply));
    }

    /** Two sources; behind VEX the feature of the legacy instruction is wanted, and 128 bits. */
    private static void two(SimdTable s, String name, int map, int op, Imm imm, CpuFeature feature, Lane f) {
        legacy(s, name, map, op, imm, f);
        s.three("V" + name, map, P66, op, Vex.l128(feature), null, imm, (i, e, a) -> SimdTable.operands(i, a, LaneUop.vex(i, f), e));
    }

    private static void one(SimdTable s, String name, int map, int op, Imm imm, Lane f) {
        legacy(s, name, map, op, imm, f);
        s.two("V" + name, map, P66, op, Vex.l128(CpuFeature.AES).two(), null, imm, (i, e, a) -> SimdTable.operands(i, a, LaneUop.vex(i, f), e));
    }

    private static void legacy(SimdTable s, String name, int map, int op, Imm imm, Lane f) {
        s.t.def(name + " Vdq,Wdq" + (imm == Imm.BYTE ? ",Ib" : ""), map, P66, op, true, imm, (i, e) -> {
            int from = Operands.xmm(i, e, 16);
            Uop u = e.add(new LaneUop.Sse(f));
            u.d = i.reg * 2;
            u.a = from;
            u.imm = i.imm & 0xFF;
        });
    }

    /** {@return the byte in row {@code row} of column {@code column} mod 4} */
    private static int at(long low, long high, int row, int column) {
        int k = (column & 3) * 4 + row;
        return (int) ((k < 8 ? low : high) >>> 8 * (k & 7)) & 0xFF;
    }

    /** One column after ShiftRows by {@code step} columns a row, substitution and mixing. */
    private static int column(long low, long high, int[] table, int step, int j) {
        return table[at(low, high, 0, j)] ^ Integer.rotateLeft(table[at(low, high, 1, j + step)], 8)
                ^ Integer.rotateLeft(table[at(low, high, 2, j + 2 * step)], 16) ^ Integer.rotateLeft(table[at(low, high, 3, j + 3 * step)], 24);
    }

    private static Lane round(int[] table, int step) {
        return (x, d, s, a, n) -> {
            long low = x[s];
            long high = x[s + 1];
            long keyLow = x[a];
            long keyHigh = x[a + 1];
            x[d] = keyLow ^ (column(low, high, table, step, 0) & 0xFFFFFFFFL | (long) column(low, high, table, step, 1) << 32);
            x[d + 1] = keyHigh ^ (column(low, high, table, step, 2) & 0xFFFFFFFFL | (long) column(low, high, table, step, 3) << 32);
        };
    }

    private static int lastColumn(long low, long high, int[] box, int step, int j) {
        return box[at(low, high, 0, j)] | box[at(low, high, 1, j + step)] << 8 | box[at(low, high, 2, j + 2 * step)] << 16
                | box[at(low, high, 3, j + 3 * step)] << 24;
    }

    private static Lane lastRound(int[] box, int step) {
        return (x, d, s, a, n) -> {
            long low = x[s];
            long high = x[s + 1];
            long keyLow = x[a];
            long keyHigh = x[a + 1];
            x[d] = keyLow ^ (lastColumn(low, high, box, step, 0) & 0xFFFFFFFFL | (long) lastColumn(low, high, box, step, 1) << 32);
            x[d + 1] = keyHigh ^ (lastColumn(low, high, box, step, 2) & 0xFFFFFFFFL | (long) lastColumn(low, high, box, step, 3) << 32);
        };
    }

    /** InvMixColumns of one column: the table's inverse substitution is undone first. */
    private static int unmix(int v) {
        return UNMIX[SBOX[v & 0xFF]] ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 8 & 0xFF]], 8)
                ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 16 & 0xFF]], 16) ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 24]], 24);
    }

    private static int substitute(int v) {
        return SBOX[v & 0xFF] | SBOX[v >>> 8 & 0xFF] << 8 | SBOX[v >>> 16 & 0xFF] << 16 | SBOX[v >>> 24] << 24;
    }

    private static void carrylessMultiply(long[] x, int d, int s, int r, int imm) {
        long a = x[s + (imm & 1)];
        long b = x[r + (imm >> 4 & 1)];
        long low = 0;
        long high = 0;
        for (int k = 0; k < 64; k++) {
            long take = -(b >>> k & 1);
            low ^= a << k & take;
            // Two shifts, because one by 64 would shift nothing.
            high ^= a >>> 1 >>> 63 - k & take;
        }
        x[d] = low;
        x[d + 1] = high;
    }
}
