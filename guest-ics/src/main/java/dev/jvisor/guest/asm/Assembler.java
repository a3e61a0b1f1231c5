package dev.jvisor.guest.asm;

/**
 * The assembler: a method for each instruction, named by its mnemonic (with an underscore where Java has the word).
 *
 * <p>Calls append to one stream of bytes that will be loaded at {@code origin}. Destination comes first, as in Intel
 * syntax. Where an instruction has several encodings the shortest is taken, except that a jump to a label not yet bound
 * takes the long form; {@code jmpShort} and {@code jShort} ask for the short one. Not safe for use by several threads.
 *
 * <pre>{@code
 * Assembler a = new Assembler(0x100000, Mode.BITS64);
 * Label loop = a.bind("loop");
 * a.add(RAX, mem(RSI).index(RCX, 8));
 * a.dec(RCX);
 * a.j(Cond.NE, loop);
 * byte[] code = a.assemble();
 * }</pre>
 */
public final class Assembler extends FlowInstructions {
    /**
     * Makes an empty stream.
     *
     * @param origin the address the first byte will be loaded at
     * @param mode   the mode of the first instructions
     */
    public Assembler(long origin, Mode mode) {
        super(origin, mode);
    }

    /** Puts a LOCK prefix before the next instruction. */
    public Assembler lock() {
        pendLock();
        return this;
    }

    /** Puts a REP (also REPE) prefix before the next instruction. */
    public Assembler rep() {
        pendRepeat(0xF3);
        return this;
    }

    /** Puts a REPNE prefix before the next instruction. */
    public Assembler repne() {
        pendRepeat(0xF2);
        return this;
    }

    private void arithmetic(String name, int number, Operand dst, Operand src) {
        int size = sizeOf(name, dst, src);
        int wide = size == 1 ? 0 : 1;
        if (src instanceof Gpr) {
            modrm(name, size, 0, number << 3 | wide, src, dst, 0);
        } else if (dst instanceof Gpr) {
            modrm(name, size, 0, number << 3 | 2 | wide, dst, src, 0);
        } else {
            throw wrong(name, dst, src);
        }
    }

    private void arithmetic(String name, int number, Operand dst, long value) {
        int size = sizeOf(name, dst, null);
        int immediateBytes = Math.min(size, 4);
        checkImmediate(name, dst, value, size);
        long signed = size == 8 ? value : value << 64 - 8 * size >> 64 - 8 * size;
        if (size > 1 && fitsSigned(signed, 1)) {
            digit(name, size, 0, 0x83, number, dst, 1);
            emit(signed, 1);
        } else if (dst instanceof Gpr gpr && isAccumulator(gpr)) {
            plain(name, size, 0, number << 3 | 4 | (size == 1 ? 0 : 1), null);
            emit(signed, immediateBytes);
        } else {
            digit(name, size, 0, size == 1 ? 0x80 : 0x81, number, dst, immediateBytes);
            emit(signed, immediateBytes);
        }
    }

    private static boolean isAccumulator(Gpr gpr) {
        return gpr.code() == 0 && !gpr.isHighByte();
    }

    private static void checkImmediate(String name, Operand dst, long value, int size) {
        if (size == 8 ? !fitsSigned(value, 4) : !fits(value, size)) {
            throw new AssemblyException(name + " " + dst + ", " + value + ": immediate does not fit"
                    + (size == 8 ? " (a sign-extended 32-bit one is needed)" : ""));
        }
    }

    /** Adds a register or memory. */
    public void add(Operand dst, Operand src) {
        arithmetic("add", 0, dst, src);
    }

    /** Adds an immediate. */
    public void add(Operand dst, long value) {
        arithmetic("add", 0, dst, value);
    }

    /** Ors a register or memory. */
    public void or(Operand dst, Operand src) {
        arithmetic("or", 1, dst, src);
    }

    /** Ors an immediate. */
    public void or(Operand dst, long value) {
        arithmetic("or", 1, dst, value);
    }

    /** Adds with carry a register or memory. */
    public void adc(Operand dst, Operand src) {
        arithmetic("adc", 2, dst, src);
    }

    /** Adds with carry an immediate. */
    public void adc(Operand dst, long value) {
        arithmetic("adc", 2, dst, value);
    }

    /** Subtracts with borrow a register or memory. */
    public void sbb(Operand dst, Operand src) {
        arithmetic("sbb", 3, dst, src);
    }

    /** Subtracts with borrow an immediate. */
    public void sbb(Operand dst, long value) {
        arithmetic("sbb", 3, dst, value);
    }

    /** Ands a register or memory. */
    public void and(Operand dst, Operand src) {
        arithmetic("and", 4, dst, src);
    }

    /** Ands an immediate. */
    public void and(Operand dst, long value) {
        arithmetic("and", 4, dst, value);
    }

    /** Subtracts a register or memory. */
    public void sub(Operand dst, Operand src) {
        arithmetic("sub", 5, dst, src);
    }

    /** Subtracts an immediate. */
    public void sub(Operand dst, long value) {
        arithmetic("sub", 5, dst, value);
    }

    /** Exclusive-ors a register or memory. */
    public void xor(Operand dst, Operand src) {
        arithmetic("xor", 6, dst, src);
    }

    /** Exclusive-ors an immediate. */
    public void xor(Operand dst, long value) {
        arithmetic("xor", 6, dst, value);
    }

    /** Compares a register or memory. */
    public void cmp(Operand dst, Operand src) {
        arithmetic("cmp", 7, dst, src);
    }

    /** Compares an immediate. */
    public void cmp(Operand dst, long value) {
        arithmetic("cmp", 7, dst, value);
    }

    /** Ands into the flags only. */
    public void test(Operand dst, Operand src) {
        int size = sizeOf("test", dst, src);
        Operand register = src instanceof Gpr ? src : dst;
        modrm("test", size, 0, size == 1 ? 0x84 : 0x85, register, src instanceof Gpr ? dst : src, 0);
    }

    /** Ands an immediate into the flags only. */
    public void test(Operand dst, long value) {
        int size = sizeOf("test", dst, null);
        checkImmediate("test", dst, value, size);
        if (dst instanceof Gpr gpr && isAccumulator(gpr)) {
            plain("test", size, 0, size == 1 ? 0xA8 : 0xA9, null);
        } else {
            digit("test", size, 0, size == 1 ? 0xF6 : 0xF7, 0, dst, Math.min(size, 4));
        }
        emit(value, Math.min(size, 4));
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

    private void shift(String name, int number, Operand dst, int count) {
        int size = sizeOf(name, dst, null);
        if (count < 0 || count > 255) {
            throw new AssemblyException(name + " " + dst + ": count=" + count);
        }
        int wide = size == 1 ? 0 : 1;
        if (count == 1) {
            digit(name, size, 0, 0xD0 | wide, number, dst, 0);
        } else {
            digit(name, size, 0, 0xC0 | wide, number, dst, 1);
            emit(count, 1);
        }
    }

    private void shift(String name, int number, Operand dst, Gpr count) {
        if (count != Gpr.CL) {
            throw wrong(name, dst, count);
        }
        int size = sizeOf(name, dst, null);
        digit(name, size, 0, size == 1 ? 0xD2 : 0xD3, number, dst, 0);
    }

    /** Rotates left by a constant. */
    public void rol(Operand dst, int count) {
        shift("rol", 0, dst, count);
    }

    /** Rotates left by CL. */
    public void rol(Operand dst, Gpr count) {
        shift("rol", 0, dst, count);
    }

    /** Rotates right by a constant. */
    public void ror(Operand dst, int count) {
        shift("ror", 1, dst, count);
    }

    /** Rotates right by CL. */
    public void ror(Operand dst, Gpr count) {
        shift("ror", 1, dst, count);
    }

    /** Rotates left through carry by a constant. */
    public void rcl(Operand dst, int count) {
        shift("rcl", 2, dst, count);
    }

    /** Rotates left through carry by CL. */
    public void rcl(Operand dst, Gpr count) {
        shift("rcl", 2, dst, count);
    }

    /** Rotates right through carry by a constant. */
    public void rcr(Operand dst, int count) {
        shift("rcr", 3, dst, count);
    }

    /** Rotates right through carry by CL. */
    public void rcr(Operand dst, Gpr count) {
        shift("rcr", 3, dst, count);
    }

    /** Shifts left by a constant. */
    public void shl(Operand dst, int count) {
        shift("shl", 4, dst, count);
    }

    /** Shifts left by CL. */
    public void shl(Operand dst, Gpr count) {
        shift("shl", 4, dst, count);
    }

    /** Shifts right by a constant. */
    public void shr(Operand dst, int count) {
        shift("shr", 5, dst, count);
    }

    /** Shifts right by CL. */
    public void shr(Operand dst, Gpr count) {
        shift("shr", 5, dst, count);
    }

    /** Shifts right, keeping the sign by a constant. */
    public void sar(Operand dst, int count) {
        shift("sar", 7, dst, count);
    }

    /** Shifts right, keeping the sign by CL. */
    public void sar(Operand dst, Gpr count) {
        shift("sar", 7, dst, count);
    }

    private void doubleShift(String name, int opcode, Operand dst, Gpr src, int count) {
        int size = sizeOf(name, dst, src);
        if (size == 1) {
            throw wrong(name, dst, src);
        }
        modrm(name, size, 0, opcode, src, dst, 1);
        immediate(name, count, 1);
    }

    private void doubleShift(String name, int opcode, Operand dst, Gpr src, Gpr count) {
        int size = sizeOf(name, dst, src);
        if (size == 1 || count != Gpr.CL) {
            throw wrong(name, dst, src, count);
        }
        modrm(name, size, 0, opcode | 1, src, dst, 0);
    }

    /** Shifts left, filling from a register. */
    public void shld(Operand dst, Gpr src, int count) {
        doubleShift("shld", 0x0FA4, dst, src, count);
    }

    /** Shifts left, filling from a register. */
    public void shld(Operand dst, Gpr src, Gpr count) {
        doubleShift("shld", 0x0FA4, dst, src, count);
    }

    /** Shifts right, filling from a register. */
    public void shrd(Operand dst, Gpr src, int count) {
        doubleShift("shrd", 0x0FAC, dst, src, count);
    }

    /** Shifts right, filling from a register. */
    public void shrd(Operand dst, Gpr src, Gpr count) {
        doubleShift("shrd", 0x0FAC, dst, src, count);
    }

    private void unary(String name, int opcode, int number, Operand operand) {
        int size = sizeOf(name, operand, null);
        digit(name, size, 0, size == 1 ? opcode : opcode | 1, number, operand, 0);
    }

    /** Inverts. */
    public void not(Operand operand) {
        unary("not", 0xF6, 2, operand);
    }

    /** Negates. */
    public void neg(Operand operand) {
        unary("neg", 0xF6, 3, operand);
    }

    /** Multiplies the accumulator, unsigned. */
    public void mul(Operand operand) {
        unary("mul", 0xF6, 4, operand);
    }

    /** Multiplies the accumulator, signed. */
    public void imul(Operand operand) {
        unary("imul", 0xF6, 5, operand);
    }

    /** Divides the accumulator pair, unsigned. */
    public void div(Operand operand) {
        unary("div", 0xF6, 6, operand);
    }

    /** Divides the accumulator pair, signed. */
    public void idiv(Operand operand) {
        unary("idiv", 0xF6, 7, operand);
    }

    /** Multiplies, signed. */
    public void imul(Gpr dst, Operand src) {
        int size = sizeOf("imul", dst, src);
        if (size == 1) {
            throw wrong("imul", dst, src);
        }
        modrm("imul", size, 0, 0x0FAF, dst, src, 0);
    }

    /** Multiplies by an immediate, signed. */
    public void imul(Gpr dst, Operand src, long value) {
        int size = sizeOf("imul", dst, src);
        if (size == 1) {
            throw wrong("imul", dst, src);
        }
        checkImmediate("imul", dst, value, size);
        if (fitsSigned(value, 1)) {
            modrm("imul", size, 0, 0x6B, dst, src, 1);
            emit(value, 1);
        } else {
            modrm("imul", size, 0, 0x69, dst, src, Math.min(size, 4));
            emit(value, Math.min(size, 4));
        }
    }

    /** Adds one, leaving carry. */
    public void inc(Operand operand) {
        step("inc", 0x40, 0, operand);
    }

    /** Subtracts one, leaving carry. */
    public void dec(Operand operand) {
        step("dec", 0x48, 1, operand);
    }

    private void step(String name, int shortOpcode, int number, Operand operand) {
        if (mode() != Mode.BITS64 && operand instanceof Gpr gpr && gpr.bytes() > 1) {
            plain(name, gpr.bytes(), 0, shortOpcode, gpr);
        } else {
            unary(name, 0xFE, number, operand);
        }
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

    /** Clears carry. */
    public void clc() {
        plain("clc", 0, 0, 0xF8, null);
    }

    /** Sets carry. */
    public void stc() {
        plain("stc", 0, 0, 0xF9, null);
    }

    /** Inverts carry. */
    public void cmc() {
        plain("cmc", 0, 0, 0xF5, null);
    }

    /** String instructions go up. */
    public void cld() {
        plain("cld", 0, 0, 0xFC, null);
    }

    /** String instructions go down. */
    public void std() {
        plain("std", 0, 0, 0xFD, null);
    }

    /** Loads AH from the flags. */
    public void lahf() {
        plain("lahf", 0, 0, 0x9F, null);
    }

    /** Stores AH to the flags. */
    public void sahf() {
        plain("sahf", 0, 0, 0x9E, null);
    }

    /** Removes a stack frame. */
    public void leave() {
        plain("leave", 0, 0, 0xC9, null);
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

    /** Does nothing. */
    public void nop() {
        plain("nop", 0, 0, 0x90, null);
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

    /** Reverses the bytes. */
    public void bswap(Gpr dst) {
        if (dst.bytes() < 4) {
            throw wrong("bswap", dst);
        }
        plain("bswap", dst.bytes(), 0, 0x0FC8, dst);
    }

    private void scan(String name, int prefix, int opcode, Gpr dst, Operand src) {
        int size = sizeOf(name, dst, src);
        if (size == 1) {
            throw wrong(name, dst, src);
        }
        modrm(name, size, prefix, opcode, dst, src, 0);
    }

    /** Finds the lowest set bit. */
    public void bsf(Gpr dst, Operand src) {
        scan("bsf", 0, 0x0FBC, dst, src);
    }

    /** Finds the highest set bit. */
    public void bsr(Gpr dst, Operand src) {
        scan("bsr", 0, 0x0FBD, dst, src);
    }

    /** Counts trailing zeros. */
    public void tzcnt(Gpr dst, Operand src) {
        scan("tzcnt", 0xF3, 0x0FBC, dst, src);
    }

    /** Counts leading zeros. */
    public void lzcnt(Gpr dst, Operand src) {
        scan("lzcnt", 0xF3, 0x0FBD, dst, src);
    }

    /** Counts set bits. */
    public void popcnt(Gpr dst, Operand src) {
        scan("popcnt", 0xF3, 0x0FB8, dst, src);
    }

    private void bit(String name, int number, Operand dst, Gpr index) {
        int size = sizeOf(name, dst, index);
        if (size == 1) {
            throw wrong(name, dst, index);
        }
        modrm(name, size, 0, 0x0F83 | number << 3, index, dst, 0);
    }

    private void bit(String name, int number, Operand dst, int index) {
        int size = sizeOf(name, dst, null);
        if (size == 1) {
            throw wrong(name, dst);
        }
        digit(name, size, 0, 0x0FBA, number, dst, 1);
        immediate(name, index, 1);
    }

    /** Tests a bit. */
    public void bt(Operand dst, Gpr index) {
        bit("bt", 4, dst, index);
    }

    /** Tests a bit. */
    public void bt(Operand dst, int index) {
        bit("bt", 4, dst, index);
    }

    /** Tests and sets a bit. */
    public void bts(Operand dst, Gpr index) {
        bit("bts", 5, dst, index);
    }

    /** Tests and sets a bit. */
    public void bts(Operand dst, int index) {
        bit("bts", 5, dst, index);
    }

    /** Tests and clears a bit. */
    public void btr(Operand dst, Gpr index) {
        bit("btr", 6, dst, index);
    }

    /** Tests and clears a bit. */
    public void btr(Operand dst, int index) {
        bit("btr", 6, dst, index);
    }

    /** Tests and inverts a bit. */
    public void btc(Operand dst, Gpr index) {
        bit("btc", 7, dst, index);
    }

    /** Tests and inverts a bit. */
    public void btc(Operand dst, int index) {
        bit("btc", 7, dst, index);
    }

    /** Reads a random number. */
    public void rdrand(Gpr dst) {
        if (dst.bytes() == 1) {
            throw wrong("rdrand", dst);
        }
        digit("rdrand", dst.bytes(), 0, 0x0FC7, 6, dst, 0);
    }
}
