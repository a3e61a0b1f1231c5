package dev.jvisor.vmm.x86.ops;

import static dev.jvisor.vmm.x86.decode.OpcodeTable.ANY;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.M0F;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.NP;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.ONE_BYTE;
import static dev.jvisor.vmm.x86.decode.OpcodeTable.P66;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.Opcode.Imm;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import java.lang.invoke.VarHandle;

/** Flags one by one; NOPs, hints, fences, cache control; BOUND; the undefined instructions that are meant to be. */
final class FlagOps {
    /** PAUSEs for which the thread keeps its host CPU; a power of two. */
    private static final int PAUSES_A_YIELD = 32;

    private FlagOps() { }

    static void register(OpcodeTable t) {
        t.def("CMC", ONE_BYTE, ANY, 0xF5, false, Imm.NONE, (i, e) -> e.call((c, u) -> BitTests.setCarry(c, !Flags.cf(c))));
        t.def("CLC", ONE_BYTE, ANY, 0xF8, false, Imm.NONE, (i, e) -> e.call((c, u) -> BitTests.setCarry(c, false)));
        t.def("STC", ONE_BYTE, ANY, 0xF9, false, Imm.NONE, (i, e) -> e.call((c, u) -> BitTests.setCarry(c, true)));
        t.def("CLD", ONE_BYTE, ANY, 0xFC, false, Imm.NONE, (i, e) -> e.call((c, u) -> c.sysFlags &= ~Flags.DF));
        t.def("STD", ONE_BYTE, ANY, 0xFD, false, Imm.NONE, (i, e) -> e.call((c, u) -> c.sysFlags |= Flags.DF));

        t.def("PREFETCHW M", M0F, ANY, 0x0D, true, Imm.NONE, (i, e) -> { });
        for (int op = 0x18; op <= 0x1F; op++) {
            // PREFETCHh, ENDBR and what was left as room for hints.
            t.def("NOP Ev", M0F, ANY, op, true, Imm.NONE, (i, e) -> { });
        }
        t.groupReg("LFENCE", M0F, NP, 0xAE, 5, Imm.NONE, (i, e) -> e.call((c, u) -> VarHandle.acquireFence()));
        t.groupReg("MFENCE", M0F, NP, 0xAE, 6, Imm.NONE, (i, e) -> e.call((c, u) -> VarHandle.fullFence()));
        t.groupReg("SFENCE", M0F, NP, 0xAE, 7, Imm.NONE, (i, e) -> e.call((c, u) -> VarHandle.releaseFence()));
        t.groupMem("CLFLUSH Mb", M0F, NP, 0xAE, 7, Imm.NONE, FlagOps::flushLine);
        t.with(CpuFeature.CLFLUSHOPT, () -> t.groupMem("CLFLUSHOPT Mb", M0F, P66, 0xAE, 7, Imm.NONE, FlagOps::flushLine));
        t.with(CpuFeature.CLWB, () -> t.groupMem("CLWB Mb", M0F, P66, 0xAE, 6, Imm.NONE, FlagOps::flushLine));

        t.def("BOUND Gv,Ma", ONE_BYTE, ANY, 0x62, true, Imm.NONE, FlagOps::bound);
        t.def("UD0", M0F, ANY, 0xFF, true, Imm.NONE, (i, e) -> e.invalid());
        t.def("UD1", M0F, ANY, 0xB9, true, Imm.NONE, (i, e) -> e.invalid());
        t.def("UD2", M0F, ANY, 0x0B, false, Imm.NONE, (i, e) -> e.invalid());
    }

    /** A guest that spins waits for a VP that may have no host CPU: after some turns, offer it this one. */
    static void pause(Cpu c, Uop u) {
        if ((++c.pauses & PAUSES_A_YIELD - 1) == 0) {
            Thread.yield();
        } else {
            Thread.onSpinWait();
        }
    }

    /** There are no caches; but it faults as a load does. */
    private static void flushLine(Insn i, Emitter e) {
        Operands.load(e, i, Cpu.T0, 1, 0);
    }

    private static void bound(Insn i, Emitter e) {
        if (!i.isMem()) {
            e.invalid();
            return;
        }
        int size = i.opSize;
        e.address(2 * size, false);
        e.call((c, u) -> {
            int up = 64 - 8 * size;
            long index = c.r[u.a] << up >> up;
            long low = Semantics.load(c, c.r[Cpu.TA], size, u) << up >> up;
            long high = Semantics.load(c, c.r[Cpu.TA] + size, size, u) << up >> up;
            if (index < low || index > high) {
                throw c.fault(Cpu.BR, Cpu.NO_ERROR, u);
            }
        }, 0, i.reg, 0, 0);
    }
}
