package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Mmu;
import dev.jvisor.vmm.x86.cpu.Msrs;
import java.util.Arrays;

/** Power-up, INIT and start-up IPI (Intel SDM 3A, 10.1 and table 10-1). */
public final class Reset {
    private static final long CR0_RESET = Cpu.CR0_CD | Cpu.CR0_NW | Cpu.CR0_ET;
    private static final long PAT_RESET = 0x0007_0406_0007_0406L;
    /** Family, model and stepping, as leaf 1 of CPUID has them. */
    private static final long SIGNATURE = 0x0003_0661;
    private static final long DEVICES = 0xC000_0000L;
    private static final long WRITE_BACK = 0x0606_0606_0606_0606L;
    private static final long WRITE_PROTECT = 0x0505_0505_0505_0505L;

    private Reset() { }

    /** Power-up: everything. */
    public static void powerOn(Cpu c) {
        Arrays.fill(c.xmm, 0);
        Arrays.fill(c.ymmHigh, 0);
        Arrays.fill(c.fpMant, 0);
        Arrays.fill(c.fpExp, 0);
        c.mxcsr = 0x1F80;
        // All registers hold +0.0 and are marked so, unlike after FNINIT.
        c.fcw = 0x40;
        c.fsw = 0;
        c.fpTop = 0;
        c.fpUsed = 0xFF;
        c.fop = 0;
        c.fip = 0;
        c.fdp = 0;
        c.xcr0 = 1;
        msrs(c.msrs);
        c.instructions = 0;
        c.cr0 = CR0_RESET;
        common(c);
    }

    /** INIT: as power-up, but x87 and SSE state, MSRs, the TSC and the caching bits of CR0 stay. */
    public static void init(Cpu c) {
        c.cr0 = Cpu.CR0_ET | c.cr0 & (Cpu.CR0_CD | Cpu.CR0_NW);
        common(c);
    }

    /**
     * A start-up IPI, after {@link #init}: real mode at page {@code vector} of the first megabyte.
     *
     * @param vector 0 to 255
     */
    public static void sipi(Cpu c, int vector) {
        c.segSel[Cpu.CS] = vector << 8;
        c.segBase[Cpu.CS] = (long) vector << 12;
        c.rip = 0;
        c.halted = false;
        c.modeChanged();
    }

    private static void common(Cpu c) {
        Arrays.fill(c.r, 0);
        c.r[Cpu.RDX] = SIGNATURE;
        c.setRflags(2);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            segment(c, s, 0, 0, 0x93);
        }
        segment(c, Cpu.CS, 0xF000, 0xFFFF_0000L, 0x9B);
        segment(c, Cpu.LDTR, 0, 0, 0x82);
        segment(c, Cpu.TR, 0, 0, 0x8B);
        c.rip = 0xFFF0;
        c.gdtBase = 0;
        c.gdtLimit = 0xFFFF;
        c.idtBase = 0;
        c.idtLimit = 0xFFFF;
        c.cr2 = 0;
        c.cr3 = 0;
        c.cr4 = 0;
        c.efer = 0;
        Arrays.fill(c.dr, 0);
        c.dr[6] = DebugRegisters.DR6_FIXED;
        c.dr[7] = DebugRegisters.DR7_FIXED;
        c.cpl = 0;
        c.shadow = false;
        c.halted = false;
        c.nmiBlocked = false;
        c.pendingDebug = 0;
        c.noTrap = false;
        c.repeating = false;
        c.next = null;
        c.link = null;
        c.flushTlb();
        c.checks.breakpointsChanged();
    }

    private static void segment(Cpu c, int s, int selector, long base, int attr) {
        c.segSel[s] = selector;
        c.segBase[s] = base;
        c.segLimit[s] = 0xFFFF;
        c.segAttr[s] = attr;
    }

    /**
     * MSRs. The MTRRs are as firmware leaves them, not off as after reset: where a kernel is loaded directly no firmware runs, and Linux takes
     * disabled MTRRs for a reason to do without PAT. Real firmware sets them anew.
     */
    static void msrs(Msrs m) {
        m.star = 0;
        m.lstar = 0;
        m.cstar = 0;
        m.fmask = 0;
        m.kernelGsBase = 0;
        m.tscAux = 0;
        m.tscAdjust = 0;
        m.sysenterCs = 0;
        m.sysenterEsp = 0;
        m.sysenterEip = 0;
        m.pat = PAT_RESET;
        m.miscEnable = MsrFile.MISC_ENABLE_RESET;
        m.biosSignId = 1L << 32;
        m.debugCtl = 0;
        m.mtrrDefType = 0xC06;
        Arrays.fill(m.mtrrFixed, WRITE_PROTECT);
        m.mtrrFixed[0] = WRITE_BACK;
        m.mtrrFixed[1] = WRITE_BACK;
        m.mtrrFixed[2] = 0;
        Arrays.fill(m.mtrrVariable, 0);
        // Uncached: the fourth GiB, where devices are.
        m.mtrrVariable[0] = DEVICES;
        m.mtrrVariable[1] = (1L << Mmu.PHYSICAL_BITS) - (1L << 30) | 1 << 11;
    }
}
