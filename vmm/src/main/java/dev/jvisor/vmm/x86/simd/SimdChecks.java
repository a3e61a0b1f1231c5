package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.ExtendedState;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.cpu.X87Errors;
import dev.jvisor.vmm.x86.decode.Emitter;

/** Whether the control registers and the x87 let an instruction of this package run (Intel SDM 3A, 2.5 and 13.1). */
final class SimdChecks {
    /** {@link Emitter#checkOnce} kind of {@link #sse}. */
    private static final int SSE = 2;
    /** {@link Emitter#checkOnce} kind of {@link #avx}. */
    private static final int AVX = 3;

    private SimdChecks() { }

    /** Emits the check of an SSE instruction, once a block. */
    static void emitSse(Emitter e) {
        e.checkOnce(SSE, SimdChecks::sse);
    }

    /** Emits the check of an instruction behind VEX on vector registers, once a block. */
    static void emitAvx(Emitter e) {
        e.checkOnce(AVX, SimdChecks::avx);
    }

    /** #UD without CR4.OSXSAVE or without SSE and AVX state in XCR0, #NM with CR0.TS (Intel SDM 2A, tables 2-18 to 2-24). */
    static void avx(Cpu c, Uop u) {
        int state = ExtendedState.SSE | ExtendedState.AVX;
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0 || (c.xcr0 & state) != state) {
            throw c.fault(Cpu.UD, Cpu.NO_ERROR, u);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
    }

    /** #UD with CR0.EM or without CR4.OSFXSR, #NM with CR0.TS. */
    static void sse(Cpu c, Uop u) {
        if ((c.cr0 & Cpu.CR0_EM) != 0 || (c.cr4 & Cpu.CR4_OSFXSR) == 0) {
            throw c.fault(Cpu.UD, Cpu.NO_ERROR, u);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
    }

    /**
     * #UD with CR0.EM, #NM with CR0.TS, what {@link X87Errors} does when an x87 exception waits. Not once a block: an x87 instruction may come
     * between.
     */
    static void mmx(Cpu c, Uop u) {
        fxsr(c, u);
        X87Errors.heed(c, u);
    }

    /** #UD with CR0.EM, #NM with CR0.TS. */
    static void fxsr(Cpu c, Uop u) {
        if ((c.cr0 & Cpu.CR0_EM) != 0) {
            throw c.fault(Cpu.UD, Cpu.NO_ERROR, u);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
    }

    /** #UD without CR4.OSXSAVE, #NM with CR0.TS. */
    static void xsave(Cpu c, Uop u) {
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0) {
            throw c.fault(Cpu.UD, Cpu.NO_ERROR, u);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.fault(Cpu.NM, Cpu.NO_ERROR, u);
        }
    }
}
