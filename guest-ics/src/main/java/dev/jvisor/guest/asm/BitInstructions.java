package dev.jvisor.guest.asm;

/** Shifts, rotations, bit tests and bit scans. */
abstract class BitInstructions extends FlowInstructions {
    BitInstructions(long origin, Mode mode) {
        super(origin, mode);
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
}
