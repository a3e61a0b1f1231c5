package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** What is read out of the current task-state segment: inner stacks, interrupt stacks, the I/O map (Intel SDM 3A, 8.2.1 and 8.7). */
final class TaskState {
    private static final int IO_MAP_BASE = 0x66;

    private TaskState() { }

    static boolean is32(Cpu c) {
        return (c.segAttr[Cpu.TR] & 8) != 0;
    }

    static int error(Cpu c, int ext) {
        return c.segSel[Cpu.TR] & 0xFFFC | ext;
    }

    private static long at(Cpu c, int offset, int size, int ext, Uop u) {
        if (Integer.compareUnsigned(offset + size - 1, c.segLimit[Cpu.TR]) > 0) {
            throw c.fault(Cpu.TS, error(c, ext), u);
        }
        long linear = c.segBase[Cpu.TR] + offset;
        return c.mmu.systemLoad(c.longActive() ? linear : linear & 0xFFFF_FFFFL, size, u);
    }

    /** {@return RSPn of a 64-bit TSS} */
    static long rsp(Cpu c, int level, int ext, Uop u) {
        return at(c, 4 + 8 * level, 8, ext, u);
    }

    /** {@return ISTn, 1 to 7, of a 64-bit TSS} */
    static long ist(Cpu c, int n, int ext, Uop u) {
        return at(c, 36 + 8 * (n - 1), 8, ext, u);
    }

    /** {@return ESPn or SPn of a 32- or 16-bit TSS} */
    static long esp(Cpu c, int level, int ext, Uop u) {
        return is32(c) ? at(c, 4 + 8 * level, 4, ext, u) : at(c, 2 + 4 * level, 2, ext, u);
    }

    /** {@return SSn of a 32- or 16-bit TSS} */
    static int ss(Cpu c, int level, int ext, Uop u) {
        return (int) (is32(c) ? at(c, 8 + 8 * level, 2, ext, u) : at(c, 4 + 4 * level, 2, ext, u));
    }

    /** Checks the stack segment that a TSS gives for an inner level. {@return its descriptor} */
    static long innerStack(Cpu c, int selector, int level, int ext, Uop u) {
        if (Descriptor.isNull(selector)) {
            throw c.fault(Cpu.TS, ext, u);
        }
        int error = selector & 0xFFFC | ext;
        long d = Descriptor.read(c, selector, Cpu.TS, ext, u);
        if ((selector & 3) != level || Descriptor.dpl(d) != level || !Descriptor.isWritableData(d)) {
            throw c.fault(Cpu.TS, error, u);
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Cpu.STACK, error, u);
        }
        return Descriptor.access(c, selector, d, u);
    }

    /** Checks the right to use ports: IOPL, then the I/O permission bitmap. @param size 1, 2 or 4 */
    static void checkPort(Cpu c, int port, int size, Uop u) {
        checkBitmap(c, port, size, u);
        DebugRegisters.watchPort(c, port, size);
    }

    private static void checkBitmap(Cpu c, int port, int size, Uop u) {
        boolean vm86 = Operands.vm86(c);
        if ((c.cr0 & Cpu.CR0_PE) == 0 || !vm86 && c.cpl <= (c.sysFlags >> 12 & 3)) {
            return;
        }
        int attr = c.segAttr[Cpu.TR];
        int limit = c.segLimit[Cpu.TR];
        if ((attr & Descriptor.UNUSABLE) != 0 || (attr & 0x9D) != 0x89 || Integer.compareUnsigned(IO_MAP_BASE + 1, limit) > 0) {
            throw Operands.gp(c, u);
        }
        long mask = c.longActive() ? -1L : 0xFFFF_FFFFL;
        int map = (int) c.mmu.systemLoad(c.segBase[Cpu.TR] + IO_MAP_BASE & mask, 2, u);
        int offset = map + (port >> 3);
        if (Integer.compareUnsigned(offset + 1, limit) > 0) {
            throw Operands.gp(c, u);
        }
        long bits = c.mmu.systemLoad(c.segBase[Cpu.TR] + offset & mask, 2, u);
        if ((bits >>> (port & 7) & (1L << size) - 1) != 0) {
            throw Operands.gp(c, u);
        }
    }
}
