package dev.jvisor.vmm.x86.decode;

import dev.jvisor.vmm.backend.CpuFeature;

/**
 * One entry of the opcode table: an encoding and what it means.
 *
 * @param name mnemonic and operand forms in the letters of the SDM's opcode maps (2D, A.2), for dumps, traces and the fuzzer, for example
 *     {@code "ADD Ev,Gv"}
 * @param map opcode map
 * @param prefix mandatory-prefix class 0 to 3, or {@link OpcodeTable#ANY}
 * @param op opcode byte
 * @param modrm whether a ModRM byte follows
 * @param imm kind of immediate
 * @param vex what its VEX prefix must say; null for legacy encodings
 * @param feature what has to be offered; null for the baseline
 * @param translator emits its micro-ops
 */
public record Opcode(String name, int map, int prefix, int op, boolean modrm, Imm imm, Vex vex, CpuFeature feature,
    Translator translator) {
    /** Kinds of immediate. */
    public enum Imm {
        /** None. */
        NONE,
        /** Byte, sign-extended. */
        BYTE,
        /** 16 bits. */
        WORD,
        /** 16 bits with operand size 2, else 32, sign-extended. */
        Z,
        /** As the operand size: 16, 32 or 64 bits. */
        V,
        /** An offset as wide as the address size, zero-extended. */
        OFFSET,
        /** Offset of 16 or 32 bits by operand size, then a selector in {@code imm2}. */
        FAR,
        /** 16 bits, then a byte in {@code imm2}. */
        WORD_BYTE,
        /** Relative branch: 32 bits in 64-bit mode, else as Z. */
        REL
    }

    /** Turns a decoded instruction into micro-ops. */
    @FunctionalInterface
    public interface Translator {
        /** Emits the micro-ops of {@code i} into {@code e}. */
        void translate(Insn i, Emitter e);
    }
}
