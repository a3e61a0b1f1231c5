package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.x86.cpu.Cpu;

/**
 * One decoded instruction: a flat record of fields, reused for the next. Register numbers include the REX bits. Filled in by
 * {@code Decoder}, read by translators.
 */
public final class Insn {
    /** RIP (EIP, IP) of its first byte. */
    public long ip;
    /** Base of CS: linear address of the first byte minus {@link #ip}. */
    public long csBase;
    /** Length in bytes, 1 to 15. */
    public int len;
    /** Code size: 2, 4 or 8 bytes (16-, 32-, 64-bit mode). */
    public int code;
    /** Mode bits of {@link Cpu#mode} it is decoded for. */
    public int mode;

    /** Opcode map: {@link OpcodeTable#ONE_BYTE} and so on. */
    public int map;
    /** Opcode byte. */
    public int op;
    /** Mandatory-prefix class: 0 none, 1 for 66, 2 for F3, 3 for F2. */
    public int prefix;
    /** Repeat prefix seen last: 0, 0xF2 or 0xF3. */
    public int rep;
    /** LOCK prefix. */
    public boolean lock;
    /** 66 prefix. */
    public boolean size66;
    /** REX byte, or 0. */
    public int rex;
    /** Operand size in bytes for opcodes that follow it: 2, 4 or 8. */
    public int opSize;
    /** Address size in bytes: 2, 4 or 8. */
    public int addrSize;
    /** Segment override, or -1. */
    public int segOverride;
    /** Whether a VEX prefix stood before the opcode; {@code rex} then holds its W, R, X and B in REX's places. */
    public boolean vex;
    /** VEX.vvvv: a second source or destination register; 0 to 7 outside 64-bit mode. */
    public int vvvv;
    /** VEX.L: 256-bit operation. */
    public boolean vexL;

    /** Whether there is a ModRM byte. */
    public boolean hasModrm;
    /** ModRM.mod. */
    public int mod;
    /** ModRM.reg with REX.R; a group's extension is {@code reg & 7}. */
    public int reg;
    /** ModRM.rm with REX.B; meaningful as a register when {@code mod == 3}. */
    public int rm;
    /** Low three bits of the opcode with REX.B: the register of PUSH, POP, MOV imm, BSWAP, XCHG. */
    public int opReg;

    /** Memory operand: base register in {@link Cpu#r}, {@link Cpu#ZERO} if absent. For a RIP-relative operand the address is all in {@code disp}. */
    public int base;
    /** Memory operand: index register, {@link Cpu#ZERO} if absent. */
    public int index;
    /** Whether a SIB byte follows ModRM. */
    public boolean hasSib;
    /** SIB.index with REX.X, 4 included: what names a vector register in VSIB addresses. */
    public int sibIndex;
    /** Memory operand: shift of the index. */
    public int scale;
    /** Memory operand: displacement, sign-extended. */
    public long disp;
    /** Memory operand: segment, with overrides and the SS default applied. */
    public int seg;

    /** Immediate, sign-extended to 64 bits (zero-extended for far offsets and moffs). */
    public long imm;
    /** Second immediate: ENTER's level, a far pointer's selector. */
    public int imm2;

    /** {@return whether the ModRM operand is in memory} */
    public boolean isMem() {
        return hasModrm && mod != 3;
    }

    /** {@return whether a byte register number names AH, CH, DH or BH: 4 to 7 without REX} */
    public boolean highByte(int register) {
        return rex == 0 && !vex && register >= 4 && register < 8;
    }

    /** {@return REX.W or VEX.W} */
    public boolean rexW() {
        return (rex & 8) != 0;
    }

    /** {@return the size of a general register operand that W makes wide: 8 bytes in 64-bit mode with W, else 4} */
    public int wSize() {
        return code == 8 && rexW() ? 8 : 4;
    }

    /** {@return operand size of stack operations: 8 in 64-bit mode unless 66 without REX.W makes it 2, else the operand size} */
    public int stackSize() {
        return code == 8 ? size66 && !rexW() ? 2 : 8 : opSize;
    }
}
