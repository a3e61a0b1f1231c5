package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.M3A;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.VEX_MAP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Vex;

/** What came with AVX and AVX2 to rearrange elements: in a lane by VPERMIL, from lane to lane, broadcasts; VTESTPS and VTESTPD. */
final class PermuteOps {
    private static final Vex L128 = Vex.l128(CpuFeature.AVX).w(0);
    private static final Vex L256 = Vex.l256(CpuFeature.AVX).w(0);
    private static final Vex L256_2 = Vex.l256(CpuFeature.AVX2).w(0);
    private static final long SIGNS_S = 0x8000000080000000L;

    private PermuteOps() { }

    static void register(SimdTable s) {
        inLane(s);
        test(s, "VTESTPS", 0x0E, SIGNS_S);
        test(s, "VTESTPD", 0x0F, Long.MIN_VALUE);
        acrossLanes(s);
        lanes(s);
        broadcasts(s);
    }

    // ---- in a lane

    private static void inLane(SimdTable s) {
        s.vexPacked("VPERMILPS", M38, P66, 0x0C, L128, L256, (x, d, b, a, n) -> {
            long low = ShuffleOps.dword(x, b, (int) x[a] & 3) | ShuffleOps.dword(x, b, (int) (x[a] >>> 32) & 3) << 32;
            long high = ShuffleOps.dword(x, b, (int) x[a + 1] & 3) | ShuffleOps.dword(x, b, (int) (x[a + 1] >>> 32) & 3) << 32;
            x[d] = low;
            x[d + 1] = high;
        });
        s.vexPacked("VPERMILPD", M38, P66, 0x0D, L128, L256, (x, d, b, a, n) -> {
            long low = x[b + ((int) x[a] >> 1 & 1)];
            long high = x[b + ((int) x[a + 1] >> 1 & 1)];
            x[d] = low;
            x[d + 1] = high;
        });
        s.vexUnaryImm("VPERMILPS", M3A, P66, 0x04, L128, L256, 0, ShuffleOps::dwords);
        s.vexUnaryImm("VPERMILPD", M3A, P66, 0x05, L128, L256, 2, (x, d, b, a, n) -> {
            long low = x[a + (n & 1)];
            long high = x[a + (n >> 1 & 1)];
            x[d] = low;
            x[d + 1] = high;
        });
    }

    private static void test(SimdTable s, String name, int op, long signs) {
        s.two(name, M38, P66, op, L128.two(), L256.two(), Imm.NONE, (i, e, a) -> {
            boolean wide = i.vexL;
            e.call((c, u) -> {
                long both = both(c.xmm, u) | (wide ? both(c.ymmHigh, u) : 0);
                long rest = rest(c.xmm, u) | (wide ? rest(c.ymmHigh, u) : 0);
                IntegerOps.setTest(c, both & signs, rest & signs);
            }, i.reg * 2, a, 0, 0);
        });
    }

    private static long both(long[] x, Uop u) {
        return x[u.d] & x[u.a] | x[u.d + 1] & x[u.a + 1];
    }

    private static long rest(long[] x, Uop u) {
        return ~x[u.d] & x[u.a] | ~x[u.d + 1] & x[u.a + 1];
    }

    // ---- from lane to lane

    private static void acrossLanes(SimdTable s) {
        Semantic permute = PermuteOps::permuteDwords;
        s.vex("VPERMPS Vqq,Hqq,Wqq", M38, P66, 0x16, L256_2, (i, e) -> three(i, e, Operands.vex(i, e, 32), permute));
        s.vex("VPERMD Vqq,Hqq,Wqq", M38, P66, 0x36, L256_2, (i, e) -> three(i, e, Operands.vex(i, e, 32), permute));
        Vex wide = Vex.l256(CpuFeature.AVX2).w(1).two();
        s.vexImm("VPERMQ Vqq,Wqq,Ib", M3A, P66, 0x00, wide, (i, e) -> three(i, e, Operands.vex(i, e, 32), PermuteOps::permuteQwords));
        s.vexImm("VPERMPD Vqq,Wqq,Ib", M3A, P66, 0x01, wide, (i, e) -> three(i, e, Operands.vex(i, e, 32), PermuteOps::permuteQwords));
    }

    private static void three(Insn i, Emitter e, int a, Semantic f) {
        Uop u = e.call(f);
        u.d = i.reg * 2;
        u.b = i.vvvv * 2;
        u.a = a;
        u.imm = i.imm & 0xFF;
    }

    private static long dword(Cpu c, int register, int n) {
        return ShuffleOps.dword((n & 4) == 0 ? c.xmm : c.ymmHigh, register, n & 3);
    }

    private static long qword(Cpu c, int register, int n) {
        return ((n & 2) == 0 ? c.xmm : c.ymmHigh)[register + (n & 1)];
    }

    private static long twoDwords(Cpu c, int register, long indices) {
        return dword(c, register, (int) indices & 7) | dword(c, register, (int) (indices >>> 32) & 7) << 32;
    }

    private static void set(Cpu c, int d, long v0, long v1, long v2, long v3) {
        c.xmm[d] = v0;
        c.xmm[d + 1] = v1;
        c.ymmHigh[d] = v2;
        c.ymmHigh[d + 1] = v3;
    }

    private static void permuteDwords(Cpu c, Uop u) {
        int b = u.b;
        set(c, u.d, twoDwords(c, u.a, c.xmm[b]), twoDwords(c, u.a, c.xmm[b + 1]), twoDwords(c, u.a, c.ymmHigh[b]),
                twoDwords(c, u.a, c.ymmHigh[b + 1]));
    }

    private static void permuteQwords(Cpu c, Uop u) {
        int n = (int) u.imm;
        set(c, u.d, qword(c, u.a, n & 3), qword(c, u.a, n >> 2 & 3), qword(c, u.a, n >> 4 & 3), qword(c, u.a, n >> 6 & 3));
    }

    // ---- whole lanes

    private static void lanes(SimdTable s) {
        int map = M3A + VEX_MAP;
        for (boolean integer : new boolean[] {false, true}) {
            Vex vex = integer ? L256_2 : L256;
            String kind = integer ? "I128" : "F128";
            s.vexImm("VPERM2" + kind + " Vqq,Hqq,Wqq,Ib", M3A, P66, integer ? 0x46 : 0x06, vex,
                    (i, e) -> three(i, e, Operands.vex(i, e, 32), PermuteOps::permuteLanes));
            s.vexImm("VINSERT" + kind + " Vqq,Hqq,Wdq,Ib", M3A, P66, integer ? 0x38 : 0x18, vex,
                    (i, e) -> three(i, e, Operands.vex(i, e, 16), PermuteOps::insertLane));
            int op = integer ? 0x39 : 0x19;
            s.t.vexMem("VEXTRACT" + kind + " Mdq,Vqq,Ib", map, P66, op, vex.two(), Imm.BYTE, (i, e) -> {
                SimdChecks.emitAvx(e);
                MemUop u = new MemUop.Store16();
                if ((i.imm & 1) != 0) {
                    takeUpper(e, Operands.TX, i.reg * 2);
                    Operands.memory(i, e, u, 16, true).d = Operands.TX;
                } else {
                    Operands.memory(i, e, u, 16, true).d = i.reg * 2;
                }
            });
            s.t.vexReg("VEXTRACT" + kind + " Udq,Vqq,Ib", map, P66, op, vex.two(), Imm.BYTE, (i, e) -> {
                SimdChecks.emitAvx(e);
                if ((i.imm & 1) != 0) {
                    takeUpper(e, i.rm * 2, i.reg * 2);
                } else {
                    Uop u = e.add(new MoveOps.CopyZero());
                    u.d = i.rm * 2;
                    u.a = i.reg * 2;
                }
            });
        }
    }

    /** Emits a copy of the upper half of {@code from} into the lower half of {@code to}, whose own upper half becomes zero. */
    private static void takeUpper(Emitter e, int to, int from) {
        e.call((c, u) -> set(c, u.d, c.ymmHigh[u.a], c.ymmHigh[u.a + 1], 0, 0), to, from, 0, 0);
    }

    private static void permuteLanes(Cpu c, Uop u) {
        int n = (int) u.imm;
        long v0 = lane(c, u, n, 0);
        long v1 = lane(c, u, n, 1);
        long v2 = lane(c, u, n >> 4, 0);
        long v3 = lane(c, u, n >> 4, 1);
        set(c, u.d, v0, v1, v2, v3);
    }

    /** {@return one half of the lane that a selector names: of the first source, of the second, or zeros} */
    private static long lane(Cpu c, Uop u, int selector, int half) {
        if ((selector & 8) != 0) {
            return 0;
        }
        return ((selector & 1) == 0 ? c.xmm : c.ymmHigh)[((selector & 2) == 0 ? u.b : u.a) + half];
    }

    private static void insertLane(Cpu c, Uop u) {
        long v0 = c.xmm[u.a];
        long v1 = c.xmm[u.a + 1];
        if ((u.imm & 1) == 0) {
            set(c, u.d, v0, v1, c.ymmHigh[u.b], c.ymmHigh[u.b + 1]);
        } else {
            set(c, u.d, c.xmm[u.b], c.xmm[u.b + 1], v0, v1);
        }
    }

    // ---- broadcasts

    private static void broadcasts(SimdTable s) {
        Vex narrow2 = Vex.l128(CpuFeature.AVX2).w(0);
        broadcast(s, "VBROADCASTSS", 0x18, 4, L128, narrow2);
        broadcast(s, "VBROADCASTSS", 0x18, 4, L256, L256_2);
        broadcast(s, "VBROADCASTSD", 0x19, 8, L256, L256_2);
        String[] names = {"VPBROADCASTB", "VPBROADCASTW", "VPBROADCASTD", "VPBROADCASTQ"};
        int[] ops = {0x78, 0x79, 0x58, 0x59};
        for (int k = 0; k < 4; k++) {
            broadcast(s, names[k], ops[k], 1 << k, narrow2, narrow2);
            broadcast(s, names[k], ops[k], 1 << k, L256_2, L256_2);
        }
        for (boolean integer : new boolean[] {false, true}) {
            s.t.vexMem(integer ? "VBROADCASTI128 Vqq,Mdq" : "VBROADCASTF128 Vqq,Mdq", M38 + VEX_MAP, P66, integer ? 0x5A : 0x1A,
                    (integer ? L256_2 : L256).two(), Imm.NONE, (i, e) -> {
                        int a = Operands.vex(i, e, 16);
                        e.call((c, u) -> set(c, u.d, c.xmm[u.a], c.xmm[u.a + 1], c.xmm[u.a], c.xmm[u.a + 1]), i.reg * 2, a, 0, 0);
                    });
        }
    }

    /** From memory and from a register, which may belong to different features. */
    private static void broadcast(SimdTable s, String name, int op, int size, Vex memory, Vex register) {
        String v = memory.l() == 1 ? " Vqq," : " Vdq,";
        s.t.vexMem(name + v + "M" + size, M38 + VEX_MAP, P66, op, memory.two(), Imm.NONE, (i, e) -> broadcast(i, e, size));
        s.t.vexReg(name + v + "Udq", M38 + VEX_MAP, P66, op, register.two(), Imm.NONE, (i, e) -> broadcast(i, e, size));
    }

    private static void broadcast(Insn i, Emitter e, int size) {
        SimdChecks.emitAvx(e);
        int a = i.rm * 2;
        if (i.isMem()) {
            Operands.memory(i, e, new MemUop.LoadElement(size), size, false).d = Operands.TX;
            a = Operands.TX;
        }
        long factor = switch (size) {
            case 1 -> 0x0101010101010101L;
            case 2 -> 0x0001000100010001L;
            case 4 -> 0x0000000100000001L;
            default -> 1;
        };
        Uop u = e.add(i.vexL ? new Broadcast32(size, factor) : new Broadcast16(size, factor));
        u.d = i.reg * 2;
        u.a = a;
    }

    /** The low element of register {@code a} to every place of 16 bytes. */
    static final class Broadcast16 extends Uop {
        private final long mask;
        private final long factor;

        Broadcast16(int size, long factor) {
            this.mask = -1L >>> 64 - 8 * size;
            this.factor = factor;
        }

        @Override
        public void exec(Cpu c) {
            long v = (c.xmm[a] & mask) * factor;
            set(c, d, v, v, 0, 0);
        }
    }

    /** The low element of register {@code a} to every place of 32 bytes. */
    static final class Broadcast32 extends Uop {
        private final long mask;
        private final long factor;

        Broadcast32(int size, long factor) {
            this.mask = -1L >>> 64 - 8 * size;
            this.factor = factor;
        }

        @Override
        public void exec(Cpu c) {
            long v = (c.xmm[a] & mask) * factor;
            set(c, d, v, v, v, v);
        }
    }
}
