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
 * The gathers of AVX2 (Intel SDM 2C, VGATHERDPS and relatives): elements from addresses that another vector register names (VSIB). An element
 * is loaded if its mask element, in VEX.vvvv, has its top bit set, and then its mask element becomes zero; so after a fault, which leaves
 * what was loaded before it, the instruction can begin again and goes on. What a fault leaves undone stays as it was in both registers, as on
 * AMD's processors; the SDM's description spreads the top bits of the mask first.
 */
final class GatherOps {
    private GatherOps() { }

    static void register(SimdTable s) {
        define(s.t, "DD", "DPS", 0x90, 0x92, 4, 4);
        define(s.t, "DQ", "DPD", 0x90, 0x92, 4, 8);
        define(s.t, "QD", "QPS", 0x91, 0x93, 8, 4);
        define(s.t, "QQ", "QPD", 0x91, 0x93, 8, 8);
    }

    private static void define(OpcodeTable t, String integer, String real, int integerOp, int realOp, int indexSize, int size) {
        for (boolean wide : new boolean[] {false, true}) {
            Vex vex = (wide ? Vex.l256(CpuFeature.AVX2) : Vex.l128(CpuFeature.AVX2)).w(size == 8 ? 1 : 0);
            int elements = (wide ? 32 : 16) / Math.max(indexSize, size);
            // With 64-bit indices and 32-bit elements the vector of elements is half as wide.
            String v = wide && elements * size == 32 ? " Vqq,Mvm,Hqq" : " Vdq,Mvm,Hdq";
            t.vexMem("VPGATHER" + integer + v, M38 + VEX_MAP, P66, integerOp, vex, Imm.NONE, (i, e) -> emit(i, e, elements, indexSize, size));
            t.vexMem("VGATHER" + real + v, M38 + VEX_MAP, P66, realOp, vex, Imm.NONE, (i, e) -> emit(i, e, elements, indexSize, size));
        }
    }

    private static void emit(Insn i, Emitter e, int elements, int indexSize, int size) {
        int index = i.sibIndex;
        if (!i.hasSib || i.reg == index || i.reg == i.vvvv || index == i.vvvv) {
            e.invalid();
            return;
        }
        SimdChecks.emitAvx(e);
        Gather u = e.add(new Gather(elements, indexSize, size, i.addrSize, index * 2));
        u.d = i.reg * 2;
        u.a = i.base;
        u.b = i.vvvv * 2;
        u.scale = i.scale;
        u.imm = i.disp;
        u.seg = i.seg;
    }

    private static long part(Cpu c, int register, int k) {
        return (k < 2 ? c.xmm : c.ymmHigh)[register + (k & 1)];
    }

    private static void setPart(Cpu c, int register, int k, long v) {
        (k < 2 ? c.xmm : c.ymmHigh)[register + (k & 1)] = v;
    }

    /** {@return an element, sign-extended} */
    private static long element(Cpu c, int register, int n, int size) {
        return size == 8 ? part(c, register, n) : (int) (part(c, register, n >> 1) >>> 32 * (n & 1));
    }

    private static void setElement(Cpu c, int register, int n, int size, long v) {
        if (size == 8) {
            setPart(c, register, n, v);
        } else {
            int shift = 32 * (n & 1);
            setPart(c, register, n >> 1, part(c, register, n >> 1) & ~(0xFFFFFFFFL << shift) | (v & 0xFFFFFFFFL) << shift);
        }
    }

    /** {@code d} destination, {@code b} mask, base of the address in {@code a}. */
    private static final class Gather extends Uop {
        private final int elements;
        private final int indexSize;
        private final int size;
        private final long addressMask;
        private final int index;

        Gather(int elements, int indexSize, int size, int addrSize, int index) {
            this.elements = elements;
            this.indexSize = indexSize;
            this.size = size;
            this.addressMask = addrSize == 8 ? -1L : 0xFFFFFFFFL;
            this.index = index;
        }

        @Override
        public void exec(Cpu c) {
            // No #AC whatever RFLAGS.AC says.
            boolean aligning = c.checks.suspendAlignment(0, 1, this);
            try {
                gather(c);
            } finally {
                c.checks.resumeAlignment(aligning);
            }
        }

        private void gather(Cpu c) {
            for (int n = 0; n < elements; n++) {
                if (element(c, b, n, size) < 0) {
                    long offset = c.r[a] + (element(c, index, n, indexSize) << scale) + imm & addressMask;
                    long va = SegmentCheck.linear(c, seg, offset, size, false, this);
                    setElement(c, d, n, size, size == 8 ? c.ld64(va, this) : c.ld32(va, this));
                }
                setElement(c, b, n, size, 0);
            }
            clearFrom(c, b, elements * size);
            clearFrom(c, d, elements * size);
        }

        /** Clears a register from the 8th, 16th or 32nd byte on. */
        private static void clearFrom(Cpu c, int register, int bytes) {
            for (int k = bytes >> 3; k < 4; k++) {
                setPart(c, register, k, 0);
            }
        }
    }
}
