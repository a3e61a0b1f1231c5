package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** SHA-1 and SHA-256 rounds and message schedules (FIPS 180-4; Intel SDM 2, SHA1RNDS4 and relatives). The first word is the highest. */
final class ShaOps {
    private static final int[] SHA1_K = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};

    private ShaOps() { }

    static void register(SimdTable s) {
        s.with(CpuFeature.SHA, () -> define(s));
    }

    private static void define(SimdTable s) {
        s.xmmImm("SHA1RNDS4", M3A, NP, 0xCC, 16, ShaOps::sha1Rounds);
        s.xmm("SHA1NEXTE", M38, NP, 0xC8, 16, (c, u) -> put(c, u, word(c, u.a, 3) + Integer.rotateLeft(word(c, u.d, 3), 30), word(c, u.a, 2),
                word(c, u.a, 1), word(c, u.a, 0)));
        s.xmm("SHA1MSG1", M38, NP, 0xC9, 16, (c, u) -> put(c, u, word(c, u.d, 1) ^ word(c, u.d, 3), word(c, u.d, 0) ^ word(c, u.d, 2),
                word(c, u.a, 3) ^ word(c, u.d, 1), word(c, u.a, 2) ^ word(c, u.d, 0)));
        s.xmm("SHA1MSG2", M38, NP, 0xCA, 16, (c, u) -> {
            int w16 = Integer.rotateLeft(word(c, u.d, 3) ^ word(c, u.a, 2), 1);
            int w17 = Integer.rotateLeft(word(c, u.d, 2) ^ word(c, u.a, 1), 1);
            int w18 = Integer.rotateLeft(word(c, u.d, 1) ^ word(c, u.a, 0), 1);
            put(c, u, w16, w17, w18, Integer.rotateLeft(word(c, u.d, 0) ^ w16, 1));
        });
        s.xmm("SHA256RNDS2", M38, NP, 0xCB, 16, ShaOps::sha256Rounds);
        s.xmm("SHA256MSG1", M38, NP, 0xCC, 16, (c, u) -> put(c, u, word(c, u.d, 3) + small0(word(c, u.a, 0)),
                word(c, u.d, 2) + small0(word(c, u.d, 3)), word(c, u.d, 1) + small0(word(c, u.d, 2)), word(c, u.d, 0) + small0(word(c, u.d, 1))));
        s.xmm("SHA256MSG2", M38, NP, 0xCD, 16, (c, u) -> {
            int w16 = word(c, u.d, 0) + small1(word(c, u.a, 2));
            int w17 = word(c, u.d, 1) + small1(word(c, u.a, 3));
            put(c, u, word(c, u.d, 3) + small1(w17), word(c, u.d, 2) + small1(w16), w17, w16);
        });
    }

    private static int word(Cpu c, int register, int k) {
        return (int) (c.xmm[register + (k >> 1)] >>> 32 * (k & 1));
    }

    private static void put(Cpu c, Uop u, int w3, int w2, int w1, int w0) {
        c.xmm[u.d] = w0 & 0xFFFFFFFFL | (long) w1 << 32;
        c.xmm[u.d + 1] = w2 & 0xFFFFFFFFL | (long) w3 << 32;
    }

    private static int choose(int x, int y, int z) {
        return x & y ^ ~x & z;
    }

    private static int majority(int x, int y, int z) {
        return x & y ^ x & z ^ y & z;
    }

    private static int small0(int v) {
        return Integer.rotateRight(v, 7) ^ Integer.rotateRight(v, 18) ^ v >>> 3;
    }

    private static int small1(int v) {
        return Integer.rotateRight(v, 17) ^ Integer.rotateRight(v, 19) ^ v >>> 10;
    }

    private static void sha1Rounds(Cpu c, Uop u) {
        int kind = (int) u.imm & 3;
        int a = word(c, u.d, 3);
        int b = word(c, u.d, 2);
        int cc = word(c, u.d, 1);
        int d = word(c, u.d, 0);
        // The caller added E to the first word.
        int e = 0;
        for (int k = 3; k >= 0; k--) {
            int f = kind == 0 ? choose(b, cc, d) : kind == 2 ? majority(b, cc, d) : b ^ cc ^ d;
            int t = f + Integer.rotateLeft(a, 5) + word(c, u.a, k) + e + SHA1_K[kind];
            e = d;
            d = cc;
            cc = Integer.rotateLeft(b, 30);
            b = a;
            a = t;
        }
        put(c, u, a, b, cc, d);
    }

    private static void sha256Rounds(Cpu c, Uop u) {
        int a = word(c, u.a, 3);
        int b = word(c, u.a, 2);
        int cc = word(c, u.d, 3);
        int d = word(c, u.d, 2);
        int e = word(c, u.a, 1);
        int f = word(c, u.a, 0);
        int g = word(c, u.d, 1);
        int h = word(c, u.d, 0);
        for (int k = 0; k < 2; k++) {
            int t = choose(e, f, g) + (Integer.rotateRight(e, 6) ^ Integer.rotateRight(e, 11) ^ Integer.rotateRight(e, 25)) + word(c, 0, k) + h;
            int s = majority(a, b, cc) + (Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22));
            h = g;
            g = f;
            f = e;
            e = t + d;
            d = cc;
            cc = b;
            b = a;
            a = t + s;
        }
        put(c, u, a, b, e, f);
    }
}
