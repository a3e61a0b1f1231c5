package dev.jvisor.guest.asm;

/** Integer arithmetic and logic, and the flags they leave. */
abstract class ArithmeticInstructions extends BitInstructions {
    ArithmeticInstructions(long origin, Mode mode) {
        super(origin, mode);
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

    /** Loads AH from the flags. */
    public void lahf() {
        plain("lahf", 0, 0, 0x9F, null);
    }

    /** Stores AH to the flags. */
    public void sahf() {
        plain("sahf", 0, 0, 0x9E, null);
    }
}
