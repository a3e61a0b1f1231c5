package dev.jvisor.guest.asm;

/** Instructions that move, widen or swap general data: MOV and its kin, conditional moves, atomic exchanges, strings. */
abstract class DataInstructions extends ArithmeticInstructions {
    DataInstructions(long origin, Mode mode) {
        super(origin, mode);
    }

    /** Moves between registers and memory. */
    public void mov(Operand dst, Operand src) {
        switch (dst) {
            case Seg segment -> mov(segment, src);
            case Cr control when src instanceof Gpr gpr -> mov(control, gpr);
            case Dr debug when src instanceof Gpr gpr -> mov(debug, gpr);
            default -> {
                switch (src) {
                    case Seg segment -> mov(dst, segment);
                    case Cr control when dst instanceof Gpr gpr -> mov(gpr, control);
                    case Dr debug when dst instanceof Gpr gpr -> mov(gpr, debug);
                    default -> move(dst, src);
                }
            }
        }
    }

    private void move(Operand dst, Operand src) {
        int size = sizeOf("mov", dst, src);
        int wide = size == 1 ? 0 : 1;
        if (src instanceof Gpr gpr) {
            if (dst instanceof Mem mem && isAccumulator(gpr) && isShortAddress(mem)) {
                shortAddress(size, 0xA2 | wide, mem);
            } else {
                modrm("mov", size, 0, 0x88 | wide, src, dst, 0);
            }
        } else if (dst instanceof Gpr gpr) {
            if (src instanceof Mem mem && isAccumulator(gpr) && isShortAddress(mem)) {
                shortAddress(size, 0xA0 | wide, mem);
            } else {
                modrm("mov", size, 0, 0x8A | wide, dst, src, 0);
            }
        } else {
            throw wrong("mov", dst, src);
        }
    }

    private boolean isShortAddress(Mem mem) {
        return mode() != Mode.BITS64 && mem.base() == null && mem.index() == null && mem.label() == null && mem.segment() == null;
    }

    private void shortAddress(int size, int opcode, Mem mem) {
        plain("mov", size, 0, opcode, null);
        immediate("mov " + mem, mem.disp(), mode().addressBytes());
    }

    /** Moves an immediate; into a 64-bit register any, by the shortest form. */
    public void mov(Operand dst, long value) {
        int size = sizeOf("mov", dst, null);
        if (dst instanceof Gpr gpr) {
            if (size == 8 && fitsSigned(value, 4)) {
                digit("mov", 8, 0, 0xC7, 0, gpr, 4);
                emit(value, 4);
            } else {
                plain("mov", size, 0, size == 1 ? 0xB0 : 0xB8, gpr);
                immediate("mov " + dst, value, size);
            }
        } else {
            checkImmediate("mov", dst, value, size);
            digit("mov", size, 0, size == 1 ? 0xC6 : 0xC7, 0, dst, Math.min(size, 4));
            emit(value, Math.min(size, 4));
        }
    }

    /** Moves a label's address into a 16-, 32- or 64-bit register. */
    public void mov(Gpr dst, Label label) {
        if (dst.bytes() == 1) {
            throw new AssemblyException("mov " + dst + ", " + label + ": an address does not fit in a byte");
        }
        plain("mov", dst.bytes(), 0, 0xB8, dst);
        reference(label, dst.bytes(), 0, false, "mov " + dst);
    }

    /** Moves a 64-bit immediate in its full form. */
    public void movabs(Gpr dst, long value) {
        if (dst.bytes() != 8) {
            throw wrong("movabs", dst);
        }
        plain("movabs", 8, 0, 0xB8, dst);
        emit(value, 8);
    }

    /** Moves with zero extension. */
    public void movzx(Gpr dst, Operand src) {
        extend("movzx", 0x0FB6, dst, src);
    }

    /** Moves with sign extension from 8 or 16 bits. */
    public void movsx(Gpr dst, Operand src) {
        extend("movsx", 0x0FBE, dst, src);
    }

    private void extend(String name, int opcode, Gpr dst, Operand src) {
        int from = sizeOf(name, src, null);
        if (from > 2 || from >= dst.bytes()) {
            throw wrong(name, dst, src);
        }
        modrm(name, dst.bytes(), 0, from == 1 ? opcode : opcode | 1, dst, src, 0);
    }

    /** Moves 32 bits with sign extension to 64. */
    public void movsxd(Gpr dst, Operand src) {
        if (dst.bytes() != 8 || sizeOf("movsxd", src, null) != 4) {
            throw wrong("movsxd", dst, src);
        }
        modrm("movsxd", 8, 0, 0x63, dst, src, 0);
    }

    /** Loads the address of a memory operand. */
    public void lea(Gpr dst, Mem src) {
        if (dst.bytes() == 1) {
            throw wrong("lea", dst, src);
        }
        modrm("lea", dst.bytes(), 0, 0x8D, dst, src, 0);
    }

    /** Sets a byte to a condition. */
    public void set(Cond condition, Operand dst) {
        if (!(dst instanceof Mem mem && mem.bytes() <= 1) && !(dst instanceof Gpr gpr && gpr.bytes() == 1)) {
            throw wrong("set" + condition, dst);
        }
        digit("set" + condition, 0, 0, 0x0F90 | condition.code(), 0, dst, 0);
    }

    /** Moves if. */
    public void cmov(Cond condition, Gpr dst, Operand src) {
        int size = sizeOf("cmov" + condition, dst, src);
        if (size == 1) {
            throw wrong("cmov" + condition, dst, src);
        }
        modrm("cmov" + condition, size, 0, 0x0F40 | condition.code(), dst, src, 0);
    }

    private void string(String name, int opcode, int bytes) {
        if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) {
            throw new AssemblyException(name + ": bytes=" + bytes);
        }
        plain(name, bytes, 0, bytes == 1 ? opcode : opcode | 1, null);
    }

    /** Copies an element; element size 1, 2, 4 or 8 bytes. */
    public void movs(int bytes) {
        string("movs", 0xA4, bytes);
    }

    /** Compares elements; element size 1, 2, 4 or 8 bytes. */
    public void cmps(int bytes) {
        string("cmps", 0xA6, bytes);
    }

    /** Stores the accumulator; element size 1, 2, 4 or 8 bytes. */
    public void stos(int bytes) {
        string("stos", 0xAA, bytes);
    }

    /** Loads the accumulator; element size 1, 2, 4 or 8 bytes. */
    public void lods(int bytes) {
        string("lods", 0xAC, bytes);
    }

    /** Compares the accumulator with an element; element size 1, 2, 4 or 8 bytes. */
    public void scas(int bytes) {
        string("scas", 0xAE, bytes);
    }

    /** Reads an element from the port in DX; element size 1, 2 or 4 bytes. */
    public void ins(int bytes) {
        if (bytes == 8) {
            throw new AssemblyException("ins: bytes=8");
        }
        string("ins", 0x6C, bytes);
    }

    /** Writes an element to the port in DX; element size 1, 2 or 4 bytes. */
    public void outs(int bytes) {
        if (bytes == 8) {
            throw new AssemblyException("outs: bytes=8");
        }
        string("outs", 0x6E, bytes);
    }

    /** String instructions go up. */
    public void cld() {
        plain("cld", 0, 0, 0xFC, null);
    }

    /** String instructions go down. */
    public void std() {
        plain("std", 0, 0, 0xFD, null);
    }

    /** Looks AL up in a table. */
    public void xlatb() {
        plain("xlatb", 0, 0, 0xD7, null);
    }

    /** Sign-extends AL to AX. */
    public void cbw() {
        plain("cbw", 2, 0, 0x98, null);
    }

    /** Sign-extends AX to EAX. */
    public void cwde() {
        plain("cwde", 4, 0, 0x98, null);
    }

    /** Sign-extends EAX to RAX. */
    public void cdqe() {
        plain("cdqe", 8, 0, 0x98, null);
    }

    /** Sign-extends AX to DX:AX. */
    public void cwd() {
        plain("cwd", 2, 0, 0x99, null);
    }

    /** Sign-extends EAX to EDX:EAX. */
    public void cdq() {
        plain("cdq", 4, 0, 0x99, null);
    }

    /** Sign-extends RAX to RDX:RAX. */
    public void cqo() {
        plain("cqo", 8, 0, 0x99, null);
    }

    /** Swaps. */
    public void xchg(Operand dst, Operand src) {
        int size = sizeOf("xchg", dst, src);
        if (dst instanceof Gpr first && src instanceof Gpr second && size > 1 && (isAccumulator(first) || isAccumulator(second))
                && !(first == Gpr.EAX && second == Gpr.EAX && mode() == Mode.BITS64)) {
            // XCHG RAX, RAX is NOP and needs no REX.W for that.
            plain("xchg", first == src && size == 8 ? 0 : size, 0, 0x90, isAccumulator(first) ? second : first);
            return;
        }
        Operand register = src instanceof Gpr ? src : dst;
        modrm("xchg", size, 0, size == 1 ? 0x86 : 0x87, register, src instanceof Gpr ? dst : src, 0);
    }

    /** Stores a register if the accumulator equals the destination. */
    public void cmpxchg(Operand dst, Gpr src) {
        int size = sizeOf("cmpxchg", dst, src);
        modrm("cmpxchg", size, 0, size == 1 ? 0x0FB0 : 0x0FB1, src, dst, 0);
    }

    /** Stores ECX:EBX if EDX:EAX equals the destination. */
    public void cmpxchg8b(Mem dst) {
        digit("cmpxchg8b", 0, 0, 0x0FC7, 1, dst, 0);
    }

    /** Stores RCX:RBX if RDX:RAX equals the destination. */
    public void cmpxchg16b(Mem dst) {
        digit("cmpxchg16b", 8, 0, 0x0FC7, 1, dst, 0);
    }

    /** Swaps and adds. */
    public void xadd(Operand dst, Gpr src) {
        int size = sizeOf("xadd", dst, src);
        modrm("xadd", size, 0, size == 1 ? 0x0FC0 : 0x0FC1, src, dst, 0);
    }

    /** Reads a random number. */
    public void rdrand(Gpr dst) {
        if (dst.bytes() == 1) {
            throw wrong("rdrand", dst);
        }
        digit("rdrand", dst.bytes(), 0, 0x0FC7, 6, dst, 0);
    }
}
