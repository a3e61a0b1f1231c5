package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Mmu;
import dev.jvisor.vmm.x86.cpu.Msrs;
import dev.jvisor.vmm.x86.cpu.Uop;

/**
 * RDMSR and WRMSR: the registers the software CPU keeps itself, with the checks of Intel SDM volume 4; every other goes to the
 * {@link dev.jvisor.vmm.backend.InterceptHandler} (local APIC, TLFS). Names are those of the SDM.
 */
public final class MsrFile {
    static final int IA32_TSC = 0x10, IA32_PLATFORM_ID = 0x17, IA32_APIC_BASE = 0x1B, IA32_FEATURE_CONTROL = 0x3A, IA32_TSC_ADJUST = 0x3B,
            IA32_BIOS_UPDT_TRIG = 0x79, IA32_BIOS_SIGN_ID = 0x8B, MSR_PLATFORM_INFO = 0xCE,
            IA32_MTRRCAP = 0xFE, IA32_ARCH_CAPABILITIES = 0x10A, IA32_SYSENTER_CS = 0x174, IA32_SYSENTER_ESP = 0x175, IA32_SYSENTER_EIP = 0x176,
            IA32_MCG_CAP = 0x179, IA32_MCG_STATUS = 0x17A, IA32_MISC_ENABLE = 0x1A0, IA32_DEBUGCTL = 0x1D9, IA32_MTRR_PHYSBASE0 = 0x200,
            IA32_MTRR_FIX64K_00000 = 0x250, IA32_MTRR_FIX16K_80000 = 0x258, IA32_MTRR_FIX16K_A0000 = 0x259, IA32_MTRR_FIX4K_C0000 = 0x268,
            IA32_PAT = 0x277, IA32_MTRR_DEF_TYPE = 0x2FF, IA32_TSC_DEADLINE = 0x6E0, IA32_EFER = 0xC0000080, IA32_STAR = 0xC0000081,
            IA32_LSTAR = 0xC0000082, IA32_CSTAR = 0xC0000083, IA32_FMASK = 0xC0000084, IA32_FS_BASE = 0xC0000100, IA32_GS_BASE = 0xC0000101,
            IA32_KERNEL_GS_BASE = 0xC0000102, IA32_TSC_AUX = 0xC0000103;

    /**
     * IA32_ARCH_CAPABILITIES: RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO,
     * BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO. Nothing here speculates.
     */
    static final long ARCH_CAPABILITIES = 0x1 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0xE000 | 1 << 20 | 1 << 24 | 1 << 26 | 1 << 27;
    /** Fast strings; no BTS, no PEBS. */
    static final long MISC_ENABLE_RESET = 0x1801;
    private static final long MISC_ENABLE_WRITABLE = 0x1 | 1 << 3 | 1 << 7 | 1 << 16 | 1 << 18 | 1 << 22 | 1 << 23 | 1L << 34 | 0x1800;
    /** Fixed ranges, write-combining, count of variable ones. */
    private static final long MTRR_CAP = 1 << 10 | 1 << 8 | Msrs.VARIABLE_MTRRS;
    private static final long EFER_WRITABLE = Cpu.EFER_SCE | Cpu.EFER_LME | Cpu.EFER_NXE;

    private MsrFile() { }

    /** Reads a register into {@code c.msrValue}. {@return false for #GP} */
    public static boolean read(Cpu c, int index) {
        Msrs m = c.msrs;
        long v;
        switch (index) {
            case IA32_TSC -> v = c.tsc();
            case IA32_TSC_ADJUST -> v = m.tscAdjust;
            case IA32_BIOS_SIGN_ID -> v = m.biosSignId;
            case IA32_PLATFORM_ID, IA32_MCG_CAP, IA32_MCG_STATUS -> v = 0;
            case IA32_DEBUGCTL -> v = m.debugCtl;
            // Locked, nothing enabled.
            case IA32_FEATURE_CONTROL -> v = 1;
            // Base ratio in units of 100 MHz.
            case MSR_PLATFORM_INFO -> v = (c.tscHz / 100_000_000L & 0xFF) << 8;
            case IA32_MTRRCAP -> v = MTRR_CAP;
            case IA32_ARCH_CAPABILITIES -> v = ARCH_CAPABILITIES;
            case IA32_SYSENTER_CS -> v = m.sysenterCs;
            case IA32_SYSENTER_ESP -> v = m.sysenterEsp;
            case IA32_SYSENTER_EIP -> v = m.sysenterEip;
            case IA32_MISC_ENABLE -> v = m.miscEnable;
            case IA32_PAT -> v = m.pat;
            case IA32_MTRR_DEF_TYPE -> v = m.mtrrDefType;
            case IA32_EFER -> v = c.efer;
            case IA32_STAR -> v = m.star;
            case IA32_LSTAR -> v = m.lstar;
            case IA32_CSTAR -> v = m.cstar;
            case IA32_FMASK -> v = m.fmask;
            case IA32_FS_BASE -> v = c.segBase[Cpu.FS];
            case IA32_GS_BASE -> v = c.segBase[Cpu.GS];
            case IA32_KERNEL_GS_BASE -> v = m.kernelGsBase;
            case IA32_TSC_AUX -> v = m.tscAux;
            default -> {
                int fixed = fixedMtrr(index);
                if (fixed >= 0) {
                    v = m.mtrrFixed[fixed];
                } else if (isVariableMtrr(index)) {
                    v = m.mtrrVariable[index - IA32_MTRR_PHYSBASE0];
                } else {
                    return c.handler.msrRead(c.index, index, c.msrValue);
                }
            }
        }
        c.msrValue.value = v;
        return true;
    }

    /** Writes a register. {@return false for #GP} */
    public static boolean write(Cpu c, int index, long v) {
        Msrs m = c.msrs;
        switch (index) {
            case IA32_TSC -> {
                long delta = v - c.tsc();
                c.moveTsc(delta);
                m.tscAdjust += delta;
            }
            case IA32_TSC_ADJUST -> {
                c.moveTsc(v - m.tscAdjust);
                m.tscAdjust = v;
            }
            // A guest writes 0, executes CPUID and reads the revision back; there is no microcode to load.
            case IA32_BIOS_SIGN_ID, IA32_BIOS_UPDT_TRIG, IA32_MCG_STATUS -> { }
            case IA32_DEBUGCTL -> {
                if ((v & ~3L) != 0) {
                    return false;
                }
                m.debugCtl = v;
            }
            case IA32_SYSENTER_CS -> m.sysenterCs = v & 0xFFFF_FFFFL;
            case IA32_SYSENTER_ESP -> {
                if (!Descriptor.canonical(v)) {
                    return false;
                }
                m.sysenterEsp = v;
            }
            case IA32_SYSENTER_EIP -> {
                if (!Descriptor.canonical(v)) {
                    return false;
                }
                m.sysenterEip = v;
            }
            case IA32_MISC_ENABLE -> {
                if ((v & ~MISC_ENABLE_WRITABLE) != 0) {
                    return false;
                }
                m.miscEnable = v;
            }
            case IA32_PAT -> {
                for (int k = 0; k < 8; k++) {
                    long type = v >>> 8 * k & 0xFF;
                    if (type > 7 || type == 2 || type == 3) {
                        return false;
                    }
                }
                m.pat = v;
            }
            case IA32_MTRR_DEF_TYPE -> {
                if ((v & ~0xCFFL) != 0 || !isMemoryType(v & 0xFF)) {
                    return false;
                }
                m.mtrrDefType = v;
            }
            case IA32_EFER -> {
                return writeEfer(c, v);
            }
            case IA32_STAR -> m.star = v;
            case IA32_LSTAR -> {
                if (!Descriptor.canonical(v)) {
                    return false;
                }
                m.lstar = v;
            }
            case IA32_CSTAR -> {
                if (!Descriptor.canonical(v)) {
                    return false;
                }
                m.cstar = v;
            }
            case IA32_FMASK -> {
                if (v >>> 32 != 0) {
                    return false;
                }
                m.fmask = v;
            }
            case IA32_FS_BASE -> {
                return writeBase(c, Cpu.FS, v);
            }
            case IA32_GS_BASE -> {
                return writeBase(c, Cpu.GS, v);
            }
            case IA32_KERNEL_GS_BASE -> {
                if (!Descriptor.canonical(v)) {
                    return false;
                }
                m.kernelGsBase = v;
            }
            case IA32_TSC_AUX -> {
                if (v >>> 32 != 0) {
                    return false;
                }
                m.tscAux = v;
            }
            case IA32_PLATFORM_ID, IA32_MCG_CAP, IA32_FEATURE_CONTROL, MSR_PLATFORM_INFO, IA32_MTRRCAP, IA32_ARCH_CAPABILITIES -> {
                return false;
            }
            default -> {
                int fixed = fixedMtrr(index);
                if (fixed >= 0) {
                    return writeFixed(m, fixed, v);
                }
                if (isVariableMtrr(index)) {
                    return writeVariable(m, index - IA32_MTRR_PHYSBASE0, v);
                }
                return c.handler.msrWrite(c.index, index, v);
            }
        }
        return true;
    }

    private static boolean writeBase(Cpu c, int seg, long v) {
        if (!Descriptor.canonical(v)) {
            return false;
        }
        c.segBase[seg] = v;
        return true;
    }

    private static boolean writeEfer(Cpu c, long v) {
        // LMA is read-only; a write of what it holds is fine.
        if ((v & ~(EFER_WRITABLE | Cpu.EFER_LMA)) != 0) {
            return false;
        }
        long next = v & EFER_WRITABLE | c.efer & Cpu.EFER_LMA;
        long changed = next ^ c.efer;
        if ((changed & Cpu.EFER_LME) != 0 && (c.cr0 & Cpu.CR0_PG) != 0) {
            return false;
        }
        c.efer = next;
        if ((changed & Cpu.EFER_NXE) != 0) {
            c.flushTlb();
        }
        c.modeChanged();
        return true;
    }

    // ---- MTRRs (SDM 3A, 12.11): values only; memory types have no effect here

    private static boolean isMemoryType(long type) {
        return type == 0 || type == 1 || type >= 4 && type <= 6;
    }

    private static int fixedMtrr(int index) {
        if (index >= IA32_MTRR_FIX4K_C0000 && index < IA32_MTRR_FIX4K_C0000 + 8) {
            return 3 + index - IA32_MTRR_FIX4K_C0000;
        }
        return switch (index) {
            case IA32_MTRR_FIX64K_00000 -> 0;
            case IA32_MTRR_FIX16K_80000 -> 1;
            case IA32_MTRR_FIX16K_A0000 -> 2;
            default -> -1;
        };
    }

    private static boolean isVariableMtrr(int index) {
        return index >= IA32_MTRR_PHYSBASE0 && index < IA32_MTRR_PHYSBASE0 + 2 * Msrs.VARIABLE_MTRRS;
    }

    private static boolean writeFixed(Msrs m, int n, long v) {
        for (int k = 0; k < 8; k++) {
            if (!isMemoryType(v >>> 8 * k & 0xFF)) {
                return false;
            }
        }
        m.mtrrFixed[n] = v;
        return true;
    }

    private static boolean writeVariable(Msrs m, int n, long v) {
        boolean mask = (n & 1) != 0;
        if (v >>> Mmu.PHYSICAL_BITS != 0 || (v & (mask ? 0x7FF : 0xF00)) != 0 || !mask && !isMemoryType(v & 0xFF)) {
            return false;
        }
        m.mtrrVariable[n] = v;
        return true;
    }

    // ---- instructions

    /** RDMSR. */
    static void rdmsr(Cpu c, Uop u) {
        Operands.requireCpl0(c, u);
        if (!read(c, (int) c.r[Cpu.RCX])) {
            throw Operands.gp(c, u);
        }
        long v = c.msrValue.value;
        c.r[Cpu.RAX] = v & 0xFFFF_FFFFL;
        c.r[Cpu.RDX] = v >>> 32;
    }

    /** WRMSR. */
    static void wrmsr(Cpu c, Uop u) {
        Operands.requireCpl0(c, u);
        Cpu.serialize();
        if (!write(c, (int) c.r[Cpu.RCX], c.r[Cpu.RAX] & 0xFFFF_FFFFL | c.r[Cpu.RDX] << 32)) {
            throw Operands.gp(c, u);
        }
    }
}
