package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Register operands of a size chosen at run time, and the checks that nearly every system instruction begins with. */
final class Operands {
    private Operands() { }

    /** Writes a general register: 16 bits keep the rest, 32 bits clear the upper half. */
    static void set(Cpu c, int reg, int size, long value) {
        c.r[reg] = switch (size) {
            case 2 -> c.r[reg] & ~0xFFFFL | value & 0xFFFF;
            case 4 -> value & 0xFFFF_FFFFL;
            default -> value;
        };
    }

    static long mask(int size) {
        return size == 8 ? -1L : (1L << 8 * size) - 1;
    }

    static long load(Cpu c, long linear, int size, Uop u) {
        return switch (size) {
            case 1 -> c.ld8(linear, u);
            case 2 -> c.ld16(linear, u);
            case 4 -> c.ld32(linear, u);
            default -> c.ld64(linear, u);
        };
    }

    static void store(Cpu c, long linear, int size, long value, Uop u) {
        switch (size) {
            case 1 -> c.st8(linear, value, u);
            case 2 -> c.st16(linear, value, u);
            case 4 -> c.st32(linear, value, u);
            default -> c.st64(linear, value, u);
        }
    }

    static GuestFault gp(Cpu c, Uop u) {
        return c.fault(Cpu.GP, 0, u);
    }

    static GuestFault ud(Cpu c, Uop u) {
        return c.fault(Cpu.UD, Cpu.NO_ERROR, u);
    }

    static void requireCpl0(Cpu c, Uop u) {
        if (c.cpl != 0) {
            throw gp(c, u);
        }
    }

    /** #UD in real and virtual-8086 mode. */
    static void requireProtected(Cpu c, Uop u) {
        if ((c.mode & Cpu.MODE_REAL) != 0) {
            throw ud(c, u);
        }
    }

    static boolean vm86(Cpu c) {
        return (c.sysFlags & dev.jvisor.vmm.x86.cpu.Flags.VM) != 0;
    }
}
