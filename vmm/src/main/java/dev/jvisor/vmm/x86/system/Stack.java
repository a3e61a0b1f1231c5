package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.SegmentCheck;

/**
 * Stacks in multi-word steps: the current one for pops, and any other, not yet loaded, for what an event or a gate pushes. Callers move a
 * stack pointer of their own and commit it when nothing can fault any more.
 */
final class Stack {
    private Stack() { }

    /** {@return mask of the current stack's addresses} */
    static long mask(Cpu c) {
        return c.long64() ? -1L : (c.mode & Cpu.MODE_STACK32) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
    }

    /** Reads {@code size} bytes of the current stack at {@code sp}, with the rights of the current level. */
    static long peek(Cpu c, long sp, int size, Uop u) {
        long offset = sp & mask(c);
        if (c.long64() && (!Descriptor.canonical(offset) || !Descriptor.canonical(offset + size - 1))) {
            throw c.fault(Cpu.STACK, 0, u);
        }
        return Operands.load(c, SegmentCheck.linear(c, Cpu.SS, offset, size, false, u), size, u);
    }

    /** Sets the stack pointer, only as much of it as the current stack's size. */
    static void setPointer(Cpu c, long sp) {
        long m = mask(c);
        c.r[Cpu.RSP] = m == 0xFFFF ? c.r[Cpu.RSP] & ~0xFFFFL | sp & 0xFFFF : sp & m;
    }

    /**
     * Checks that {@code words} words can be pushed on a stack, so that {@link #push} cannot fault.
     *
     * @param attr attributes of its segment
     * @param sp its stack pointer before
     * @param size bytes of a word
     * @param error error code of the stack fault
     * @param level privilege level that the stack belongs to
     */
    static void check(Cpu c, long base, int limit, int attr, long sp, int words, int size, int error, int level, Uop u) {
        long mask = (attr & 1 << 14) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
        for (int k = 1; k <= words; k++) {
            long offset = sp - (long) k * size & mask;
            if (!fits(limit, attr, offset, size)) {
                throw c.fault(Cpu.STACK, error, u);
            }
            probe(c, linear(c, base, offset), size, level, u);
        }
    }

    private static boolean fits(int limit, int attr, long offset, int size) {
        long top = Integer.toUnsignedLong(limit);
        long last = offset + size - 1;
        if ((attr & 0xC) == 4) {
            return offset > top && last <= ((attr & 1 << 14) != 0 ? 0xFFFF_FFFFL : 0xFFFF);
        }
        return last <= top;
    }

    static long linear(Cpu c, long base, long offset) {
        return base + offset & 0xFFFF_FFFFL;
    }

    /** Throws the page fault of a write on behalf of {@code level}. */
    static void probe(Cpu c, long linear, int size, int level, Uop u) {
        if (level == 3) {
            c.hostForWrite(linear, size, u);
        } else {
            c.mmu.systemCheckWrite(linear, size, u);
        }
    }

    /** Stores on behalf of {@code level}. The inner levels' stacks are the processor's own accesses, whatever the present level. */
    static void store(Cpu c, long linear, int size, long value, int level, Uop u) {
        if (level == 3) {
            Operands.store(c, linear, size, value, u);
        } else {
            c.mmu.systemStore(linear, size, value, u);
        }
    }

    /** Pushes a word after {@link #check}. {@return the new stack pointer, not truncated} */
    static long push(Cpu c, long base, int attr, long sp, int size, long value, int level, Uop u) {
        long mask = (attr & 1 << 14) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
        sp -= size;
        store(c, linear(c, base, sp & mask), size, value, level, u);
        return sp;
    }
}
