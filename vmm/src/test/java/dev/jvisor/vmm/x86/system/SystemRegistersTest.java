package dev.jvisor.vmm.x86.system;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.backend.CpuLevel;
import dev.jvisor.vmm.backend.CpuidTable;
import dev.jvisor.vmm.state.VpState;
import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Mmu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import org.junit.jupiter.api.Test;

/** Control registers, MSRs, CPUID, reset, and the state as a value. */
class SystemRegistersTest {
    private final TestCpu t = new TestCpu();
    private final Cpu c = t.c;

    @Test
    void instructionsRegisterWithoutConflict() {
        OpcodeTable table = new OpcodeTable();
        SystemOps.register(table);
        assertTrue(table.all().size() > 80);
    }

    @Test
    void cr0RefusesImpossibleCombinations() {
        t.protectedMode(0);
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, Cpu.CR0_PG, t.here())));
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, Cpu.CR0_PE | Cpu.CR0_NW, t.here())));
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, 1L << 32 | Cpu.CR0_PE, t.here())));
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr4(c, Cpu.CR4_PCIDE, t.here())));
        ControlRegisters.lmsw(c, 0xE, t.here());
        assertEquals(Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_EM | Cpu.CR0_TS | Cpu.CR0_ET | Cpu.CR0_NE, c.cr0);
    }

    @Test
    void paePagingChecksItsFourEntries() {
        t.protectedMode(0);
        c.cr3 = 0x20000;
        c.cr4 = Cpu.CR4_PAE;
        t.w64(0x20000, 0x21000 | 1 | 1 << 5);
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, Cpu.CR0_PE | Cpu.CR0_PG, t.here())));
        t.w64(0x20000, 0x21000 | 1);
        ControlRegisters.setCr0(c, Cpu.CR0_PE | Cpu.CR0_PG, t.here());
        assertEquals(0x21001, c.mmu.pdpte[0]);
        assertFalse(c.longActive());
    }

    @Test
    void controlBitsOfWhatIsNotOfferedAreRefused() {
        t.longMode(0);
        cpuid(1, 0);
        assertEquals(0, c.r[Cpu.RDX] & 1 << 1, "VME");
        assertEquals(0, c.r[Cpu.RCX] & (1 << 5 | 1 << 6 | 1 << 17), "VMX, SMX, PCID");
        cpuid(7, 0);
        assertEquals(0, c.r[Cpu.RCX] & (1 << 3 | 1 << 7 | 1 << 16 | 1L << 31), "PKU, CET_SS, LA57, PKS");
        // VME, PVI, LA57, VMXE, SMXE, PCIDE, PKE, CET, PKS, UINTR, and those that have no meaning.
        long refused = 3 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 19 | -1L << 22;
        for (int bit = 0; bit < 64; bit++) {
            long v = c.cr4 | 1L << bit;
            String wanted = (refused >>> bit & 1) != 0 || bit == 15 ? "13:0" : "none";
            long before = c.cr4;
            assertEquals(wanted, t.fault(() -> ControlRegisters.setCr4(c, v, t.here())), "bit " + bit);
            ControlRegisters.setCr4(c, before, t.here());
        }
        Uop u = t.here();
        u.d = 3;
        for (int bit = 46; bit < 64; bit++) {
            c.r[Cpu.RAX] = c.cr3 | 1L << bit;
            assertEquals("13:0", t.fault(() -> ControlRegisters.write(c, u)), "CR3 bit " + bit);
        }
        for (int bit = 0; bit < 64; bit++) {
            // SCE, LME, LMA, NXE; LME cannot change while paging is on, and is on.
            boolean known = bit == 0 || bit == 8 || bit == 10 || bit == 11;
            assertEquals(known, write(MsrFile.IA32_EFER, c.efer | 1L << bit), "EFER bit " + bit);
        }
        assertFalse(write(MsrFile.IA32_EFER, c.efer & ~Cpu.EFER_LME));
    }

    @Test
    void debugRegistersRefuseBitsAbove31AndKeepTheFixedOnes() {
        t.longMode(0);
        Uop u = t.here();
        for (int n : new int[] {6, 7}) {
            u.d = n;
            c.r[Cpu.RAX] = 1L << 32;
            assertEquals("13:0", t.fault(() -> DebugRegisters.write(c, u)));
            c.r[Cpu.RAX] = 0;
            DebugRegisters.write(c, u);
            assertEquals(n == 6 ? 0xFFFF0FF0L : 0x400, c.dr[n]);
            c.r[Cpu.RAX] = 0xFFFF_DFFFL;
            DebugRegisters.write(c, u);
            // No RTM: bit 16 of DR6 stays set, bit 11 of DR7 clear.
            assertEquals(n == 6 ? 0xFFFFCFFFL : 0xFFFF07FFL, c.dr[n]);
        }
        u.d = 8;
        assertEquals("6", t.fault(() -> DebugRegisters.write(c, u)));
    }

    @Test
    void performanceCountersAreNotThere() {
        cpuid(0xA, 0);
        assertEquals(0, c.r[Cpu.RAX] | c.r[Cpu.RBX] | c.r[Cpu.RCX] | c.r[Cpu.RDX]);
        for (int msr : new int[] {0xC1, 0x186, 0x309, 0x38D, 0x38F, 0x345}) {
            assertFalse(MsrFile.read(c, msr), Integer.toHexString(msr));
            assertFalse(write(msr, 0), Integer.toHexString(msr));
        }
    }

    @Test
    void cr8IsTheTaskPriority() {
        t.longMode(0);
        Uop u = t.here();
        u.d = 8;
        c.r[Cpu.RAX] = 9;
        ControlRegisters.write(c, u);
        assertEquals(9, t.interrupts.cr8);
        c.r[Cpu.RAX] = 16;
        assertEquals("13:0", t.fault(() -> ControlRegisters.write(c, u)));
        u.d = 5;
        assertEquals("6", t.fault(() -> ControlRegisters.write(c, u)));
    }

    @Test
    void privilegedInstructionsNeedRingZero() {
        t.longMode(3);
        Uop u = t.here();
        assertEquals("13:0", t.fault(() -> ControlRegisters.write(c, u)));
        assertEquals("13:0", t.fault(() -> MsrFile.rdmsr(c, u)));
        assertEquals("13:0", t.fault(() -> ControlRegisters.clts(c, u)));
        assertEquals("13:0", t.fault(() -> SyscallOps.swapgs(c, u)));
        u.d = 7;
        assertEquals("13:0", t.fault(() -> DebugRegisters.write(c, u)));
    }

    @Test
    void debugRegisterAccessIsCaughtByGd() {
        t.protectedMode(0);
        Uop u = t.here();
        u.d = 7;
        c.r[0] = 0x2000;
        DebugRegisters.write(c, u);
        assertEquals(0x2400, c.dr[7]);
        assertEquals("1", t.fault(() -> DebugRegisters.read(c, u)));
        assertEquals(0xFFFF2FF0L, c.dr[6]);
        t.idt32(1, TestCpu.CODE0, 0x6000, 14, 0);
        assertTrue(EventDelivery.deliverFault(c));
        assertEquals(0x400, c.dr[7]);
        u.a = 4;
        DebugRegisters.read(c, u);
        c.cr4 = Cpu.CR4_DE;
        assertEquals("6", t.fault(() -> DebugRegisters.read(c, u)));
    }

    private boolean write(int index, long v) {
        return MsrFile.write(c, index, v);
    }

    private long read(int index) {
        assertTrue(MsrFile.read(c, index), Integer.toHexString(index));
        return c.msrValue.value;
    }

    @Test
    void msrsTakeOnlyWhatTheyMay() {
        assertTrue(write(MsrFile.IA32_LSTAR, 0xFFFFFFFF_81000000L));
        assertFalse(write(MsrFile.IA32_LSTAR, 0x8000_0000_0000L));
        assertEquals(0xFFFFFFFF_81000000L, read(MsrFile.IA32_LSTAR));
        assertFalse(write(MsrFile.IA32_PAT, 2));
        assertTrue(write(MsrFile.IA32_PAT, 0x0407_0106_0007_0106L));
        assertFalse(write(MsrFile.IA32_EFER, 1 << 14));
        assertTrue(write(MsrFile.IA32_EFER, Cpu.EFER_NXE | Cpu.EFER_SCE));
        assertFalse(write(MsrFile.IA32_MTRR_DEF_TYPE, 2));
        assertFalse(write(MsrFile.IA32_MTRR_PHYSBASE0, 1L << Mmu.PHYSICAL_BITS));
        assertTrue(write(MsrFile.IA32_MTRR_PHYSBASE0 + 1, (1L << Mmu.PHYSICAL_BITS) - (1L << 30) | 0x800));
        assertFalse(write(MsrFile.IA32_MTRR_FIX4K_C0000, 3));
        assertFalse(write(MsrFile.IA32_ARCH_CAPABILITIES, 0));
        assertTrue(write(MsrFile.IA32_MISC_ENABLE, 0x400C51809L), "every bit that the manual gives a meaning");
        assertFalse(write(MsrFile.IA32_MISC_ENABLE, 2));
        assertFalse(write(0x12345, 0));
        assertFalse(MsrFile.read(c, 0x12345));
        assertEquals(0xFEE00800L, read(MsrFile.IA32_APIC_BASE));
    }

    @Test
    void timeStampCounterAndItsAdjustmentMoveTogether() {
        long before = read(MsrFile.IA32_TSC);
        assertTrue(write(MsrFile.IA32_TSC, before + 500));
        assertEquals(500, read(MsrFile.IA32_TSC_ADJUST));
        t.now += 10;
        assertEquals(before + 510, read(MsrFile.IA32_TSC));
        assertTrue(write(MsrFile.IA32_TSC_ADJUST, 0));
        assertEquals(before + 10, read(MsrFile.IA32_TSC));
        assertTrue(write(MsrFile.IA32_TSC_ADJUST, 100));
        assertTrue(write(MsrFile.IA32_TSC_DEADLINE, 5000));
        assertEquals("msr 6e0=" + Long.toHexString(5000), t.events.getLast());
        assertEquals(read(MsrFile.IA32_TSC) - t.now, t.interrupts.tscOffset, "what the local APIC reckons the deadline by");
    }

    @Test
    void stateOnItsWayLostTime() {
        write(MsrFile.IA32_TSC_ADJUST, 77);
        VpState s = new VpState();
        StateTransfer.get(c, s);
        TestCpu other = new TestCpu();
        other.now = t.now + 5000;
        StateTransfer.set(s, other.c);
        assertEquals(c.tsc() + 5000, other.c.tsc());
        s.tscAtNs = -1;
        StateTransfer.set(s, other.c);
        assertEquals(c.tsc(), other.c.tsc(), "of another partition: the counter goes on from what it showed");
    }

    @Test
    void resetKeptTheRegistersOfTheGuestBefore() {
        VpState reset = new VpState();
        StateTransfer.get(c, reset);
        write(MsrFile.IA32_LSTAR, 0x1000);
        write(MsrFile.IA32_DEBUGCTL, 2);
        write(MsrFile.IA32_MTRR_DEF_TYPE, 0);
        write(MsrFile.IA32_TSC, 5);
        t.now += 10;
        StateTransfer.set(new VpState(), c);
        VpState now = new VpState();
        StateTransfer.get(c, now);
        reset.msrs.merge(MsrFile.IA32_TSC, 10L, Long::sum);
        assertEquals(reset.msrs, now.msrs);
    }

    private void cpuid(int leaf, int subleaf) {
        c.r[Cpu.RAX] = leaf;
        c.r[Cpu.RCX] = subleaf;
        CpuidModel.cpuid(c, t.here());
    }

    @Test
    void cpuidTellsFrequenciesTopologyAndState() {
        cpuid(0x15, 0);
        long tsc = c.r[Cpu.RCX] * c.r[Cpu.RBX] / c.r[Cpu.RAX];
        assertEquals(1_000_000_000, tsc);
        cpuid(0xB, 1);
        assertArrayEquals(new long[] {2, 4, 0x201, 1}, new long[] {c.r[Cpu.RAX], c.r[Cpu.RBX], c.r[Cpu.RCX], c.r[Cpu.RDX]});
        cpuid(0xB, 2);
        assertArrayEquals(new long[] {0, 0, 2, 1}, new long[] {c.r[Cpu.RAX], c.r[Cpu.RBX], c.r[Cpu.RCX], c.r[Cpu.RDX]});
        cpuid(1, 0);
        assertEquals(1, c.r[Cpu.RBX] >>> 24);
        assertEquals(0, c.r[Cpu.RCX] & 1 << 27);
        ControlRegisters.setCr4(c, Cpu.CR4_OSXSAVE, t.here());
        cpuid(1, 0);
        assertTrue((c.r[Cpu.RCX] & 1 << 27) != 0);
        // Beyond the last leaf: the last one's answer.
        cpuid(0x20, 0);
        assertEquals(1000, c.r[Cpu.RAX]);
        cpuid(0x40000000, 0);
        assertEquals(0, c.r[Cpu.RAX]);
        cpuid(0x80000008, 0);
        assertEquals(Mmu.PHYSICAL_BITS | 48 << 8, c.r[Cpu.RAX]);
    }

    @Test
    void x87SelectorsThatAreNeverSavedWereNotSaidToBeMissing() {
        cpuid(7, 0);
        assertEquals(1, c.r[Cpu.RBX] >>> 13 & 1, "FCS and FDS are deprecated");
    }

    @Test
    void cpuidTellsOfSyscallInSixtyFourBitModeOnly() {
        t.protectedMode(0);
        cpuid(0x80000001, 0);
        assertEquals(0, c.r[Cpu.RDX] & 1 << 11);
        t.longMode(0);
        cpuid(0x80000001, 0);
        assertEquals(1 << 11, c.r[Cpu.RDX] & 1 << 11);
    }

    @Test
    void cpuidHidesALocalApicThatIsOff() {
        cpuid(1, 0);
        assertEquals(1 << 9, c.r[Cpu.RDX] & 1 << 9);
        t.interrupts.enabled = false;
        cpuid(1, 0);
        assertEquals(0, c.r[Cpu.RDX] & 1 << 9);
    }

    @Test
    void aPartitionOfOneHasNoHyperThreading() {
        CpuidTable one = CpuidModel.build(1, 1_000_000_000, CpuLevel.MAX);
        assertEquals(0, one.find(1, 0).edx() & 1 << 28);
        assertEquals(0, one.find(0xB, 1).eax());
        assertEquals(0, one.find(4, 3).eax() >>> 14);
    }

    @Test
    void xsetbvTakesWhatLeaf0dOffers() {
        c.cr4 = Cpu.CR4_OSXSAVE;
        c.r[Cpu.RAX] = 3;
        c.r[Cpu.RDX] = 0;
        ControlRegisters.xsetbv(c, t.here());
        assertEquals(3, c.xcr0);
        c.r[Cpu.RAX] = 2;
        assertEquals("13:0", t.fault(() -> ControlRegisters.xsetbv(c, t.here())));
        c.r[Cpu.RAX] = 0x10003;
        assertEquals("13:0", t.fault(() -> ControlRegisters.xsetbv(c, t.here())));
        c.cr4 = 0;
        assertEquals("6", t.fault(() -> ControlRegisters.xgetbv(c, t.here())));
    }

    @Test
    void stateMovesToAnotherVpWhole() {
        t.longMode(3);
        for (int k = 0; k < 16; k++) {
            c.r[k] = 0x1111_1111_1111_1111L * k;
            c.xmm[2 * k] = k;
            c.xmm[2 * k + 1] = ~k;
            c.ymmHigh[2 * k] = 5L * k;
            c.ymmHigh[2 * k + 1] = ~7L * k;
        }
        c.r[Cpu.RSP] = 0x9000;
        c.setRflags(Flags.IF | Flags.ZF | 2);
        c.fpTop = 5;
        c.fsw = 0x4000;
        c.fpUsed = 0x81;
        c.fpMant[7] = 0xC000_0000_0000_0000L;
        c.fpExp[7] = 0x4001;
        c.msrs.kernelGsBase = 0xFFFF_8000_0000_0000L;
        c.segBase[Cpu.GS] = 0x7F00_0000_0000L;
        c.dr[0] = 0x1234;
        c.cr2 = 0xABC;
        t.interrupts.cr8 = 3;
        write(MsrFile.IA32_TSC_ADJUST, 77);
        VpState s = new VpState();
        StateTransfer.get(c, s);
        assertEquals(5 << 11 | 0x4000, s.fsw);

        TestCpu other = new TestCpu();
        StateTransfer.set(s, other.c);
        VpState back = new VpState();
        StateTransfer.get(other.c, back);
        assertEquals(s.dump(), back.dump());
        assertEquals(s.msrs, back.msrs);
        assertArrayEquals(s.ymm, back.ymm);
        assertArrayEquals(s.x87Mantissa, back.x87Mantissa);
        assertArrayEquals(s.x87Exponent, back.x87Exponent);
        assertArrayEquals(s.dr, back.dr);
        assertEquals(3, other.c.cpl);
        assertTrue(other.c.long64());
    }

    @Test
    void initKeepsWhatTheManualSaysAndSipiStartsAtItsPage() {
        t.longMode(3);
        c.xmm[0] = 5;
        c.msrs.lstar = 0x1000;
        c.halted = true;
        long tsc = c.tsc();
        Reset.init(c);
        assertEquals(0, c.efer);
        assertEquals(Cpu.CR0_ET, c.cr0);
        assertEquals(5, c.xmm[0]);
        assertEquals(0x1000, c.msrs.lstar);
        assertEquals(tsc, c.tsc());
        assertEquals(0, c.cpl);
        assertTrue((c.mode & Cpu.MODE_REAL) != 0);
        Reset.sipi(c, 0x9A);
        assertEquals(0x9A000, c.segBase[Cpu.CS] + c.rip);
        assertEquals(0x9A00, c.segSel[Cpu.CS]);
    }

    @Test
    void powerOnStartsAtTheTopOfTheFirstFourGigabytes() {
        VpState fresh = new VpState();
        VpState s = new VpState();
        StateTransfer.get(c, s);
        assertEquals(0xFFFFFFF0L, c.segBase[Cpu.CS] + c.rip);
        assertEquals(fresh.cr0, s.cr0);
        assertEquals(fresh.seg[VpState.CS], s.seg[VpState.CS]);
        assertEquals(fresh.fcw, s.fcw);
        assertEquals(fresh.ftw, s.ftw);
    }
}
