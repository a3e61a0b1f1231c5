package dev.jvisor.vmm.x86.simd;

import dev.jvisor.vmm.x86.cpu.Cpu;

/** The MMX view of the x87 registers (Intel SDM 1, 9.2 and 9.5). */
final class Mmx {
    private static final int EXPONENT = 0xFFFF;

    private Mmx() { }

    /** What every MMX instruction but EMMS does to the x87: TOP becomes 0 and no register is empty. */
    static void enter(Cpu c) {
        c.fpTop = 0;
        c.fpUsed = 0xFF;
    }

    /** Writes an MMX register and enters MMX state. */
    static void set(Cpu c, int register, long value) {
        c.fpTop = 0;
        c.fpUsed = 0xFF;
        c.fpMant[register] = value;
        c.fpExp[register] = EXPONENT;
    }
}
