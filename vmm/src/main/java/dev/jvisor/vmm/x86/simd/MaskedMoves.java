package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M38;
import static dev.jvisor.vmm.x86.simd.SimdTable.P66;
import static dev.jvisor.vmm.x86.simd.SimdTable.VEX_MAP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import dev.jvisor.vmm.x86.decode.SegmentCheck;
import dev.jvisor.vmm.x86.decode.Vex;

/**
 * VMASKMOVPS, VMASKMOVPD, VPMASKMOVD and VPMASKMOVQ (Intel SDM 2C): loads and stores of those elements whose mask element, in VEX.vvvv, has
 * its top bit set. Memory of the others is not touched and cannot fault; they are loaded as zeros.
 */
final class MaskedMoves {
    private MaskedMoves() { }

    static void register(SimdTable s) {
        define(s.t, "VMASKMOVPS", 0x2C, 0x2E, 4, CpuFeature.AVX, 0);
        define(s.t, "VMASKMOVPD", 0x2D, 0x2F, 8, CpuFeature.AVX, 0);
        define(s.t, "VPMASKMOVD", 0x8C, 0x8E, 4, CpuFeature.AVX2, 0);
        define(s.t, "VPMASKMOVQ", 0x8C, 0x8E, 8, CpuFeature.AVX2, 1);
    }

    private static void define(OpcodeTable t, String name, int load, int store, int size, CpuFeature feature, int w) {
        for (boolean wide : new boolean[] {false, true}) {
            Vex vex = (wide ? Vex.l256(feature) : Vex.l128(feature)).w(w);
            String x = wide ? "qq" : "dq";
            int bytes = wide ? 32 : 16;
            t.vexMem(name + " V" + x + ",H" + x + ",M" + x, M38 + VEX_MAP, P66, load, vex, Imm.NONE, (i, e) -> {
                SimdChecks.emitAvx(e);
                emit(i, e, new Load(bytes, size, i));
            });
            t.vexMem(name + " M" + x + ",H" + x + ",V" + x, M38 + VEX_MAP, P66, store, vex, Imm.NONE, (i, e) -> {
                SimdChecks.emitAvx(e);
                emit(i, e, new Store(bytes, size, i));
            });
        }
    }

    private static void emit(Insn i, Emitter e, Step u) {
        e.add(u);
        u.d = i.reg * 2;
        u.a = i.base;
        u.b = i.index;
        u.scale = i.scale;
        u.imm = i.disp;
        u.seg = i.seg;
    }

    /** {@return 64 bits of a YMM register, 0 the lowest} */
    private static long part(Cpu c, int register, int k) {
        return (k < 2 ? c.xmm : c.ymmHigh)[register + (k & 1)];
    }

    /** A load or store of a vector by elements. Limits of segments count for each element that is moved. */
    private abstract static class Step extends Uop {
        final int bytes;
        final int size;
        private final int mask;
        private final long addressMask;

        Step(int bytes, int size, Insn i) {
            this.bytes = bytes;
            this.size = size;
            this.mask = i.vvvv * 2;
            this.addressMask = i.addrSize == 8 ? -1L : i.addrSize == 4 ? 0xFFFFFFFFL : 0xFFFF;
        }

        @Override
        public final void exec(Cpu c) {
            // No #AC whatever RFLAGS.AC says.
            boolean aligning = c.checks.suspendAlignment(0, 1, this);
            try {
                move(c);
            } finally {
                c.checks.resumeAlignment(aligning);
            }
        }

        abstract void move(Cpu c);

        /** {@return whether an element is to be moved} @param at its first byte */
        final boolean wanted(Cpu c, int at) {
            long m = part(c, mask, at >> 3);
            return (size == 8 ? m : m << 32 - 8 * (at & 4)) < 0;
        }

        /** {@return the operand's offset in its segment} */
        final long offset(Cpu c) {
            return c.r[a] + (c.r[b] << scale) + imm & addressMask;
        }

        /** {@return the linear address of an element} */
        final long va(Cpu c, long offset, int at, boolean write) {
            return SegmentCheck.linear(c, seg, offset + at, size, write, this);
        }
    }

    /** Loads. */
    private static final class Load extends Step {
        Load(int bytes, int size, Insn i) {
            super(bytes, size, i);
        }

        @Override
        void move(Cpu c) {
            long offset = offset(c);
            // Into the temporary first: a later element may fault.
            int t = FloatUop.TD;
            c.xmm[t] = 0;
            c.xmm[t + 1] = 0;
            c.ymmHigh[t] = 0;
            c.ymmHigh[t + 1] = 0;
            for (int at = 0; at < bytes; at += size) {
                if (wanted(c, at)) {
                    long va = va(c, offset, at, false);
                    long x = size == 8 ? c.ld64(va, this) : c.ld32(va, this) << 8 * (at & 4);
                    (at < 16 ? c.xmm : c.ymmHigh)[t + (at >> 3 & 1)] |= x;
                }
            }
            c.xmm[d] = c.xmm[t];
            c.xmm[d + 1] = c.xmm[t + 1];
            c.ymmHigh[d] = c.ymmHigh[t];
            c.ymmHigh[d + 1] = c.ymmHigh[t + 1];
        }
    }

    /** Stores. */
    private static final class Store extends Step {
        Store(int bytes, int size, Insn i) {
            super(bytes, size, i);
        }

        @Override
        void move(Cpu c) {
            long offset = offset(c);
            for (int at = 0; at < bytes; at += size) {
                if (wanted(c, at)) {
                    c.hostForWrite(va(c, offset, at, true), size, this);
                }
            }
            for (int at = 0; at < bytes; at += size) {
                if (wanted(c, at)) {
                    long va = va(c, offset, at, true);
                    long x = part(c, d, at >> 3) >>> 8 * (at & 8 - size);
                    if (size == 8) {
                        c.st64(va, x, this);
                    } else {
                        c.st32(va, x, this);
                    }
                }
            }
        }
    }
}
