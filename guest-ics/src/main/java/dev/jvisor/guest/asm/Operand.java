package dev.jvisor.guest.asm;

/** Anything an instruction works on besides immediates and labels. {@code toString} gives it in Intel syntax. */
public sealed interface Operand permits Gpr, Mem, Xmm, Seg, Cr, Dr {
}
