package dev.jvisor.guest.asm;

/** The SSE and SSE2 instructions guests need. Operands: XMM registers, and memory or XMM as source. Intel SDM volume 2. */
abstract class SimdInstructions extends InstructionEncoder {
    SimdInstructions(long origin, Mode mode) {
        super(origin, mode);
    }

    /** {@code dst op= src} for a whole family of instructions. */
    private void xmm(String name, int prefix, int opcode, Xmm dst, Operand src) {
        if (!(src instanceof Xmm) && !(src instanceof Mem)) {
            throw wrong(name, dst, src);
        }
        modrm(name, 0, prefix, opcode, dst, src, 0);
    }

    private void move(String name, int prefix, int load, int store, Operand dst, Operand src) {
        if (dst instanceof Xmm register) {
            xmm(name, prefix, load, register, src);
        } else if (dst instanceof Mem && src instanceof Xmm) {
            modrm(name, 0, prefix, store, src, dst, 0);
        } else {
            throw wrong(name, dst, src);
        }
    }

    /** Moves 16 aligned bytes. */
    public void movaps(Operand dst, Operand src) {
        move("movaps", 0, 0x0F28, 0x0F29, dst, src);
    }

    /** Moves 16 bytes. */
    public void movups(Operand dst, Operand src) {
        move("movups", 0, 0x0F10, 0x0F11, dst, src);
    }

    /** Moves 16 aligned bytes. */
    public void movapd(Operand dst, Operand src) {
        move("movapd", 0x66, 0x0F28, 0x0F29, dst, src);
    }

    /** Moves 16 bytes. */
    public void movupd(Operand dst, Operand src) {
        move("movupd", 0x66, 0x0F10, 0x0F11, dst, src);
    }

    /** Moves 16 aligned bytes. */
    public void movdqa(Operand dst, Operand src) {
        move("movdqa", 0x66, 0x0F6F, 0x0F7F, dst, src);
    }

    /** Moves 16 bytes. */
    public void movdqu(Operand dst, Operand src) {
        move("movdqu", 0xF3, 0x0F6F, 0x0F7F, dst, src);
    }

    /** Moves a single-precision number. */
    public void movss(Operand dst, Operand src) {
        move("movss", 0xF3, 0x0F10, 0x0F11, dst, src);
    }

    /** Moves a double-precision number (the string instruction is {@code movs(4)}). */
    public void movsd(Operand dst, Operand src) {
        move("movsd", 0xF2, 0x0F10, 0x0F11, dst, src);
    }

    /** Moves 32 bits between XMM and a general register or memory. */
    public void movd(Operand dst, Operand src) {
        moveGeneral("movd", 4, dst, src);
    }

    /** Moves 64 bits between XMM and a general register, memory or XMM. */
    public void movq(Operand dst, Operand src) {
        if (dst instanceof Xmm register && !(src instanceof Gpr)) {
            xmm("movq", 0xF3, 0x0F7E, register, src);
        } else if (dst instanceof Mem && src instanceof Xmm) {
            modrm("movq", 0, 0x66, 0x0FD6, src, dst, 0);
        } else {
            moveGeneral("movq", 8, dst, src);
        }
    }

    private void moveGeneral(String name, int size, Operand dst, Operand src) {
        boolean load = dst instanceof Xmm;
        Operand general = load ? src : dst;
        Operand vector = load ? dst : src;
        if (!(vector instanceof Xmm) || general instanceof Gpr gpr && gpr.bytes() != size || !(general instanceof Gpr || general instanceof Mem)) {
            throw wrong(name, dst, src);
        }
        // In 16-bit mode a size of four would ask for the operand-size prefix, which is the mandatory one here anyway.
        modrm(name, size == 8 ? 8 : 0, 0x66, load ? 0x0F6E : 0x0F7E, vector, general, 0);
    }

    /** Stores a general register without filling the caches. */
    public void movnti(Mem dst, Gpr src) {
        int size = sizeOf("movnti", dst, src);
        if (size < 4) {
            throw wrong("movnti", dst, src);
        }
        modrm("movnti", size, 0, 0x0FC3, src, dst, 0);
    }

    /** Shuffles four 32-bit lanes. */
    public void pshufd(Xmm dst, Operand src, int order) {
        shuffle("pshufd", 0x66, 0x0F70, dst, src, order);
    }

    /** Shuffles single-precision lanes of both operands. */
    public void shufps(Xmm dst, Operand src, int order) {
        shuffle("shufps", 0, 0x0FC6, dst, src, order);
    }

    private void shuffle(String name, int prefix, int opcode, Xmm dst, Operand src, int order) {
        if (!(src instanceof Xmm) && !(src instanceof Mem)) {
            throw wrong(name, dst, src);
        }
        modrm(name, 0, prefix, opcode, dst, src, 1);
        immediate(name, order, 1);
    }

    /** Collects the sign bits of 16 bytes. */
    public void pmovmskb(Gpr dst, Xmm src) {
        if (dst.bytes() != 4) {
            throw wrong("pmovmskb", dst, src);
        }
        modrm("pmovmskb", 0, 0x66, 0x0FD7, dst, src, 0);
    }

    /** Converts a 32- or 64-bit integer to double precision. */
    public void cvtsi2sd(Xmm dst, Operand src) {
        int size = sizeOf("cvtsi2sd", src, null);
        if (size < 4) {
            throw wrong("cvtsi2sd", dst, src);
        }
        modrm("cvtsi2sd", size == 8 ? 8 : 0, 0xF2, 0x0F2A, dst, src, 0);
    }

    /** Converts a double-precision number to an integer, towards zero. */
    public void cvttsd2si(Gpr dst, Operand src) {
        if (dst.bytes() < 4 || !(src instanceof Xmm) && !(src instanceof Mem)) {
            throw wrong("cvttsd2si", dst, src);
        }
        modrm("cvttsd2si", dst.bytes() == 8 ? 8 : 0, 0xF2, 0x0F2C, dst, src, 0);
    }

    /** Shifts 64-bit lanes left by a constant. */
    public void psllq(Xmm dst, int count) {
        digit("psllq", 0, 0x66, 0x0F73, 6, dst, 1);
        immediate("psllq", count, 1);
    }

    /** Shifts 64-bit lanes right by a constant. */
    public void psrlq(Xmm dst, int count) {
        digit("psrlq", 0, 0x66, 0x0F73, 2, dst, 1);
        immediate("psrlq", count, 1);
    }

    /** Loads the SSE control register. */
    public void ldmxcsr(Mem src) {
        digit("ldmxcsr", 0, 0, 0x0FAE, 2, src, 0);
    }

    /** Stores the SSE control register. */
    public void stmxcsr(Mem dst) {
        digit("stmxcsr", 0, 0, 0x0FAE, 3, dst, 0);
    }

    /** Adds bytes. */
    public void paddb(Xmm dst, Operand src) {
        xmm("paddb", 0x66, 0x0FFC, dst, src);
    }

    /** Adds 16-bit lanes. */
    public void paddw(Xmm dst, Operand src) {
        xmm("paddw", 0x66, 0x0FFD, dst, src);
    }

    /** Adds 32-bit lanes. */
    public void paddd(Xmm dst, Operand src) {
        xmm("paddd", 0x66, 0x0FFE, dst, src);
    }

    /** Adds 64-bit lanes. */
    public void paddq(Xmm dst, Operand src) {
        xmm("paddq", 0x66, 0x0FD4, dst, src);
    }

    /** Subtracts bytes. */
    public void psubb(Xmm dst, Operand src) {
        xmm("psubb", 0x66, 0x0FF8, dst, src);
    }

    /** Subtracts 16-bit lanes. */
    public void psubw(Xmm dst, Operand src) {
        xmm("psubw", 0x66, 0x0FF9, dst, src);
    }

    /** Subtracts 32-bit lanes. */
    public void psubd(Xmm dst, Operand src) {
        xmm("psubd", 0x66, 0x0FFA, dst, src);
    }

    /** Subtracts 64-bit lanes. */
    public void psubq(Xmm dst, Operand src) {
        xmm("psubq", 0x66, 0x0FFB, dst, src);
    }

    /** Exclusive or. */
    public void pxor(Xmm dst, Operand src) {
        xmm("pxor", 0x66, 0x0FEF, dst, src);
    }

    /** Or. */
    public void por(Xmm dst, Operand src) {
        xmm("por", 0x66, 0x0FEB, dst, src);
    }

    /** And. */
    public void pand(Xmm dst, Operand src) {
        xmm("pand", 0x66, 0x0FDB, dst, src);
    }

    /** And of the inverted destination. */
    public void pandn(Xmm dst, Operand src) {
        xmm("pandn", 0x66, 0x0FDF, dst, src);
    }

    /** Compares bytes for equality. */
    public void pcmpeqb(Xmm dst, Operand src) {
        xmm("pcmpeqb", 0x66, 0x0F74, dst, src);
    }

    /** Compares 32-bit lanes for equality. */
    public void pcmpeqd(Xmm dst, Operand src) {
        xmm("pcmpeqd", 0x66, 0x0F76, dst, src);
    }

    /** Multiplies unsigned 32-bit numbers. */
    public void pmuludq(Xmm dst, Operand src) {
        xmm("pmuludq", 0x66, 0x0FF4, dst, src);
    }

    /** Multiplies 16-bit lanes. */
    public void pmullw(Xmm dst, Operand src) {
        xmm("pmullw", 0x66, 0x0FD5, dst, src);
    }

    /** Interleaves low quadwords. */
    public void punpcklqdq(Xmm dst, Operand src) {
        xmm("punpcklqdq", 0x66, 0x0F6C, dst, src);
    }

    /** Exclusive or. */
    public void xorps(Xmm dst, Operand src) {
        xmm("xorps", 0, 0x0F57, dst, src);
    }

    /** Adds single-precision lanes. */
    public void addps(Xmm dst, Operand src) {
        xmm("addps", 0, 0x0F58, dst, src);
    }

    /** Multiplies single-precision lanes. */
    public void mulps(Xmm dst, Operand src) {
        xmm("mulps", 0, 0x0F59, dst, src);
    }

    /** Subtracts single-precision lanes. */
    public void subps(Xmm dst, Operand src) {
        xmm("subps", 0, 0x0F5C, dst, src);
    }

    /** Divides single-precision lanes. */
    public void divps(Xmm dst, Operand src) {
        xmm("divps", 0, 0x0F5E, dst, src);
    }

    /** Adds double-precision lanes. */
    public void addpd(Xmm dst, Operand src) {
        xmm("addpd", 0x66, 0x0F58, dst, src);
    }

    /** Multiplies double-precision lanes. */
    public void mulpd(Xmm dst, Operand src) {
        xmm("mulpd", 0x66, 0x0F59, dst, src);
    }

    /** Subtracts double-precision lanes. */
    public void subpd(Xmm dst, Operand src) {
        xmm("subpd", 0x66, 0x0F5C, dst, src);
    }

    /** Divides double-precision lanes. */
    public void divpd(Xmm dst, Operand src) {
        xmm("divpd", 0x66, 0x0F5E, dst, src);
    }

    /** Adds single-precision numbers. */
    public void addss(Xmm dst, Operand src) {
        xmm("addss", 0xF3, 0x0F58, dst, src);
    }

    /** Multiplies single-precision numbers. */
    public void mulss(Xmm dst, Operand src) {
        xmm("mulss", 0xF3, 0x0F59, dst, src);
    }

    /** Adds double-precision numbers. */
    public void addsd(Xmm dst, Operand src) {
        xmm("addsd", 0xF2, 0x0F58, dst, src);
    }

    /** Multiplies double-precision numbers. */
    public void mulsd(Xmm dst, Operand src) {
        xmm("mulsd", 0xF2, 0x0F59, dst, src);
    }

    /** Subtracts double-precision numbers. */
    public void subsd(Xmm dst, Operand src) {
        xmm("subsd", 0xF2, 0x0F5C, dst, src);
    }

    /** Divides double-precision numbers. */
    public void divsd(Xmm dst, Operand src) {
        xmm("divsd", 0xF2, 0x0F5E, dst, src);
    }

    /** Takes the square root. */
    public void sqrtsd(Xmm dst, Operand src) {
        xmm("sqrtsd", 0xF2, 0x0F51, dst, src);
    }

    /** Compares double-precision numbers into the flags. */
    public void ucomisd(Xmm dst, Operand src) {
        xmm("ucomisd", 0x66, 0x0F2E, dst, src);
    }

    /** Compares double-precision numbers into the flags, signalling. */
    public void comisd(Xmm dst, Operand src) {
        xmm("comisd", 0x66, 0x0F2F, dst, src);
    }

    /** Converts single to double precision. */
    public void cvtss2sd(Xmm dst, Operand src) {
        xmm("cvtss2sd", 0xF3, 0x0F5A, dst, src);
    }

    /** Converts double to single precision. */
    public void cvtsd2ss(Xmm dst, Operand src) {
        xmm("cvtsd2ss", 0xF2, 0x0F5A, dst, src);
    }
}
