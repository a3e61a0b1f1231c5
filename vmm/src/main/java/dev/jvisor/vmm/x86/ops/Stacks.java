package dev.jvisor.vmm.x86.ops;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.SegmentCheck;

/** Access to the current stack in any mode. */
final class Stacks {
    private Stacks() { }

    /** {@return the mask of stack addresses} */
    static long mask(Cpu c) {
        return c.long64() ? -1L : (c.mode & Cpu.MODE_STACK32) != 0 ? 0xFFFFFFFFL : 0xFFFF;
    }

    /** Sets the stack pointer, as wide as the stack is. */
    static void setPointer(Cpu c, long sp) {
        long m = mask(c);
        c.r[Cpu.RSP] = m == 0xFFFF ? c.r[Cpu.RSP] & ~0xFFFFL | sp & 0xFFFF : sp & m;
    }

    /** Reads a word of the stack at {@code sp}, which it truncates. */
    static long peek(Cpu c, long sp, int size, Uop u) {
        long va = SegmentCheck.linear(c, Cpu.SS, sp & mask(c), size, false, u);
        return Semantics.load(c, va, size, u);
    }

    /** Writes a word of the stack at {@code sp}, which it truncates. */
    static void poke(Cpu c, long sp, long value, int size, Uop u) {
        long va = SegmentCheck.linear(c, Cpu.SS, sp & mask(c), size, true, u);
        Semantics.store(c, va, value, size, u);
    }

    /** Pushes. */
    static void push(Cpu c, long value, int size, Uop u) {
        long sp = c.r[Cpu.RSP] - size;
        poke(c, sp, value, size, u);
        setPointer(c, sp);
    }
}
