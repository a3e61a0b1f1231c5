package dev.jvisor.vmm.x86.cpu;

/**
 * The model-specific registers that the software CPU keeps as plain values; EFER, FS and GS base, and the TSC stand elsewhere in
 * {@link Cpu} and {@link Mmu}. Which values a guest may write is the business of {@code system.MsrFile}. The VP's thread only.
 */
public final class Msrs {
    /** IA32_DEBUGCTL: RFLAGS.TF steps from one taken branch to the next. */
    public static final long DEBUGCTL_BTF = 2;
    /** Variable-range MTRRs offered (IA32_MTRRCAP.VCNT). */
    public static final int VARIABLE_MTRRS = 8;
    /** Fixed-range MTRRs: 64K_00000, 16K_80000, 16K_A0000, then 4K_C0000 to 4K_F8000. */
    public static final int FIXED_MTRRS = 11;

    /** IA32_STAR, IA32_LSTAR, IA32_CSTAR, IA32_FMASK: SYSCALL. */
    public long star, lstar, cstar, fmask;
    /** IA32_KERNEL_GS_BASE: the other side of SWAPGS. */
    public long kernelGsBase;
    /** IA32_TSC_AUX: what RDTSCP puts in ECX. */
    public long tscAux;
    /** IA32_TSC_ADJUST. */
    public long tscAdjust;
    /** IA32_SYSENTER_CS, _ESP, _EIP. */
    public long sysenterCs, sysenterEsp, sysenterEip;
    /** IA32_PAT. */
    public long pat;
    /** IA32_MISC_ENABLE. */
    public long miscEnable;
    /** IA32_BIOS_SIGN_ID: microcode revision. */
    public long biosSignId;
    /** IA32_DEBUGCTL. */
    public long debugCtl;
    /** IA32_MTRR_DEF_TYPE. */
    public long mtrrDefType;
    /** Fixed-range MTRRs by rising address. */
    public final long[] mtrrFixed = new long[FIXED_MTRRS];
    /** IA32_MTRR_PHYSBASEn at 2n, IA32_MTRR_PHYSMASKn at 2n + 1. */
    public final long[] mtrrVariable = new long[2 * VARIABLE_MTRRS];
}
