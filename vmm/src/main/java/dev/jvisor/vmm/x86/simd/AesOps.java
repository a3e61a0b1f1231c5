package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

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
        s.xmm("AESENC", M38, P66, 0xDC, 16, (c, u) -> store(c, u, MIX, 1));
        s.xmm("AESDEC", M38, P66, 0xDE, 16, (c, u) -> store(c, u, UNMIX, 3));
        s.xmm("AESENCLAST", M38, P66, 0xDD, 16, (c, u) -> storeLast(c, u, SBOX, 1));
        s.xmm("AESDECLAST", M38, P66, 0xDF, 16, (c, u) -> storeLast(c, u, INVERSE_SBOX, 3));
        s.xmm("AESIMC", M38, P66, 0xDB, 16, (c, u) -> {
            long low = c.xmm[u.a];
            long high = c.xmm[u.a + 1];
            c.xmm[u.d] = unmix((int) low) & 0xFFFFFFFFL | (long) unmix((int) (low >>> 32)) << 32;
            c.xmm[u.d + 1] = unmix((int) high) & 0xFFFFFFFFL | (long) unmix((int) (high >>> 32)) << 32;
        });
        s.xmmImm("AESKEYGENASSIST", M3A, P66, 0xDF, 16, (c, u) -> {
            int x1 = substitute((int) (c.xmm[u.a] >>> 32));
            int x3 = substitute((int) (c.xmm[u.a + 1] >>> 32));
            c.xmm[u.d] = x1 & 0xFFFFFFFFL | (long) (Integer.rotateRight(x1, 8) ^ (int) u.imm) << 32;
            c.xmm[u.d + 1] = x3 & 0xFFFFFFFFL | (long) (Integer.rotateRight(x3, 8) ^ (int) u.imm) << 32;
        });
        s.xmmImm("PCLMULQDQ", M3A, P66, 0x44, 16, AesOps::carrylessMultiply);
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

    private static void store(Cpu c, Uop u, int[] table, int step) {
        long low = c.xmm[u.d];
        long high = c.xmm[u.d + 1];
        long keyLow = c.xmm[u.a];
        long keyHigh = c.xmm[u.a + 1];
        c.xmm[u.d] = keyLow ^ (column(low, high, table, step, 0) & 0xFFFFFFFFL | (long) column(low, high, table, step, 1) << 32);
        c.xmm[u.d + 1] = keyHigh ^ (column(low, high, table, step, 2) & 0xFFFFFFFFL | (long) column(low, high, table, step, 3) << 32);
    }

    private static int lastColumn(long low, long high, int[] box, int step, int j) {
        return box[at(low, high, 0, j)] | box[at(low, high, 1, j + step)] << 8 | box[at(low, high, 2, j + 2 * step)] << 16
                | box[at(low, high, 3, j + 3 * step)] << 24;
    }

    private static void storeLast(Cpu c, Uop u, int[] box, int step) {
        long low = c.xmm[u.d];
        long high = c.xmm[u.d + 1];
        long keyLow = c.xmm[u.a];
        long keyHigh = c.xmm[u.a + 1];
        c.xmm[u.d] = keyLow ^ (lastColumn(low, high, box, step, 0) & 0xFFFFFFFFL | (long) lastColumn(low, high, box, step, 1) << 32);
        c.xmm[u.d + 1] = keyHigh ^ (lastColumn(low, high, box, step, 2) & 0xFFFFFFFFL | (long) lastColumn(low, high, box, step, 3) << 32);
    }

    /** InvMixColumns of one column: the table's inverse substitution is undone first. */
    private static int unmix(int v) {
        return UNMIX[SBOX[v & 0xFF]] ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 8 & 0xFF]], 8)
                ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 16 & 0xFF]], 16) ^ Integer.rotateLeft(UNMIX[SBOX[v >>> 24]], 24);
    }

    private static int substitute(int v) {
        return SBOX[v & 0xFF] | SBOX[v >>> 8 & 0xFF] << 8 | SBOX[v >>> 16 & 0xFF] << 16 | SBOX[v >>> 24] << 24;
    }

    private static void carrylessMultiply(Cpu c, Uop u) {
        long a = c.xmm[u.d + ((int) u.imm & 1)];
        long b = c.xmm[u.a + ((int) u.imm >> 4 & 1)];
        long low = 0;
        long high = 0;
        for (int k = 0; k < 64; k++) {
            long take = -(b >>> k & 1);
            low ^= a << k & take;
            // Two shifts, because one by 64 would shift nothing.
            high ^= a >>> 1 >>> 63 - k & take;
        }
        c.xmm[u.d] = low;
        c.xmm[u.d + 1] = high;
    }
}
