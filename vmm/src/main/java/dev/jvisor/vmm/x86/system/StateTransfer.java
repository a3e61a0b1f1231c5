package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Msrs;
import java.util.Map;

/**
 * Moves the architectural state between a {@link Cpu} and a {@link VpState}. The local APIC is not part of it; IA32_APIC_BASE is read from
 * the local APIC when there is a handler, and never written. {@code WAIT_FOR_INIT} and {@code WAIT_FOR_SIPI}, a waiting NMI and an event
 * half delivered are the engine's to keep.
 */
public final class StateTransfer {
    private static final int[] KEPT = {MsrFile.IA32_TSC_ADJUST, MsrFile.IA32_BIOS_SIGN_ID,
        MsrFile.IA32_SYSENTER_CS, MsrFile.IA32_SYSENTER_ESP, MsrFile.IA32_SYSENTER_EIP, MsrFile.IA32_MISC_ENABLE, MsrFile.IA32_DEBUGCTL,
        MsrFile.IA32_PAT, MsrFile.IA32_MTRR_DEF_TYPE, MsrFile.IA32_STAR, MsrFile.IA32_LSTAR, MsrFile.IA32_CSTAR, MsrFile.IA32_FMASK,
        MsrFile.IA32_KERNEL_GS_BASE, MsrFile.IA32_TSC_AUX, MsrFile.IA32_MTRR_FIX64K_00000, MsrFile.IA32_MTRR_FIX16K_80000,
        MsrFile.IA32_MTRR_FIX16K_A0000};

    private StateTransfer() { }

    /** Copies the VP's state out; the VP is not running. */
    public static void get(Cpu c, VpState s) {
        System.arraycopy(c.r, 0, s.gpr, 0, 16);
        s.rip = c.rip;
        s.rflags = c.rflags();
        for (int k = 0; k < 6; k++) {
            s.seg[k] = segment(c, k);
        }
        s.ldtr = segment(c, Cpu.LDTR);
        s.tr = segment(c, Cpu.TR);
        s.gdtBase = c.gdtBase;
        s.gdtLimit = c.gdtLimit;
        s.idtBase = c.idtBase;
        s.idtLimit = c.idtLimit;
        s.cr0 = c.cr0;
        s.cr2 = c.cr2;
        s.cr3 = c.cr3;
        s.cr4 = c.cr4;
        s.cr8 = c.interrupts.cr8();
        s.xcr0 = c.xcr0;
        s.efer = c.efer;
        System.arraycopy(c.dr, 0, s.dr, 0, 4);
        s.dr6 = c.dr[6];
        s.dr7 = c.dr[7];
        s.msrs.clear();
        for (int index : KEPT) {
            getMsr(c, s, index);
        }
        s.tscAtNs = c.clock.nowNs();
        s.msrs.put(MsrFile.IA32_TSC, c.tscAt(s.tscAtNs));
        for (int k = 0; k < 8; k++) {
            getMsr(c, s, MsrFile.IA32_MTRR_FIX4K_C0000 + k);
        }
        for (int k = 0; k < 2 * Msrs.VARIABLE_MTRRS; k++) {
            getMsr(c, s, MsrFile.IA32_MTRR_PHYSBASE0 + k);
        }
        if (c.handler != null && c.handler.msrRead(c.index, MsrFile.IA32_APIC_BASE, c.msrValue)) {
            s.apicBase = c.msrValue.value;
        }
        getFpu(c, s);
        s.activity = c.halted ? VpState.Activity.HALTED : VpState.Activity.RUNNING;
        s.interruptShadow = c.shadow;
        s.nmiBlocked = c.nmiBlocked;
        s.nmiPending = c.interrupts.nmiPending();
        s.injectedVector = -1;
    }

    /** Copies out what user code sees; see {@link dev.jvisor.vmm.backend.SupervisorVp}. Allocates only when a base has changed. */
    public static void getUser(Cpu c, VpState s) {
        System.arraycopy(c.r, 0, s.gpr, 0, 16);
        s.rip = c.rip;
        s.rflags = c.rflags();
        getBase(c, s, Cpu.FS);
        getBase(c, s, Cpu.GS);
        s.cr0 = c.cr0;
        s.cr3 = c.cr3;
        s.cr4 = c.cr4;
        s.efer = c.efer;
        s.xcr0 = c.xcr0;
        getFpu(c, s);
    }

    private static void getBase(Cpu c, VpState s, int segment) {
        if (s.seg[segment].base() != c.segBase[segment]) {
            s.seg[segment] = segment(c, segment);
        }
    }

    /** Takes over what user code has changed. Allocates nothing. */
    public static void setUser(VpState s, Cpu c) {
        System.arraycopy(s.gpr, 0, c.r, 0, 16);
        c.rip = s.rip;
        c.setRflags(s.rflags);
        c.segBase[Cpu.FS] = s.seg[VpState.FS].base();
        c.segBase[Cpu.GS] = s.seg[VpState.GS].base();
        setFpu(s, c);
        c.next = null;
        c.link = null;
    }

    private static void getMsr(Cpu c, VpState s, int index) {
        MsrFile.read(c, index);
        s.msrs.put(index, c.msrValue.value);
    }

    private static SegmentState segment(Cpu c, int s) {
        return new SegmentState(c.segSel[s], c.segBase[s], c.segLimit[s], c.segAttr[s]);
    }

    private static void getFpu(Cpu c, VpState s) {
        System.arraycopy(c.fpMant, 0, s.x87Mantissa, 0, 8);
        System.arraycopy(c.fpExp, 0, s.x87Exponent, 0, 8);
        s.fcw = c.fcw;
        s.fsw = c.fsw & ~0x3800 | c.fpTop << 11;
        s.ftw = c.fpUsed;
        s.fop = c.fop;
        s.fip = c.fip;
        s.fdp = c.fdp;
        s.mxcsr = c.mxcsr;
        for (int k = 0; k < 16; k++) {
            s.ymm[4 * k] = c.xmm[2 * k];
            s.ymm[4 * k + 1] = c.xmm[2 * k + 1];
            s.ymm[4 * k + 2] = c.ymmHigh[2 * k];
            s.ymm[4 * k + 3] = c.ymmHigh[2 * k + 1];
        }
    }

    /** Replaces the VP's state; the VP is not running. */
    public static void set(VpState s, Cpu c) {
        System.arraycopy(s.gpr, 0, c.r, 0, 16);
        c.rip = s.rip;
        for (int k = 0; k < 6; k++) {
            setSegment(c, k, s.seg[k]);
        }
        setSegment(c, Cpu.LDTR, s.ldtr);
        setSegment(c, Cpu.TR, s.tr);
        c.gdtBase = s.gdtBase;
        c.gdtLimit = s.gdtLimit & 0xFFFF;
        c.idtBase = s.idtBase;
        c.idtLimit = s.idtLimit & 0xFFFF;
        c.cr0 = s.cr0 | Cpu.CR0_ET;
        c.cr2 = s.cr2;
        c.cr3 = s.cr3;
        c.cr4 = s.cr4;
        c.interrupts.setCr8((int) s.cr8);
        c.xcr0 = s.xcr0;
        c.efer = s.efer;
        System.arraycopy(s.dr, 0, c.dr, 0, 4);
        c.dr[6] = s.dr6;
        c.dr[7] = s.dr7;
        c.cpl = level(s);
        c.setRflags(s.rflags);
        setMsrs(s, c);
        setFpu(s, c);
        c.x87Errors.replaced();
        c.halted = s.activity == VpState.Activity.HALTED;
        c.shadow = s.interruptShadow;
        c.nmiBlocked = s.nmiBlocked;
        c.pendingDebug = 0;
        c.noTrap = false;
        c.repeating = false;
        c.next = null;
        c.link = null;
        if ((c.cr0 & Cpu.CR0_PG) != 0 && (c.cr4 & Cpu.CR4_PAE) != 0 && !c.longActive()) {
            c.mmu.loadPdptes(c.cr3);
        }
        c.flushTlb();
        c.checks.breakpointsChanged();
        c.raise(Cpu.PEND_SLOW | Cpu.PEND_INTERRUPT);
    }

    private static int level(VpState s) {
        if ((s.cr0 & Cpu.CR0_PE) == 0) {
            return 0;
        }
        // SS.DPL is CPL at all times; a null SS keeps it too.
        return (s.rflags & Flags.VM) != 0 ? 3 : s.seg[VpState.SS].dpl();
    }

    private static void setSegment(Cpu c, int s, SegmentState x) {
        c.segSel[s] = x.selector() & 0xFFFF;
        c.segBase[s] = x.base();
        c.segLimit[s] = x.limit();
        c.segAttr[s] = x.attributes();
    }

    private static void setMsrs(VpState s, Cpu c) {
        if (!s.msrs.containsKey(MsrFile.IA32_TSC_ADJUST)) {
            c.moveTsc(-c.msrs.tscAdjust);
        }
        Reset.msrs(c.msrs);
        for (Map.Entry<Integer, Long> e : s.msrs.entrySet()) {
            // FS, GS and EFER have fields of their own; the TSC is written without moving TSC_ADJUST.
            switch (e.getKey()) {
                case MsrFile.IA32_TSC -> c.moveTsc(e.getValue() - (s.tscAtNs < 0 ? c.tsc() : c.tscAt(s.tscAtNs)));
                case MsrFile.IA32_TSC_ADJUST -> c.msrs.tscAdjust = e.getValue();
                case MsrFile.IA32_BIOS_SIGN_ID -> c.msrs.biosSignId = e.getValue();
                case MsrFile.IA32_EFER, MsrFile.IA32_FS_BASE, MsrFile.IA32_GS_BASE, MsrFile.IA32_APIC_BASE -> { }
                default -> {
                    if (isKept(e.getKey())) {
                        MsrFile.write(c, e.getKey(), e.getValue());
                    }
                }
            }
        }
    }

    private static boolean isKept(int index) {
        for (int k : KEPT) {
            if (k == index) {
                return true;
            }
        }
        return index >= MsrFile.IA32_MTRR_PHYSBASE0 && index < MsrFile.IA32_MTRR_PHYSBASE0 + 2 * Msrs.VARIABLE_MTRRS
                || index >= MsrFile.IA32_MTRR_FIX4K_C0000 && index < MsrFile.IA32_MTRR_FIX4K_C0000 + 8;
    }

    private static void setFpu(VpState s, Cpu c) {
        System.arraycopy(s.x87Mantissa, 0, c.fpMant, 0, 8);
        System.arraycopy(s.x87Exponent, 0, c.fpExp, 0, 8);
        c.fcw = s.fcw;
        c.fsw = s.fsw & ~0x3800;
        c.fpTop = s.fsw >> 11 & 7;
        c.fpUsed = s.ftw & 0xFF;
        c.fop = s.fop;
        c.fip = s.fip;
        c.fdp = s.fdp;
        c.mxcsr = s.mxcsr;
        for (int k = 0; k < 16; k++) {
            c.xmm[2 * k] = s.ymm[4 * k];
            c.xmm[2 * k + 1] = s.ymm[4 * k + 1];
            c.ymmHigh[2 * k] = s.ymm[4 * k + 2];
            c.ymmHigh[2 * k + 1] = s.ymm[4 * k + 3];
        }
    }
}
