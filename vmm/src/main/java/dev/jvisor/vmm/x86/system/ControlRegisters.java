package dev.jvisor.vmm.x86.system;

import dev.jvisor.vmm.backend.CpuFeature;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.ExtendedState;
import dev.jvisor.vmm.x86.cpu.Mmu;
import dev.jvisor.vmm.x86.cpu.Uop;

/** MOV to and from CR0, CR2, CR3, CR4 and CR8, CLTS, LMSW, SMSW, XSETBV: the changes of mode (Intel SDM 3A, chapters 2, 4 and 10.8). */
final class ControlRegisters {
    /** CR4 bits that guests may set: those of features that CPUID offers, and a few that always exist. */
    static final long CR4_ALLOWED = Cpu.CR4_TSD | Cpu.CR4_DE | Cpu.CR4_PSE | Cpu.CR4_PAE | Cpu.CR4_MCE | Cpu.CR4_PGE | Cpu.CR4_PCE
            | Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT | Cpu.CR4_UMIP | Cpu.CR4_FSGSBASE | Cpu.CR4_OSXSAVE | Cpu.CR4_SMEP | Cpu.CR4_SMAP;
    /** CR4 bits whose change drops every translation. */
    private static final long CR4_FLUSHES = Cpu.CR4_PSE | Cpu.CR4_PAE | Cpu.CR4_PGE | Cpu.CR4_SMEP | Cpu.CR4_SMAP;
    private static final long CR0_DEFINED = Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_EM | Cpu.CR0_TS | Cpu.CR0_ET | Cpu.CR0_NE | Cpu.CR0_WP | Cpu.CR0_AM
            | Cpu.CR0_NW | Cpu.CR0_CD | Cpu.CR0_PG;
    private static final long CR3_RESERVED = -(1L << Mmu.PHYSICAL_BITS);

    private ControlRegisters() { }

    /** MOV reg, CRn: {@code d} register, {@code a} CR number. */
    static void read(Cpu c, Uop u) {
        int n = u.a;
        if (n == 1 || n > 4 && n != 8) {
            throw Operands.ud(c, u);
        }
        Operands.requireCpl0(c, u);
        long v = switch (n) {
            case 0 -> c.cr0;
            case 2 -> c.cr2;
            case 3 -> c.cr3;
            case 4 -> c.cr4;
            default -> c.interrupts.cr8();
        };
        c.r[u.d] = c.long64() ? v : v & 0xFFFF_FFFFL;
    }

    /** MOV CRn, reg: {@code d} CR number, {@code a} register. */
    static void write(Cpu c, Uop u) {
        int n = u.d;
        if (n == 1 || n > 4 && n != 8) {
            throw Operands.ud(c, u);
        }
        Operands.requireCpl0(c, u);
        long v = c.long64() ? c.r[u.a] : c.r[u.a] & 0xFFFF_FFFFL;
        if (n != 8) {
            Cpu.serialize();
        }
        switch (n) {
            case 0 -> setCr0(c, v, u);
            case 2 -> c.cr2 = v;
            case 3 -> setCr3(c, v, u);
            case 4 -> setCr4(c, v, u);
            default -> {
                if ((v & ~15L) != 0) {
                    throw Operands.gp(c, u);
                }
                c.interrupts.setCr8((int) v);
                c.raise(Cpu.PEND_INTERRUPT);
            }
        }
    }

    /** Sets CR0 with all that follows from it; {@code u} takes the #GP of an impossible value. */
    static void setCr0(Cpu c, long v, Uop u) {
        if (v >>> 32 != 0 || (v & (Cpu.CR0_PG | Cpu.CR0_PE)) == Cpu.CR0_PG || (v & (Cpu.CR0_NW | Cpu.CR0_CD)) == Cpu.CR0_NW) {
            throw Operands.gp(c, u);
        }
        v = v & CR0_DEFINED | Cpu.CR0_ET;
        long old = c.cr0;
        long changed = old ^ v;
        long efer = c.efer;
        boolean pae = (c.cr4 & Cpu.CR4_PAE) != 0;
        if ((changed & v & Cpu.CR0_PG) != 0 && (efer & Cpu.EFER_LME) != 0) {
            // Into long mode: PAE, no 64-bit CS yet, no 16-bit task.
            boolean tss16 = (c.segAttr[Cpu.TR] & 0x1D) == 1;
            if (!pae || (c.segAttr[Cpu.CS] & 1 << 13) != 0 || tss16) {
                throw Operands.gp(c, u);
            }
            efer |= Cpu.EFER_LMA;
        } else if ((changed & Cpu.CR0_PG) != 0 && (v & Cpu.CR0_PG) == 0 && c.longActive()) {
            if (c.long64()) {
                throw Operands.gp(c, u);
            }
            efer &= ~Cpu.EFER_LMA;
        }
        boolean legacyPae = (v & Cpu.CR0_PG) != 0 && pae && (efer & Cpu.EFER_LMA) == 0;
        if (legacyPae && (changed & (Cpu.CR0_PG | Cpu.CR0_CD | Cpu.CR0_NW)) != 0 && !c.mmu.loadPdptes(c.cr3)) {
            throw Operands.gp(c, u);
        }
        c.cr0 = v;
        c.efer = efer;
        if ((changed & (Cpu.CR0_PG | Cpu.CR0_WP | Cpu.CR0_PE)) != 0) {
            c.flushTlb();
        }
        c.modeChanged();
    }

    private static void setCr3(Cpu c, long v, Uop u) {
        if (c.longActive()) {
            if ((v & CR3_RESERVED) != 0) {
                throw Operands.gp(c, u);
            }
        } else if ((c.cr0 & Cpu.CR0_PG) != 0 && (c.cr4 & Cpu.CR4_PAE) != 0 && !c.mmu.loadPdptes(v)) {
            throw Operands.gp(c, u);
        }
        c.cr3 = v;
        c.flushTlbLocal();
    }

    static void setCr4(Cpu c, long v, Uop u) {
        boolean xsave = (v & Cpu.CR4_OSXSAVE) == 0 || CpuFeature.XSAVE.in(c.cpuid);
        if ((v & ~CR4_ALLOWED) != 0 || !xsave || c.longActive() && (v & Cpu.CR4_PAE) == 0) {
            throw Operands.gp(c, u);
        }
        long changed = c.cr4 ^ v;
        boolean legacyPae = (c.cr0 & Cpu.CR0_PG) != 0 && (v & Cpu.CR4_PAE) != 0 && !c.longActive();
        if (legacyPae && (changed & (Cpu.CR4_PAE | Cpu.CR4_PGE | Cpu.CR4_PSE | Cpu.CR4_SMEP)) != 0 && !c.mmu.loadPdptes(c.cr3)) {
            throw Operands.gp(c, u);
        }
        c.cr4 = v;
        if ((changed & CR4_FLUSHES) != 0) {
            c.flushTlb();
        }
        c.modeChanged();
    }

    /** CLTS. */
    static void clts(Cpu c, Uop u) {
        Operands.requireCpl0(c, u);
        c.cr0 &= ~Cpu.CR0_TS;
    }

    /** LMSW with the value in {@code value}: PE can be set but not cleared. */
    static void lmsw(Cpu c, long value, Uop u) {
        Operands.requireCpl0(c, u);
        long low = value & 15 | c.cr0 & Cpu.CR0_PE;
        setCr0(c, c.cr0 & ~15L | low, u);
    }

    /** XSETBV: XCR0 only, x87 always, AVX never without SSE, and nothing that CPUID leaf 0DH does not offer. */
    static void xsetbv(Cpu c, Uop u) {
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0) {
            throw Operands.ud(c, u);
        }
        Operands.requireCpl0(c, u);
        long v = c.r[Cpu.RAX] & 0xFFFF_FFFFL | c.r[Cpu.RDX] << 32;
        if ((int) c.r[Cpu.RCX] != 0 || (v & 1) == 0 || (v & 6) == 4 || (v & ~CpuidModel.xcr0Offered(c.cpuid)) != 0) {
            throw Operands.gp(c, u);
        }
        c.xcr0 = v;
    }

    /** XGETBV. */
    static void xgetbv(Cpu c, Uop u) {
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0) {
            throw Operands.ud(c, u);
        }
        long v = switch ((int) c.r[Cpu.RCX]) {
            case 0 -> c.xcr0;
            case 1 -> {
                if (!CpuFeature.XGETBV1.in(c.cpuid)) {
                    throw Operands.gp(c, u);
                }
                yield c.xcr0 & ExtendedState.inUse(c);
            }
            default -> throw Operands.gp(c, u);
        };
        c.r[Cpu.RAX] = v & 0xFFFF_FFFFL;
        c.r[Cpu.RDX] = v >>> 32;
    }
}
