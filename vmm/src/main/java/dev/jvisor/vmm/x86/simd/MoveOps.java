package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF2;
import static dev.jvisor.vmm.x86.simd.SimdTable.PF3;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.cpu.X87Errors;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
import dev.jvisor.vmm.x86.decode.OpcodeTable;

/** Moves between registers and memory that do not change the value (Intel SDM 2; MOV*, LDDQU, MASKMOV*, EMMS). */
final class MoveOps {
    private MoveOps() { }

    static void register(SimdTable s) {
        full(s, "MOVUPS", NP, 0x10, 0x11, false);
        full(s, "MOVUPD", P66, 0x10, 0x11, false);
        full(s, "MOVAPS", NP, 0x28, 0x29, true);
        full(s, "MOVAPD", P66, 0x28, 0x29, true);
        full(s, "MOVDQA", P66, 0x6F, 0x7F, true);
        full(s, "MOVDQU", PF3, 0x6F, 0x7F, false);
        s.with(CpuFeature.SSE3, () -> s.def("LDDQU Vdq,Mdq", M0F, PF2, 0xF0, memoryOnly(MoveOps::load16)));
        s.with(CpuFeature.SSE4_1, () -> s.def("MOVNTDQA Vdq,Mdq", M38, P66, 0x2A, memoryOnly(MoveOps::load16Aligned)));
        s.def("MOVNTPS Mdq,Vdq", M0F, NP, 0x2B, memoryOnly(MoveOps::store16Aligned));
        s.def("MOVNTPD Mdq,Vdq", M0F, P66, 0x2B, memoryOnly(MoveOps::store16Aligned));
        s.def("MOVNTDQ Mdq,Vdq", M0F, P66, 0xE7, memoryOnly(MoveOps::store16Aligned));
        scalar(s);
        halves(s);
        general(s);
        mmx(s);
    }

    private static Translator memoryOnly(Translator x) {
        return (i, e) -> {
            if (i.isMem()) {
                x.translate(i, e);
            } else {
                e.invalid();
            }
        };
    }

    // ---- 16 bytes

    private static void full(SimdTable s, String name, int prefix, int load, int store, boolean aligned) {
        s.def(name + " Vdq,Wdq", M0F, prefix, load, (i, e) -> {
            if (!i.isMem()) {
                copy(i, e, i.reg, i.rm);
            } else if (aligned) {
                load16Aligned(i, e);
            } else {
                load16(i, e);
            }
        });
        s.def(name + " Wdq,Vdq", M0F, prefix, store, (i, e) -> {
            if (!i.isMem()) {
                copy(i, e, i.rm, i.reg);
            } else if (aligned) {
                store16Aligned(i, e);
            } else {
                SimdChecks.emitSse(e);
                Operands.memory(i, e, new MemUop.Store16(), 16, true).d = i.reg * 2;
            }
        });
    }

    private static void load16(Insn i, Emitter e) {
        SimdChecks.emitSse(e);
        Operands.memory(i, e, new MemUop.Load16(), 16, false).d = i.reg * 2;
    }

    private static void load16Aligned(Insn i, Emitter e) {
        SimdChecks.emitSse(e);
        Operands.memory(i, e, new MemUop.Load16Aligned(), 16, false).d = i.reg * 2;
    }

    private static void store16Aligned(Insn i, Emitter e) {
        SimdChecks.emitSse(e);
        Operands.memory(i, e, new MemUop.Store16Aligned(), 16, true).d = i.reg * 2;
    }

    private static void copy(Insn i, Emitter e, int to, int from) {
        SimdChecks.emitSse(e);
        Uop u = e.add(new Copy());
        u.d = to * 2;
        u.a = from * 2;
    }

    /** Emits a copy of a whole register behind VEX: the upper half too, or zeros. */
    static void emitCopy(Insn i, Emitter e, int to, int from) {
        Uop u = e.add(i.vexL ? new CopyBoth() : new CopyZero());
        u.d = to * 2;
        u.a = from * 2;
    }

    /** XMM to XMM, the upper half of YMM zero. */
    static final class CopyZero extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.xmm[a];
            c.xmm[d + 1] = c.xmm[a + 1];
            c.ymmHigh[d] = 0;
            c.ymmHigh[d + 1] = 0;
        }
    }

    /** YMM to YMM. */
    static final class CopyBoth extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.xmm[a];
            c.xmm[d + 1] = c.xmm[a + 1];
            c.ymmHigh[d] = c.ymmHigh[a];
            c.ymmHigh[d + 1] = c.ymmHigh[a + 1];
        }
    }

    /** XMM to XMM. */
    static final class Copy extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.xmm[a];
            c.xmm[d + 1] = c.xmm[a + 1];
        }
    }

    // ---- low 4 or 8 bytes

    private static void scalar(SimdTable s) {
        s.def("MOVSS Vss,Wss", M0F, PF3, 0x10, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.Load4(), 4, false).d = i.reg * 2;
            } else {
                e.call(MoveOps::low4, i.reg * 2, i.rm * 2, 0, 0);
            }
        });
        s.def("MOVSS Wss,Vss", M0F, PF3, 0x11, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.Store4(), 4, true).d = i.reg * 2;
            } else {
                e.call(MoveOps::low4, i.rm * 2, i.reg * 2, 0, 0);
            }
        });
        s.def("MOVSD Vsd,Wsd", M0F, PF2, 0x10, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.Load8(), 8, false).d = i.reg * 2;
            } else {
                copyHalf(e, i.reg * 2, i.rm * 2);
            }
        });
        s.def("MOVSD Wsd,Vsd", M0F, PF2, 0x11, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.StoreHalf(), 8, true).d = i.reg * 2;
            } else {
                copyHalf(e, i.rm * 2, i.reg * 2);
            }
        });
        s.def("MOVQ Vq,Wq", M0F, PF3, 0x7E, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.Load8(), 8, false).d = i.reg * 2;
            } else {
                low8(e, i.reg * 2, i.rm * 2);
            }
        });
        s.def("MOVQ Wq,Vq", M0F, P66, 0xD6, (i, e) -> {
            SimdChecks.emitSse(e);
            if (i.isMem()) {
                Operands.memory(i, e, new MemUop.StoreHalf(), 8, true).d = i.reg * 2;
            } else {
                low8(e, i.rm * 2, i.reg * 2);
            }
        });
    }

    private static void low4(Cpu c, Uop u) {
        c.xmm[u.d] = c.xmm[u.d] & 0xFFFFFFFF00000000L | c.xmm[u.a] & 0xFFFFFFFFL;
    }

    private static void copyHalf(Emitter e, int to, int from) {
        Uop u = e.add(new CopyHalf());
        u.d = to;
        u.a = from;
    }

    private static void low8(Emitter e, int to, int from) {
        e.call((c, u) -> {
            c.xmm[u.d] = c.xmm[u.a];
            c.xmm[u.d + 1] = 0;
        }, to, from, 0, 0);
    }

    /** One half of an XMM register to one half of another. */
    static final class CopyHalf extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.xmm[a];
        }
    }

    // ---- either half

    private static void halves(SimdTable s) {
        half(s, "MOVLPS", NP, 0x12, 0, "MOVHLPS", 1);
        half(s, "MOVLPD", P66, 0x12, 0, null, 0);
        half(s, "MOVHPS", NP, 0x16, 1, "MOVLHPS", 0);
        half(s, "MOVHPD", P66, 0x16, 1, null, 0);
        s.with(CpuFeature.SSE3, () -> {
            s.xmm("MOVDDUP", M0F, PF2, 0x12, 8, (c, u) -> {
                long v = c.xmm[u.a];
                c.xmm[u.d] = v;
                c.xmm[u.d + 1] = v;
            });
            s.unary("MOVSLDUP", M0F, PF3, 0x12, CpuFeature.AVX, Lane.each((d, a) -> a & 0xFFFFFFFFL | a << 32));
            s.unary("MOVSHDUP", M0F, PF3, 0x16, CpuFeature.AVX, Lane.each((d, a) -> a >>> 32 | a & 0xFFFFFFFF00000000L));
        });
    }

    private static void half(SimdTable s, String name, int prefix, int op, int which, String registerName, int from) {
        s.def(registerName == null ? name + " Vq,Mq" : name + "/" + registerName + " Vq,Wq", M0F, prefix, op, (i, e) -> {
            if (i.isMem()) {
                SimdChecks.emitSse(e);
                Operands.memory(i, e, new MemUop.LoadHalf(), 8, false).d = i.reg * 2 + which;
            } else if (registerName != null) {
                SimdChecks.emitSse(e);
                copyHalf(e, i.reg * 2 + which, i.rm * 2 + from);
            } else {
                e.invalid();
            }
        });
        s.def(name + " Mq,Vq", M0F, prefix, op + 1, memoryOnly((i, e) -> {
            SimdChecks.emitSse(e);
            Operands.memory(i, e, new MemUop.StoreHalf(), 8, true).d = i.reg * 2 + which;
        }));
    }

    // ---- general registers

    private static void general(SimdTable s) {
        s.def("MOVD Vdq,Ed", M0F, P66, 0x6E, (i, e) -> {
            SimdChecks.emitSse(e);
            int size = i.wSize();
            if (i.isMem()) {
                MemUop u = size == 8 ? new MemUop.Load8() : new MemUop.Load4();
                Operands.memory(i, e, u, size, false).d = i.reg * 2;
            } else {
                Uop u = e.add(new FromGeneral());
                u.d = i.reg * 2;
                u.a = i.rm;
                u.imm = size == 8 ? -1L : 0xFFFFFFFFL;
            }
        });
        s.def("MOVD Ed,Vdq", M0F, P66, 0x7E, (i, e) -> {
            SimdChecks.emitSse(e);
            int size = i.wSize();
            if (i.isMem()) {
                MemUop u = size == 8 ? new MemUop.StoreHalf() : new MemUop.Store4();
                Operands.memory(i, e, u, size, true).d = i.reg * 2;
            } else {
                Uop u = e.add(new ToGeneral());
                u.d = i.rm;
                u.a = i.reg * 2;
                u.imm = size == 8 ? -1L : 0xFFFFFFFFL;
            }
        });
        s.def("MOVNTI My,Gy", M0F, NP, 0xC3, memoryOnly((i, e) -> {
            int size = i.wSize();
            Operands.memory(i, e, new MemUop.StoreGpr(size), size, true).d = i.reg;
        }));
        s.def("MOVMSKPS Gd,Ups", M0F, NP, 0x50, registerOnly((c, u) -> {
            long low = c.xmm[u.a];
            long high = c.xmm[u.a + 1];
            c.r[u.d] = low >>> 31 & 1 | low >>> 62 & 2 | high >>> 29 & 4 | high >>> 60 & 8;
        }));
        s.def("MOVMSKPD Gd,Upd", M0F, P66, 0x50, registerOnly((c, u) -> c.r[u.d] = c.xmm[u.a] >>> 63 | c.xmm[u.a + 1] >>> 62 & 2));
        s.def("PMOVMSKB Gd,Udq", M0F, P66, 0xD7, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            SimdChecks.emitSse(e);
            Uop u = e.add(new MoveMask());
            u.d = i.reg;
            u.a = i.rm * 2;
        });
        // Bytes are stored singly, and a fault on any of them comes before all: probe first.
        s.def("MASKMOVDQU Vdq,Udq", M0F, P66, 0xF7, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            SimdChecks.emitSse(e);
            addressDi(i, e, 16);
            e.call((c, u) -> maskedStore(c, u, c.xmm[u.d], c.xmm[u.d + 1], c.xmm[u.a], c.xmm[u.a + 1]), i.reg * 2, i.rm * 2, 0, 0);
        });
    }

    private static Translator registerOnly(Semantic f) {
        return (i, e) -> {
            if (i.isMem()) {
                e.invalid();
            } else {
                SimdChecks.emitSse(e);
                e.call(f, i.reg, i.rm * 2, 0, 0);
            }
        };
    }

    /** Emits the address DS:rDI into TA. */
    static void addressDi(Insn i, Emitter e, int size) {
        i.base = Cpu.RDI;
        i.index = Cpu.ZERO;
        i.scale = 0;
        i.disp = 0;
        i.seg = i.segOverride >= 0 ? i.segOverride : Cpu.DS;
        if (i.code == 8 && i.seg < Cpu.FS) {
            i.seg = Cpu.DS;
        }
        e.address(size, true);
    }

    /** MASKMOVDQU at TA: bytes whose mask byte's top bit is set. */
    static void maskedStore(Cpu c, Uop u, long low, long high, long maskLow, long maskHigh) {
        long va = c.r[Cpu.TA];
        int mask = Swar.topBitsB(maskLow) | Swar.topBitsB(maskHigh) << 8;
        if (mask == 0) {
            return;
        }
        int first = Integer.numberOfTrailingZeros(mask);
        int last = 31 - Integer.numberOfLeadingZeros(mask);
        boolean aligning = c.checks.suspendAlignment(va, 1, u);
        try {
            c.hostForWrite(va + first, last - first + 1, u);
            for (int k = first; k <= last; k++) {
                if ((mask & 1 << k) != 0) {
                    c.st8(va + k, (k < 8 ? low : high) >>> 8 * (k & 7), u);
                }
            }
        } finally {
            c.checks.resumeAlignment(aligning);
        }
    }

    /** XMM from a general register; {@code imm} masks it. */
    static final class FromGeneral extends Uop {
        @Override
        public void exec(Cpu c) {
            c.xmm[d] = c.r[a] & imm;
            c.xmm[d + 1] = 0;
        }
    }

    /** General register from XMM; {@code imm} masks it. */
    static final class ToGeneral extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = c.xmm[a] & imm;
        }
    }

    /** PMOVMSKB. */
    static final class MoveMask extends Uop {
        @Override
        public void exec(Cpu c) {
            c.r[d] = Swar.topBitsB(c.xmm[a]) | Swar.topBitsB(c.xmm[a + 1]) << 8;
        }
    }

    // ---- MMX

    private static void mmx(SimdTable s) {
        s.t.def("EMMS", M0F, NP, 0x77, false, Imm.NONE, (i, e) -> {
            e.call(SimdChecks::mmx);
            e.call((c, u) -> {
                c.fpTop = 0;
                c.fpUsed = 0;
            });
        });
        s.mmx("MOVQ", M0F, 0x6F, 8, (c, u) -> Mmx.set(c, u.d, c.xmm[u.a]));
        s.def("MOVQ Qq,Pq", M0F, NP, 0x7F, (i, e) -> {
            if (i.isMem()) {
                store(i, e, 8);
            } else {
                e.call(SimdChecks::mmx);
                e.call((c, u) -> Mmx.set(c, u.d, c.fpMant[u.a]), i.rm & 7, i.reg & 7, 0, 0);
            }
        });
        s.def("MOVD Pq,Ed", M0F, NP, 0x6E, (i, e) -> {
            e.call(SimdChecks::mmx);
            int size = i.wSize();
            int from = Operands.general(i, e, size);
            e.call((c, u) -> Mmx.set(c, u.d, c.r[u.a] & u.imm), i.reg & 7, from, 0, size == 8 ? -1L : 0xFFFFFFFFL);
        });
        s.def("MOVD Ed,Pq", M0F, NP, 0x7E, (i, e) -> {
            int size = i.wSize();
            if (i.isMem()) {
                store(i, e, size);
            } else {
                e.call(SimdChecks::mmx);
                e.call((c, u) -> {
                    c.r[u.d] = c.fpMant[u.a] & u.imm;
                    Mmx.enter(c);
                }, i.rm, i.reg & 7, 0, size == 8 ? -1L : 0xFFFFFFFFL);
            }
        });
        s.def("MOVNTQ Mq,Pq", M0F, NP, 0xE7, memoryOnly((i, e) -> store(i, e, 8)));
        s.def("PMOVMSKB Gd,Nq", M0F, NP, 0xD7, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            e.call(SimdChecks::mmx);
            e.call((c, u) -> {
                c.r[u.d] = Swar.topBitsB(c.fpMant[u.a]);
                Mmx.enter(c);
            }, i.reg, i.rm & 7, 0, 0);
        });
        s.def("MOVQ2DQ Vdq,Nq", M0F, PF3, 0xD6, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            SimdChecks.emitSse(e);
            e.call(X87Errors::heed);
            e.call((c, u) -> {
                c.xmm[u.d] = c.fpMant[u.a];
                c.xmm[u.d + 1] = 0;
                Mmx.enter(c);
            }, i.reg * 2, i.rm & 7, 0, 0);
        });
        s.def("MOVDQ2Q Pq,Udq", M0F, PF2, 0xD6, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            SimdChecks.emitSse(e);
            e.call(X87Errors::heed);
            e.call((c, u) -> Mmx.set(c, u.d, c.xmm[u.a]), i.reg & 7, i.rm * 2, 0, 0);
        });
        s.t.def("MASKMOVQ Pq,Nq", M0F, OpcodeTable.NP, 0xF7, true, Imm.NONE, (i, e) -> {
            if (i.isMem()) {
                e.invalid();
                return;
            }
            e.call(SimdChecks::mmx);
            addressDi(i, e, 8);
            e.call((c, u) -> {
                maskedStore(c, u, c.fpMant[u.d], 0, c.fpMant[u.a], 0);
                Mmx.enter(c);
            }, i.reg & 7, i.rm & 7, 0, 0);
        });
    }

    private static void store(Insn i, Emitter e, int size) {
        e.call(SimdChecks::mmx);
        e.call((c, u) -> c.xmm[Operands.TX] = c.fpMant[u.a], 0, i.reg & 7, 0, 0);
        MemUop store = size == 8 ? new MemUop.StoreHalf() : new MemUop.Store4();
        Operands.memory(i, e, store, size, true).d = Operands.TX;
        e.call((c, u) -> Mmx.enter(c));
    }
}
