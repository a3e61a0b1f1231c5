package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Memory access and register writes by a size known only when they run. */
final class Semantics {
    private Semantics() { }

    static long load(Cpu c, long va, int size, Uop u) {
        return switch (size) {
            case 1 -> c.ld8(va, u);
            case 2 -> c.ld16(va, u);
            case 4 -> c.ld32(va, u);
            default -> c.ld64(va, u);
        };
    }

    static void store(Cpu c, long va, long value, int size, Uop u) {
        switch (size) {
            case 1 -> c.st8(va, value, u);
            case 2 -> c.st16(va, value, u);
            case 4 -> c.st32(va, value, u);
            default -> c.st64(va, value, u);
        }
    }

    /** Writes the low {@code size} bytes of a register; 4 bytes clear the upper half. */
    static void setRegister(Cpu c, int register, long value, int size) {
        switch (size) {
            case 1 -> c.r[register] = c.r[register] & ~0xFFL | value & 0xFF;
            case 2 -> c.r[register] = c.r[register] & ~0xFFFFL | value & 0xFFFF;
            case 4 -> c.r[register] = value & 0xFFFFFFFFL;
            default -> c.r[register] = value;
        }
    }
}
