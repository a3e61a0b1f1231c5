package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;
import static dev.jvisor.vmm.x86.simd.SimdTable.VEX_MAP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
import dev.jvisor.vmm.x86.decode.Vex;
import java.util.Arrays;
import java.util.function.Supplier;

/** The moves of {@link MoveOps} behind VEX, VZEROUPPER and VZEROALL. Loads and moves of less than 32 bytes clear the rest of the register. */
final class VexMoves {
    private static final Vex L128 = Vex.l128(CpuFeature.AVX);
    private static final Vex L256 = Vex.l256(CpuFeature.AVX);
    private static final Vex SCALAR = Vex.lIgnored(CpuFeature.AVX);

    private VexMoves() { }

    static void register(SimdTable s) {
        full(s, "VMOVUPS", NP, 0x10, 0x11, false);
        full(s, "VMOVUPD", P66, 0x10, 0x11, false);
        full(s, "VMOVAPS", NP, 0x28, 0x29, true);
        full(s, "VMOVAPD", P66, 0x28, 0x29, true);
        full(s, "VMOVDQA", P66, 0x6F, 0x7F, true);
        full(s, "VMOVDQU", PF3, 0x6F, 0x7F, false);
        load(s, "VLDDQU", M0F, PF2, 0xF0, CpuFeature.AVX, false);
        load(s, "VMOVNTDQA", M38, P66, 0x2A, CpuFeature.AVX2, true);
        store(s, "VMOVNTPS", NP, 0x2B);
        store(s, "VMOVNTPD", P66, 0x2B);
        store(s, "VMOVNTDQ", P66, 0xE7);
        scalar(s);
        halves(s);
        duplicate(s);
        general(s);
        s.t.vexBare("VZEROUPPER", M0F + VEX_MAP, NP, 0x77, L128.two(), (i, e) -> {
            SimdChecks.emitAvx(e);
            e.add(new ZeroUpper(registers(i)));
        });
        s.t.vexBare("VZEROALL", M0F + VEX_MAP, NP, 0x77, L256.two(), (i, e) -> {
            SimdChecks.emitAvx(e);
            e.add(new ZeroUpper(registers(i)));
            e.call((c, u) -> Arrays.fill(c.xmm, 0, 2 * u.d, 0), registers(i), 0, 0, 0);
        });
    }

    private static int registers(Insn i) {
        return i.code == 8 ? 16 : 8;
    }

    /** VZEROUPPER. */
    static final class ZeroUpper extends Uop {
        private final int longs;

        ZeroUpper(int registers) {
            longs = 2 * registers;
        }

        @Override
        public void exec(Cpu c) {
            Arrays.fill(c.ymmHigh, 0, longs, 0);
        }
    }

    private static void memory(Insn i, Emitter e, MemUop u, int size, boolean write) {
        SimdChecks.emitAvx(e);
        Operands.memory(i, e, u, size, write).d = i.reg * 2;
    }

    /** Emits a load of less than 16 bytes; the rest of YMM becomes zero. */
    private static void loadPart(Insn i, Emitter e, MemUop u, int size) {
        memory(i, e, u, size, false);
        e.add(new ZeroHigh()).d = i.reg * 2;
    }

    /** The upper half of YMM becomes zero. */
    static final class ZeroHigh extends Uop {
        @Override
        public void exec(Cpu c) {
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    // ---- 16 and 32 bytes

    private static void full(SimdTable s, String name, int prefix, int load, int store, boolean aligned) {
        for (boolean wide : new boolean[] {false, true}) {
            Vex vex = (wide ? L256 : L128).two();
            int size = wide ? 32 : 16;
            s.vex(name + (wide ? " Vqq,Wqq" : " Vdq,Wdq"), M0F, prefix, load, vex, (i, e) -> {
                if (i.isMem()) {
                    load(i, e, size, aligned);
                } else {
                    SimdChecks.emitAvx(e);
                    MoveOps.emitCopy(i, e, i.reg, i.rm);
                }
            });
            s.vex(name + (wide ? " Wqq,Vqq" : " Wdq,Vdq"), M0F, prefix, store, vex, (i, e) -> {
                if (i.isMem()) {
                    memory(i, e, storeUop(wide, aligned), size, true);
                } else {
                    SimdChecks.emitAvx(e);
                    MoveOps.emitCopy(i, e, i.rm, i.reg);
                }
            });
        }
    }

    private static MemUop storeUop(boolean wide, boolean aligned) {
        if (wide) {
            return aligned ? new MemUop.Store32Aligned() : new MemUop.Store32();
        }
        return aligned ? new MemUop.Store16Aligned() : new MemUop.Store16();
    }

    private static void load(Insn i, Emitter e, int size, boolean aligned) {
        if (size == 32) {
            memory(i, e, aligned ? new MemUop.Load32Aligned() : new MemUop.Load32(), 32, false);
        } else if (aligned) {
            loadPart(i, e, new MemUop.Load16Aligned(), 16);
        } else {
            memory(i, e, new MemUop.Load16Zero(), 16, false);
        }
    }

    private static void load(SimdTable s, String name, int map, int prefix, int op, CpuFeature wide, boolean aligned) {
        s.t.vexMem(name + " Vdq,Mdq", map + VEX_MAP, prefix, op, L128.two(), Imm.NONE, (i, e) -> load(i, e, 16, aligned));
        s.t.vexMem(name + " Vqq,Mqq", map + VEX_MAP, prefix, op, Vex.l256(wide).two(), Imm.NONE, (i, e) -> load(i, e, 32, aligned));
    }

    private static void store(SimdTable s, String name, int prefix, int op) {
        s.t.vexMem(name + " Mdq,Vdq", M0F + VEX_MAP, prefix, op, L128.two(), Imm.NONE,
                (i, e) -> memory(i, e, new MemUop.Store16Aligned(), 16, true));
        s.t.vexMem(name + " Mqq,Vqq", M0F + VEX_MAP, prefix, op, L256.two(), Imm.NONE,
                (i, e) -> memory(i, e, new MemUop.Store32Aligned(), 32, true));
    }

    // ---- low 4 or 8 bytes

    private static void scalar(SimdTable s) {
        scalar(s, "VMOVSS", PF3, 4, MemUop.Load4::new, MemUop.Store4::new, (x, d, b, a, n) -> {
            x[d] = x[b] & 0xFFFFFFFF00000000L | x[a] & 0xFFFFFFFFL;
            x[d + 1] = x[b + 1];
        });
        scalar(s, "VMOVSD", PF2, 8, MemUop.Load8::new, MemUop.StoreHalf::new, (x, d, b, a, n) -> {
            long low = x[a];
            x[d + 1] = x[b + 1];
            x[d] = low;
        });
        s.vex("VMOVQ Vq,Wq", M0F, PF3, 0x7E, L128.two(), (i, e) -> {
            if (i.isMem()) {
                loadPart(i, e, new MemUop.Load8(), 8);
            } else {
                low8(i, e, i.reg, i.rm);
            }
        });
        s.vex("VMOVQ Wq,Vq", M0F, P66, 0xD6, L128.two(), (i, e) -> {
            if (i.isMem()) {
                memory(i, e, new MemUop.StoreHalf(), 8, true);
            } else {
                low8(i, e, i.rm, i.reg);
            }
        });
    }

    private static void scalar(SimdTable s, String name, int prefix, int size, Supplier<MemUop> load, Supplier<MemUop> store, Lane merge) {
        int map = M0F + VEX_MAP;
        s.t.vexMem(name + " Vdq,M" + size, map, prefix, 0x10, SCALAR.two(), Imm.NONE, (i, e) -> loadPart(i, e, load.get(), size));
        s.t.vexMem(name + " M" + size + ",Vdq", map, prefix, 0x11, SCALAR.two(), Imm.NONE, (i, e) -> memory(i, e, store.get(), size, true));
        s.t.vexReg(name + " Vdq,Hdq,Udq", map, prefix, 0x10, SCALAR, Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            SimdTable.operands(i, i.rm * 2, new LaneUop.Vex128(merge), e);
        });
        s.t.vexReg(name + " Udq,Hdq,Vdq", map, prefix, 0x11, SCALAR, Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            SimdTable.operands(i, i.reg * 2, new LaneUop.Vex128(merge), e).d = i.rm * 2;
        });
    }

    private static void low8(Insn i, Emitter e, int to, int from) {
        SimdChecks.emitAvx(e);
        Uop u = e.add(new LaneUop.Vex128((x, d, b, a, n) -> {
            x[d] = x[a];
            x[d + 1] = 0;
        }));
        u.d = to * 2;
        u.a = from * 2;
    }

    // ---- either half

    private static void halves(SimdTable s) {
        half(s, "VMOVLPS", NP, 0x12, 0);
        half(s, "VMOVLPD", P66, 0x12, 0);
        half(s, "VMOVHPS", NP, 0x16, 1);
        half(s, "VMOVHPD", P66, 0x16, 1);
        between(s, "VMOVHLPS", 0x12, (x, d, b, a, n) -> {
            long low = x[a + 1];
            x[d + 1] = x[b + 1];
            x[d] = low;
        });
        between(s, "VMOVLHPS", 0x16, (x, d, b, a, n) -> {
            long high = x[a];
            x[d] = x[b];
            x[d + 1] = high;
        });
    }

    private static void half(SimdTable s, String name, int prefix, int op, int which) {
        int map = M0F + VEX_MAP;
        s.t.vexMem(name + " Vdq,Hdq,Mq", map, prefix, op, L128, Imm.NONE, (i, e) -> {
            int a = Operands.vex(i, e, 8);
            SimdTable.operands(i, a, new LaneUop.Vex128(which == 0 ? (x, d, b, m, n) -> {
                x[d] = x[m];
                x[d + 1] = x[b + 1];
            } : (x, d, b, m, n) -> {
                x[d] = x[b];
                x[d + 1] = x[m];
            }), e);
        });
        s.t.vexMem(name + " Mq,Vdq", map, prefix, op + 1, L128.two(), Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            Operands.memory(i, e, new MemUop.StoreHalf(), 8, true).d = i.reg * 2 + which;
        });
    }

    private static void between(SimdTable s, String name, int op, Lane f) {
        s.t.vexReg(name + " Vdq,Hdq,Udq", M0F + VEX_MAP, NP, op, L128, Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            SimdTable.operands(i, i.rm * 2, new LaneUop.Vex128(f), e);
        });
    }

    private static void duplicate(SimdTable s) {
        Lane lane = (x, d, b, a, n) -> {
            long v = x[a];
            x[d] = v;
            x[d + 1] = v;
        };
        s.vex("VMOVDDUP Vdq,W8", M0F, PF2, 0x12, L128.two(), (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 8), LaneUop.vex(i, lane), e));
        s.vex("VMOVDDUP Vqq,Wqq", M0F, PF2, 0x12, L256.two(), (i, e) -> SimdTable.operands(i, Operands.vex(i, e, 32), LaneUop.vex(i, lane), e));
    }

    // ---- general registers

    private static void general(SimdTable s) {
        s.vex("VMOVD Vdq,Ey", M0F, P66, 0x6E, L128.two(), (i, e) -> {
            if (i.isMem()) {
                loadPart(i, e, i.wSize() == 8 ? new MemUop.Load8() : new MemUop.Load4(), i.wSize());
            } else {
                SimdChecks.emitAvx(e);
                Uop u = e.add(new MoveOps.FromGeneral());
                u.d = i.reg * 2;
                u.a = i.rm;
                u.imm = i.wSize() == 8 ? -1L : 0xFFFFFFFFL;
                e.add(new ZeroHigh()).d = i.reg * 2;
            }
        });
        s.vex("VMOVD Ey,Vdq", M0F, P66, 0x7E, L128.two(), (i, e) -> {
            if (i.isMem()) {
                memory(i, e, i.wSize() == 8 ? new MemUop.StoreHalf() : new MemUop.Store4(), i.wSize(), true);
            } else {
                SimdChecks.emitAvx(e);
                Uop u = e.add(new MoveOps.ToGeneral());
                u.d = i.rm;
                u.a = i.reg * 2;
                u.imm = i.wSize() == 8 ? -1L : 0xFFFFFFFFL;
            }
        });
        mask(s, "VMOVMSKPS", NP, 0x50, CpuFeature.AVX, VexMoves::maskS);
        mask(s, "VMOVMSKPD", P66, 0x50, CpuFeature.AVX, VexMoves::maskD);
        s.t.vexReg("VPMOVMSKB Gd,Udq", M0F + VEX_MAP, P66, 0xD7, L128.two(), Imm.NONE, toGeneral(MoveOps.MoveMask::new));
        s.t.vexReg("VPMOVMSKB Gd,Uqq", M0F + VEX_MAP, P66, 0xD7, Vex.l256(CpuFeature.AVX2).two(), Imm.NONE, toGeneral(MoveMask32::new));
        s.t.vexReg("VMASKMOVDQU Vdq,Udq", M0F + VEX_MAP, P66, 0xF7, L128.two(), Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            MoveOps.addressDi(i, e, 16);
            e.call((c, u) -> MoveOps.maskedStore(c, u, c.xmm[u.d], c.xmm[u.d + 1], c.xmm[u.a], c.xmm[u.a + 1]), i.reg * 2, i.rm * 2, 0, 0);
        });
    }

    private static Translator toGeneral(Supplier<Uop> make) {
        return (i, e) -> {
            SimdChecks.emitAvx(e);
            Uop u = e.add(make.get());
            u.d = i.reg;
            u.a = i.rm * 2;
        };
    }

    /** Signs of the elements of one lane. */
    @FunctionalInterface
    private interface Signs {
        long of(long[] x, int a);
    }

    private static void mask(SimdTable s, String name, int prefix, int op, CpuFeature wide, Signs signs) {
        int perLane = name.endsWith("PS") ? 4 : 2;
        Semantic narrow = (c, u) -> c.r[u.d] = signs.of(c.xmm, u.a);
        Semantic both = (c, u) -> c.r[u.d] = signs.of(c.xmm, u.a) | signs.of(c.ymmHigh, u.a) << perLane;
        s.t.vexReg(name + " Gd,Udq", M0F + VEX_MAP, prefix, op, L128.two(), Imm.NONE, register(narrow));
        s.t.vexReg(name + " Gd,Uqq", M0F + VEX_MAP, prefix, op, Vex.l256(wide).two(), Imm.NONE, register(both));
    }

    private static Translator register(Semantic f) {
        return (i, e) -> {
            SimdChecks.emitAvx(e);
            e.call(f, i.reg, i.rm * 2, 0, 0);
        };
    }

    private static long maskS(long[] x, int a) {
        return x[a] >>> 31 & 1 | x[a] >>> 62 & 2 | x[a + 1] >>> 29 & 4 | x[a + 1] >>> 60 & 8;
    }

    private static long maskD(long[] x, int a) {
        return x[a] >>> 63 | x[a + 1] >>> 62 & 2;
    }

    /** VPMOVMSKB of 32 bytes. */
    static final class MoveMask32 extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = Swar.topBitsB(c.xmm[a]) | Swar.topBitsB(c.xmm[a + 1]) << 8 | Swar.topBitsB(c.ymmHigh[a]) << 16
                    | (long) Swar.topBitsB(c.ymmHigh[a + 1]) << 24;
        }
    }
}
