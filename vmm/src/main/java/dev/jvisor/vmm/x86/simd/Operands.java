package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;

/** Emits the fetching of operands: whatever form an operand has, the steps after it find it in a register. */
final class Operands {
    /** Temporary XMM register that a memory operand, or an MMX source, is brought into (index of its low half). */
    static final int TX = 32;

    private Operands() { }

    /** Puts the memory operand's address into {@code u} and adds it. {@code u.d} is the caller's to set. */
    static <T extends MemUop> T memory(Insn i, Emitter e, T u, int size, boolean write) {
        if ((i.mode & Cpu.MODE_FLAT) != 0 && i.addrSize == 8 && i.seg != Cpu.FS && i.seg != Cpu.GS) {
            u.a = i.base;
            u.b = i.index;
            u.scale = i.scale;
            u.imm = i.disp;
        } else {
            e.address(size, write);
            u.a = Cpu.TA;
            u.b = Cpu.ZERO;
        }
        u.seg = i.seg;
        return e.add(u);
    }

    /**
     * Emits the SSE check and the fetching of the ModRM operand.
     *
     * @param size bytes of a memory operand: 16 must be aligned, -16 need not, 2, 4 and 8 are zero-extended
     * @return index of the XMM register that holds it
     */
    static int xmm(Insn i, Emitter e, int size) {
        SimdChecks.emitSse(e);
        return i.isMem() ? load(i, e, size) : i.rm * 2;
    }

    /**
     * Emits the AVX check and the fetching of the ModRM operand. Memory operands behind VEX need not be aligned.
     *
     * @param size bytes of a memory operand: 32, 16, or 2, 4 and 8, which are zero-extended to 16
     * @return index of the register that holds it, an upper half included when size is 32
     */
    static int vex(Insn i, Emitter e, int size) {
        SimdChecks.emitAvx(e);
        return i.isMem() ? load(i, e, size == 16 ? -16 : size) : i.rm * 2;
    }

    /** Emits a load into {@link #TX}; sizes as {@link #xmm}, and 32, which need not be aligned. {@return TX} */
    static int load(Insn i, Emitter e, int size) {
        MemUop u = switch (size) {
            case 16 -> new MemUop.Load16Aligned();
            case -16 -> new MemUop.Load16();
            case 32 -> new MemUop.Load32();
            case 8 -> new MemUop.Load8();
            case 4 -> new MemUop.Load4();
            case 2 -> new MemUop.Load2();
            default -> throw new IllegalArgumentException("size=" + size);
        };
        memory(i, e, u, Math.abs(size), false).d = TX;
        return TX;
    }

    /** {@return the index of the register that bits 4 to 7 of the immediate name; outside 64-bit mode bit 7 means nothing} */
    static int registerInImmediate(Insn i) {
        return ((int) i.imm >> 4 & (i.code == 8 ? 15 : 7)) * 2;
    }

    /** Emits the MMX check and brings the ModRM operand into {@code xmm[TX]}. @param size bytes of a memory operand, 4 or 8 */
    static void mmx(Insn i, Emitter e, int size) {
        e.call(SimdChecks::mmx);
        if (i.isMem()) {
            load(i, e, size);
        } else {
            e.call((c, u) -> c.xmm[TX] = c.fpMant[u.a], 0, i.rm & 7, 0, 0);
        }
    }

    /** Brings the ModRM operand, a general register or memory, into a general register. {@return its index in {@code Cpu.r}} */
    static int general(Insn i, Emitter e, int size) {
        if (!i.isMem()) {
            return i.rm;
        }
        memory(i, e, new MemUop.LoadGpr(size), size, false).d = Cpu.T0;
        return Cpu.T0;
    }
}
