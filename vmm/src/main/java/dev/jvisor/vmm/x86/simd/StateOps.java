package dev.jvisor.vmm.x86.simd;

import static dev.jvisor.vmm.x86.simd.SimdTable.M0F;
import static dev.jvisor.vmm.x86.simd.SimdTable.NP;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.ExtendedState;
import dev.jvisor.vmm.x86.cpu.Semantic;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.Opcode.Translator;
import dev.jvisor.vmm.x86.decode.SegmentCheck;
import dev.jvisor.vmm.x86.decode.Vex;

/**
 * FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC, XRSTOR, LDMXCSR, STMXCSR (Intel SDM 1, 10.5 and 13.4 to 13.11). The area:
 * <pre>
 *   0 FCW  2 FSW  4 FTW  6 FOP  8 FIP  16 FDP  24 MXCSR  28 MXCSR_MASK
 *  32 ST0 to ST7, 16 bytes each    160 XMM0 to XMM15    416 reserved
 * 512 XSTATE_BV  520 XCOMP_BV  528 reserved    576 upper halves of YMM0 to YMM15 (component 2)    832 end
 * </pre>
 * Component 2 is the last one known, so the compacted format puts it at 576 as well. Code and data selectors are saved as 0, as on
 * processors that report them deprecated.
 */
final class StateOps {
    /** MXCSR bits that exist. */
    static final int MXCSR_MASK = 0xFFFF;
    private static final int MXCSR_RESET = 0x1F80;

    private static final int FXSAVE_SIZE = 512;
    private static final int HEADER_END = 576;
    private static final int AREA_END = 832;
    private static final int X87 = ExtendedState.X87;
    private static final int SSE = ExtendedState.SSE;
    private static final int AVX = ExtendedState.AVX;
    private static final long COMPACTED = 1L << 63;

    /** How a save treats components in their initial state. */
    private enum Kind {
        XSAVE, XSAVEOPT, XSAVEC
    }

    private StateOps() { }

    static void register(SimdTable s) {
        s.t.groupMem("FXSAVE M", M0F, NP, 0xAE, 0, Imm.NONE, area(SimdChecks::fxsr, FXSAVE_SIZE, true, StateOps::fxsave));
        s.t.groupMem("FXRSTOR M", M0F, NP, 0xAE, 1, Imm.NONE, area(SimdChecks::fxsr, FXSAVE_SIZE, false, StateOps::fxrstor));
        s.t.groupMem("LDMXCSR Md", M0F, NP, 0xAE, 2, Imm.NONE, (i, e) -> {
            SimdChecks.emitSse(e);
            Operands.memory(i, e, new MemUop.LoadGpr(4), 4, false).d = Cpu.T0;
            e.call(StateOps::ldmxcsr);
        });
        s.t.groupMem("STMXCSR Md", M0F, NP, 0xAE, 3, Imm.NONE, (i, e) -> {
            SimdChecks.emitSse(e);
            e.call((c, u) -> c.r[Cpu.T0] = c.mxcsr);
            Operands.memory(i, e, new MemUop.StoreGpr(4), 4, true).d = Cpu.T0;
        });
        Vex vex = Vex.l128(CpuFeature.AVX).two();
        s.t.vexGroupMem("VLDMXCSR Md", M0F + SimdTable.VEX_MAP, NP, 0xAE, 2, vex, Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            Operands.memory(i, e, new MemUop.LoadGpr(4), 4, false).d = Cpu.T0;
            e.call(StateOps::ldmxcsr);
        });
        s.t.vexGroupMem("VSTMXCSR Md", M0F + SimdTable.VEX_MAP, NP, 0xAE, 3, vex, Imm.NONE, (i, e) -> {
            SimdChecks.emitAvx(e);
            e.call((c, u) -> c.r[Cpu.T0] = c.mxcsr);
            Operands.memory(i, e, new MemUop.StoreGpr(4), 4, true).d = Cpu.T0;
        });
        s.with(CpuFeature.XSAVE, () -> registerXsave(s));
    }

    private static void registerXsave(SimdTable s) {
        Semantic check = SimdChecks::xsave;
        s.t.groupMem("XSAVE M", M0F, NP, 0xAE, 4, Imm.NONE, area(check, HEADER_END, true, (c, u) -> xsave(c, u, Kind.XSAVE)));
        s.t.groupMem("XRSTOR M", M0F, NP, 0xAE, 5, Imm.NONE, area(check, HEADER_END, false, StateOps::xrstor));
        s.with(CpuFeature.XSAVEOPT, () -> s.t.groupMem("XSAVEOPT M", M0F, NP, 0xAE, 6, Imm.NONE,
                area(check, HEADER_END, true, (c, u) -> xsave(c, u, Kind.XSAVEOPT))));
        s.with(CpuFeature.XSAVEC, () -> s.t.groupMem("XSAVEC M", M0F, NP, 0xC7, 4, Imm.NONE,
                area(check, HEADER_END, true, (c, u) -> xsave(c, u, Kind.XSAVEC))));
    }

    private static void ldmxcsr(Cpu c, Uop u) {
        int v = (int) c.r[Cpu.T0];
        checkMxcsr(c, u, v);
        c.mxcsr = v;
    }

    /** {@code f} finds the address in TA and REX.W in {@code a}. */
    private static Translator area(Semantic check, int size, boolean write, Semantic f) {
        return (i, e) -> {
            e.call(check);
            e.address(size, write);
            e.call(f, 0, i.rexW() ? 1 : 0, 0, 0).seg = i.seg;
        };
    }

    private static void checkMxcsr(Cpu c, Uop u, int v) {
        if ((v & ~MXCSR_MASK) != 0) {
            throw c.fault(Cpu.GP, 0, u);
        }
    }

    private static int registers(Cpu c) {
        return c.long64() ? 16 : 8;
    }

    private static long area(Cpu c, Uop u, int alignment) {
        long va = c.r[Cpu.TA];
        if ((va & alignment - 1) != 0) {
            throw c.fault(Cpu.GP, 0, u);
        }
        return va;
    }

    // ---- FXSAVE, FXRSTOR

    private static void fxsave(Cpu c, Uop u) {
        long va = area(c, u, 16);
        c.hostForWrite(va, FXSAVE_SIZE, u);
        saveX87(c, u, va);
        saveMxcsr(c, u, va);
        saveXmm(c, u, va);
    }

    private static void fxrstor(Cpu c, Uop u) {
        long va = area(c, u, 16);
        c.hostForRead(va, FXSAVE_SIZE, u);
        int mxcsr = (int) c.ld32(va + 24, u);
        checkMxcsr(c, u, mxcsr);
        loadX87(c, u, va);
        c.mxcsr = mxcsr;
        loadXmm(c, u, va);
    }

    private static void saveX87(Cpu c, Uop u, long va) {
        long fsw = c.fsw & ~0x3800 | c.fpTop << 11;
        c.st64(va, c.fcw & 0xFFFFL | (fsw & 0xFFFF) << 16 | (c.fpUsed & 0xFFL) << 32 | (c.fop & 0x7FFL) << 48, u);
        boolean wide = u.a != 0;
        c.st64(va + 8, wide ? c.fip : c.fip & 0xFFFFFFFFL, u);
        c.st64(va + 16, wide ? c.fdp : c.fdp & 0xFFFFFFFFL, u);
        for (int k = 0; k < 8; k++) {
            int p = c.fpTop + k & 7;
            c.st64(va + 32 + 16 * k, c.fpMant[p], u);
            // Bits 80 to 127 are reserved and written as zeros.
            c.st64(va + 40 + 16 * k, c.fpExp[p] & 0xFFFFL, u);
        }
    }

    private static void loadX87(Cpu c, Uop u, long va) {
        long head = c.ld64(va, u);
        boolean wide = u.a != 0;
        long fip = c.ld64(va + 8, u);
        long fdp = c.ld64(va + 16, u);
        int top = (int) (head >>> 16 + 11) & 7;
        c.fcw = (int) head & 0x1F7F | 0x40;
        int fsw = (int) (head >>> 16) & 0x477F;
        // ES and B follow from the exceptions and their masks, whatever the image says.
        c.fsw = (fsw & ~c.fcw & 0x3F) != 0 ? fsw | 0x8080 : fsw;
        c.x87Errors.changed();
        c.fpTop = top;
        c.fpUsed = (int) (head >>> 32) & 0xFF;
        c.fop = (int) (head >>> 48) & 0x7FF;
        c.fip = wide ? fip : fip & 0xFFFFFFFFL;
        c.fdp = wide ? fdp : fdp & 0xFFFFFFFFL;
        for (int k = 0; k < 8; k++) {
            int p = top + k & 7;
            c.fpMant[p] = c.ld64(va + 32 + 16 * k, u);
            c.fpExp[p] = (int) c.ld16(va + 40 + 16 * k, u);
        }
    }

    private static void initX87(Cpu c) {
        c.fcw = 0x37F;
        c.fsw = 0;
        c.x87Errors.changed();
        c.fpTop = 0;
        c.fpUsed = 0;
        c.fop = 0;
        c.fip = 0;
        c.fdp = 0;
        for (int k = 0; k < 8; k++) {
            c.fpMant[k] = 0;
            c.fpExp[k] = 0;
        }
    }

    private static void saveMxcsr(Cpu c, Uop u, long va) {
        c.st64(va + 24, c.mxcsr & 0xFFFFFFFFL | (long) MXCSR_MASK << 32, u);
    }

    private static void saveXmm(Cpu c, Uop u, long va) {
        for (int k = 0; k < registers(c) * 2; k++) {
            c.st64(va + 160 + 8 * k, c.xmm[k], u);
        }
    }

    private static void loadXmm(Cpu c, Uop u, long va) {
        for (int k = 0; k < registers(c) * 2; k++) {
            c.xmm[k] = c.ld64(va + 160 + 8 * k, u);
        }
    }

    // ---- XSAVE, XRSTOR

    private static int requested(Cpu c) {
        long mask = c.r[Cpu.RAX] & 0xFFFFFFFFL | c.r[Cpu.RDX] << 32;
        return (int) (mask & c.xcr0);
    }

    /** The segment's limit counts for component 2 too, where it is wanted; up to the header's end it has been looked at. */
    private static void checkUpperHalves(Cpu c, Uop u, long va, int mask, boolean write) {
        if ((mask & AVX) != 0 && !c.long64()) {
            SegmentCheck.linear(c, u.seg, va + HEADER_END - c.segBase[u.seg] & 0xFFFF_FFFFL, AREA_END - HEADER_END, write, u);
        }
    }

    private static void xsave(Cpu c, Uop u, Kind kind) {
        long va = area(c, u, 64);
        int mask = requested(c);
        checkUpperHalves(c, u, va, mask, true);
        c.hostForWrite(va, (mask & AVX) != 0 ? AREA_END : HEADER_END, u);
        int used = ExtendedState.inUse(c) & mask;
        if (kind == Kind.XSAVEC && (mask & SSE) != 0 && c.mxcsr != MXCSR_RESET) {
            used |= SSE;
        }
        int save = kind == Kind.XSAVE ? mask : used;
        if ((save & X87) != 0) {
            saveX87(c, u, va);
        }
        if (kind == Kind.XSAVEC ? (save & SSE) != 0 : (mask & (SSE | AVX)) != 0) {
            saveMxcsr(c, u, va);
        }
        if ((save & SSE) != 0) {
            saveXmm(c, u, va);
        }
        if ((save & AVX) != 0) {
            for (int k = 0; k < registers(c) * 2; k++) {
                c.st64(va + HEADER_END + 8 * k, c.ymmHigh[k], u);
            }
        }
        if (kind == Kind.XSAVEC) {
            c.st64(va + 512, used, u);
            c.st64(va + 520, COMPACTED | mask, u);
        } else {
            c.st64(va + 512, c.ld64(va + 512, u) & ~(long) mask | used, u);
        }
    }

    private static void xrstor(Cpu c, Uop u) {
        long va = area(c, u, 64);
        int mask = requested(c);
        checkUpperHalves(c, u, va, mask, false);
        c.hostForRead(va, (mask & AVX) != 0 ? AREA_END : HEADER_END, u);
        long present = c.ld64(va + 512, u);
        long format = c.ld64(va + 520, u);
        boolean compacted = format < 0;
        long reserved = c.ld64(va + 528, u);
        if (compacted) {
            for (int at = 536; at < HEADER_END; at += 8) {
                reserved |= c.ld64(va + at, u);
            }
            reserved |= format & ~COMPACTED & ~c.xcr0 | present & ~format;
        } else {
            reserved |= format;
        }
        if (reserved != 0 || (present & ~c.xcr0) != 0) {
            throw c.fault(Cpu.GP, 0, u);
        }
        boolean mxcsrFromMemory = compacted ? (mask & present & SSE) != 0 : (mask & (SSE | AVX)) != 0;
        int mxcsr = mxcsrFromMemory ? (int) c.ld32(va + 24, u) : MXCSR_RESET;
        checkMxcsr(c, u, mxcsr);
        int load = (int) present & mask;
        if ((mask & X87) != 0) {
            if ((load & X87) != 0) {
                loadX87(c, u, va);
            } else {
                initX87(c);
            }
        }
        if (mxcsrFromMemory || compacted && (mask & SSE) != 0) {
            c.mxcsr = mxcsr;
        }
        if ((mask & SSE) != 0) {
            if ((load & SSE) != 0) {
                loadXmm(c, u, va);
            } else {
                clear(c.xmm, registers(c) * 2);
            }
        }
        if ((mask & AVX) != 0) {
            for (int k = 0; k < registers(c) * 2; k++) {
                c.ymmHigh[k] = (load & AVX) != 0 ? c.ld64(va + HEADER_END + 8 * k, u) : 0;
            }
        }
    }

    private static void clear(long[] v, int n) {
        for (int k = 0; k < n; k++) {
            v[k] = 0;
        }
    }
}
