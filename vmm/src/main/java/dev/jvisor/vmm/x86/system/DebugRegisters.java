package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;

/** Debug registers and breakpoints (Intel SDM 3B, chapter 18). */
public final class DebugRegisters {
    /** DR6: which of the four breakpoints. */
    private static final int DR6_BREAKPOINTS = 15;
    /** DR6: access to a debug register, single step, task switch. */
    static final int DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR6_BT = 1 << 15;
    /** DR6 bits that read as ones. */
    static final long DR6_FIXED = 0xFFFF_0FF0L;
    /** DR7 bit that reads as one. */
    static final long DR7_FIXED = 0x400;
    private static final long DR7_GD = 1 << 13;
    /** Bits 11, 12, 14 and 15 read as zero: no RTM debugging. */
    private static final long DR7_WRITABLE = 0xFFFF_23FFL;

    private DebugRegisters() { }

    private static int check(Cpu c, int n, Uop u) {
        if (n > 7) {
            throw Operands.ud(c, u);
        }
        if (n == 4 || n == 5) {
            if ((c.cr4 & Cpu.CR4_DE) != 0) {
                throw Operands.ud(c, u);
            }
            n += 2;
        }
        Operands.requireCpl0(c, u);
        if ((c.dr[7] & DR7_GD) != 0) {
            c.dr[6] |= DR6_BD;
            // The one debug exception that is a fault and pushes the flag set (SDM 3B, 18.3.1.1).
            c.sysFlags |= Flags.RF;
            throw c.fault(Cpu.DB, Cpu.NO_ERROR, u);
        }
        return n;
    }

    /** MOV reg, DRn: {@code d} register, {@code a} DR number. */
    static void read(Cpu c, Uop u) {
        long v = c.dr[check(c, u.a, u)];
        c.r[u.d] = c.long64() ? v : v & 0xFFFF_FFFFL;
    }

    /** MOV DRn, reg: {@code d} DR number, {@code a} register. */
    static void write(Cpu c, Uop u) {
        int n = check(c, u.d, u);
        long v = c.long64() ? c.r[u.a] : c.r[u.a] & 0xFFFF_FFFFL;
        if (n >= 6 && v >>> 32 != 0) {
            throw Operands.gp(c, u);
        }
        switch (n) {
            case 6 -> c.dr[6] = v & 0xE00FL | DR6_FIXED;
            case 7 -> {
                c.dr[7] = v & DR7_WRITABLE | DR7_FIXED;
                c.checks.breakpointsChanged();
                c.raise(Cpu.PEND_SLOW);
            }
            default -> {
                c.dr[n] = v;
                c.checks.breakpointsChanged();
            }
        }
    }

    /**
     * Looks for an instruction breakpoint at the instruction about to be executed, and notes it in DR6. The engine asks in
     * {@link Cpu#MODE_SINGLE}, before each instruction.
     *
     * @return whether #DB is to be delivered instead of executing it, with the address of the instruction as return address
     */
    public static boolean breakpointBefore(Cpu c) {
        if ((c.dr[7] & 0xFF) == 0 || (c.sysFlags & Flags.RF) != 0 || c.repeating) {
            // Between two elements of a string the instruction has begun long ago.
            return false;
        }
        long linear = c.long64() ? c.rip : c.segBase[Cpu.CS] + c.rip & 0xFFFF_FFFFL;
        int hit = 0;
        for (int n = 0; n < 4; n++) {
            boolean enabled = (c.dr[7] >>> 2 * n & 3) != 0;
            if (enabled && (c.dr[7] >>> 16 + 4 * n & 15) == 0 && c.dr[n] == linear) {
                hit |= 1 << n;
            }
        }
        if (hit != 0) {
            note(c, hit);
        }
        return hit != 0;
    }

    /** Notes in DR6 why #DB is being delivered: the bits of breakpoints tell of this one only, the others stay until software clears them. */
    static void note(Cpu c, int bits) {
        c.dr[6] = c.dr[6] & ~(long) DR6_BREAKPOINTS | bits;
    }

    /** Notes the I/O breakpoints that an access to ports hits, for the trap after the instruction. */
    static void watchPort(Cpu c, int port, int size) {
        if ((c.dr[7] & 0xFF) == 0 || (c.cr4 & Cpu.CR4_DE) == 0) {
            return;
        }
        for (int n = 0; n < 4; n++) {
            int kind = (int) (c.dr[7] >>> 16 + 4 * n) & 15;
            boolean armed = (c.dr[7] >>> 2 * n & 3) != 0 && (kind & 3) == 2;
            if (armed && port <= c.dr[n] + (kind >> 2) && port + size > c.dr[n]) {
                c.pendingDebug |= 1 << n;
            }
        }
    }
}
