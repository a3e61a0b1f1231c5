package dev.jvisor.vmm.x86.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.system.EventDelivery.Kind;
import org.junit.jupiter.api.Test;

/** Exceptions and interrupts reach their handlers with the frame the manuals draw, in every mode, and IRET undoes it. */
class EventDeliveryTest {
    private final TestCpu t = new TestCpu();
    private final Cpu c = t.c;

    @Test
    void pageFaultInUserModeEntersTheKernelOnItsStack() {
        t.longMode(3);
        t.idt64(14, TestCpu.CODE64, 0xFFFF8000_00005678L, 14, 0, 0);
        c.setRflags(Flags.IF | Flags.TF | Flags.CF | 2);
        c.faultAddress = 0xDEAD000;
        assertTrue(EventDelivery.deliver(c, Cpu.PF, Kind.EXCEPTION, true, 6, 0x401234));
        assertEquals(0xFFFF8000_00005678L, c.rip);
        assertEquals(0xDEAD000, c.cr2);
        assertEquals(0, c.cpl);
        assertEquals(TestCpu.CODE64, c.segSel[Cpu.CS]);
        assertEquals(0, c.segSel[Cpu.SS]);
        // 8008 is aligned down to 8000, then six words.
        assertEquals(0x8000 - 48, c.r[Cpu.RSP]);
        assertEquals(6, t.r64(0x7FD0));
        assertEquals(0x401234, t.r64(0x7FD8));
        assertEquals(TestCpu.CODE64_3, t.r64(0x7FE0));
        assertEquals(Flags.IF | Flags.TF | Flags.CF | Flags.RF | 2, t.r64(0x7FE8));
        assertEquals(0x9000, t.r64(0x7FF0));
        assertEquals(TestCpu.DATA3, t.r64(0x7FF8));
        assertEquals(Flags.CF | 2, c.rflags());

        c.r[Cpu.RSP] += 8;
        InterruptReturn.run(c, 8, t.here());
        assertEquals(0x401234, c.rip);
        assertEquals(3, c.cpl);
        assertEquals(0x9000, c.r[Cpu.RSP]);
        assertEquals(TestCpu.DATA3, c.segSel[Cpu.SS]);
        assertEquals(Flags.IF | Flags.TF | Flags.CF | 2, c.rflags());
    }

    @Test
    void istSwitchesStacksWithoutAChangeOfLevel() {
        t.longMode(0);
        t.idt64(2, TestCpu.CODE64, 0x6000, 14, 0, 1);
        assertTrue(EventDelivery.deliver(c, Cpu.NMI, Kind.NMI, false, 0, 0x5000));
        assertEquals(0x7000 - 40, c.r[Cpu.RSP]);
        assertEquals(0x9000, t.r64(0x7000 - 16));
        assertEquals(TestCpu.DATA0, c.segSel[Cpu.SS]);
        assertTrue(c.nmiBlocked);
        InterruptReturn.run(c, 8, t.here());
        assertFalse(c.nmiBlocked);
        assertEquals(0x5000, c.rip);
        assertEquals(0x9000, c.r[Cpu.RSP]);
    }

    @Test
    void aTrapGateLeavesInterruptsOn() {
        t.longMode(0);
        t.idt64(0x40, TestCpu.CODE64, 0x6000, 15, 0, 0);
        c.setRflags(Flags.IF | 2);
        assertTrue(EventDelivery.deliver(c, 0x40, Kind.EXTERNAL, false, 0, 0x5000));
        assertEquals(Flags.IF | 2, c.rflags());
    }

    @Test
    void missingGateBecomesGeneralProtectionWithItsSelector() {
        t.longMode(0);
        t.idt64(13, TestCpu.CODE64, 0x6000, 14, 0, 0);
        assertTrue(EventDelivery.deliver(c, 0x50, Kind.EXTERNAL, false, 0, 0x5000));
        assertEquals(0x6000, c.rip);
        assertEquals(0x50 << 3 | 2 | 1, t.r64(c.r[Cpu.RSP]));
    }

    @Test
    void twoContributoryFaultsMakeADoubleFaultAndAThirdShutsDown() {
        t.longMode(0);
        t.idt64(8, TestCpu.CODE64, 0x6000, 14, 0, 0);
        assertTrue(EventDelivery.deliver(c, Cpu.GP, Kind.EXCEPTION, true, 0x1234, 0x5000));
        assertEquals(0x6000, c.rip);
        assertEquals(0, t.r64(c.r[Cpu.RSP]));
        t.idt64(8, 0x70, 0x6000, 14, 0, 0);
        c.rip = 0x5000;
        long rsp = c.r[Cpu.RSP];
        assertFalse(EventDelivery.deliver(c, Cpu.GP, Kind.EXCEPTION, true, 0x1234, 0x5000));
        assertEquals(0x5000, c.rip);
        assertEquals(rsp, c.r[Cpu.RSP]);
    }

    @Test
    void pageFaultOnTheKernelStackIsADoubleFault() {
        t.longMode(3);
        t.w64(TestCpu.TSS + 4, 0x5000_0000L);
        t.idt64(14, TestCpu.CODE64, 0x6000, 14, 0, 0);
        t.idt64(8, TestCpu.CODE64, 0x6100, 14, 0, 1);
        c.faultAddress = 0x1234;
        assertTrue(EventDelivery.deliver(c, Cpu.PF, Kind.EXCEPTION, true, 4, 0x5000));
        assertEquals(0x6100, c.rip);
        assertEquals(0x5000_0000L - 48, c.cr2);
        assertEquals(0x7000 - 48, c.r[Cpu.RSP]);
    }

    @Test
    void softwareInterruptNeedsAGateForItsLevel() {
        t.longMode(3);
        t.idt64(0x80, TestCpu.CODE64, 0x6000, 14, 0, 0);
        assertEquals("13:402", t.fault(() -> EventDelivery.software(c, 0x80, Kind.SOFTWARE, 0x5002, t.here())));
        assertEquals(3, c.cpl);
        t.idt64(0x80, TestCpu.CODE64, 0x6000, 14, 3, 0);
        EventDelivery.software(c, 0x80, Kind.SOFTWARE, 0x5002, t.here());
        assertEquals(0x6000, c.rip);
        assertEquals(0x5002, t.r64(c.r[Cpu.RSP]));
    }

    @Test
    void protectedModeChangesStacksByTheTss() {
        t.protectedMode(3);
        t.idt32(13, TestCpu.CODE0, 0x6000, 14, 0);
        c.setRflags(Flags.IF | 2);
        assertTrue(EventDelivery.deliver(c, Cpu.GP, Kind.EXCEPTION, true, 0x18, 0x5000));
        assertEquals(0x6000, c.rip);
        assertEquals(TestCpu.DATA0, c.segSel[Cpu.SS]);
        assertEquals(0x8000 - 24, c.r[Cpu.RSP]);
        assertEquals(0x18, t.r32(0x7FE8));
        assertEquals(0x5000, t.r32(0x7FEC));
        assertEquals(TestCpu.CODE3, t.r32(0x7FF0));
        assertEquals(Flags.IF | Flags.RF | 2, t.r32(0x7FF4));
        assertEquals(0x9000, t.r32(0x7FF8));
        assertEquals(TestCpu.DATA3, t.r32(0x7FFC));
        c.r[Cpu.RSP] += 4;
        InterruptReturn.run(c, 4, t.here());
        assertEquals(3, c.cpl);
        assertEquals(0x5000, c.rip);
        assertEquals(0x9000, c.r[Cpu.RSP]);
        assertEquals(TestCpu.DATA3, c.segSel[Cpu.DS]);
    }

    @Test
    void sixteenBitGatePushesWords() {
        t.protectedMode(0);
        t.idt32(0x20, TestCpu.CODE0, 0x6000, 6, 0);
        assertTrue(EventDelivery.deliver(c, 0x20, Kind.EXTERNAL, false, 0, 0x5000));
        assertEquals(0x9000 - 6, c.r[Cpu.RSP]);
        assertEquals(0x5000, t.r16(0x8FFA));
        assertEquals(TestCpu.CODE0, t.r16(0x8FFC));
    }

    @Test
    void stackTooSmallChangesNothing() {
        t.protectedMode(0);
        t.idt32(0x20, TestCpu.CODE0, 0x6000, 14, 0);
        t.idt32(12, TestCpu.CODE0, 0x6100, 14, 0);
        t.idt32(8, TestCpu.CODE0, 0x6200, 14, 0);
        // An expand-up stack with a limit of 4 KiB: a push at 9000 is beyond it, for the stack fault as well.
        c.segLimit[Cpu.SS] = 0xFFF;
        assertFalse(EventDelivery.deliver(c, 0x20, Kind.EXTERNAL, false, 0, 0x5000));
        assertEquals(0x9000, c.r[Cpu.RSP]);
        assertEquals(0x5000, c.rip);
        assertEquals(0, t.r32(0x8FFC));
    }

    @Test
    void realModeUsesTheVectorTable() {
        Reset.powerOn(c);
        t.w32(0x21 * 4, 0x1000_0040);
        c.segSel[Cpu.CS] = 0x700;
        c.segBase[Cpu.CS] = 0x7000;
        c.segSel[Cpu.SS] = 0x800;
        c.segBase[Cpu.SS] = 0x8000;
        c.r[Cpu.RSP] = 0x1000;
        c.setRflags(Flags.IF | Flags.ZF | 2);
        c.modeChanged();
        EventDelivery.software(c, 0x21, Kind.SOFTWARE, 0x102, t.at(0x100));
        assertEquals(0x40, c.rip);
        assertEquals(0x1000, c.segSel[Cpu.CS]);
        assertEquals(0x10000, c.segBase[Cpu.CS]);
        assertEquals(0xFFA, c.r[Cpu.RSP]);
        assertEquals(0x102, t.r16(0x8FFA));
        assertEquals(0x700, t.r16(0x8FFC));
        assertEquals(Flags.IF | Flags.ZF | 2, t.r16(0x8FFE));
        assertEquals(Flags.ZF | 2, c.rflags());
        InterruptReturn.run(c, 2, t.at(0x40));
        assertEquals(0x102, c.rip);
        assertEquals(0x7000, c.segBase[Cpu.CS]);
        assertEquals(Flags.IF | Flags.ZF | 2, c.rflags());
    }

    private void vm86() {
        t.protectedMode(0);
        c.r[Cpu.RSP] = 0x8800;
        long[] frame = {0x100, 0x0500, Flags.VM | Flags.IF | 2, 0x200, 0x0900, 1, 2, 3, 4};
        for (int k = 0; k < frame.length; k++) {
            t.w32(0x8800 + 4 * k, frame[k]);
        }
        InterruptReturn.run(c, 4, t.here());
    }

    @Test
    void virtual8086ModeIsEnteredByIretAndLeftByInterrupts() {
        vm86();
        assertEquals(3, c.cpl);
        assertEquals(0x5000, c.segBase[Cpu.CS]);
        assertEquals(0x9000, c.segBase[Cpu.SS]);
        assertEquals(0x30, c.segBase[Cpu.FS]);
        assertEquals(0x200, c.r[Cpu.RSP]);
        assertTrue((c.mode & Cpu.MODE_REAL) != 0);
        t.idt32(0x20, TestCpu.CODE0, 0x6000, 14, 0);
        assertTrue(EventDelivery.deliver(c, 0x20, Kind.EXTERNAL, false, 0, 0x100));
        assertEquals(0, c.cpl);
        assertEquals(0x8000 - 36, c.r[Cpu.RSP]);
        assertEquals(4, t.r32(0x7FFC));
        assertEquals(1, t.r32(0x7FF0));
        assertEquals(0x900, t.r32(0x7FEC));
        assertEquals(Flags.VM | Flags.IF | 2, t.r32(0x7FE4));
        assertEquals(Descriptor.UNUSABLE, c.segAttr[Cpu.DS]);
        InterruptReturn.run(c, 4, t.here());
        assertEquals(0x100, c.rip);
        assertEquals(0x20, c.segBase[Cpu.DS]);
        assertTrue(Operands.vm86(c));
    }

    @Test
    void virtual8086ModeMayNotInterruptItselfBelowIopl3() {
        vm86();
        t.idt32(0x21, TestCpu.CODE0, 0x6000, 14, 3);
        assertEquals("13:0", t.fault(() -> EventDelivery.software(c, 0x21, Kind.SOFTWARE, 0x102, t.at(0x100))));
        c.sysFlags |= Flags.IOPL;
        EventDelivery.software(c, 0x21, Kind.SOFTWARE, 0x102, t.at(0x100));
        assertEquals(0x6000, c.rip);
        assertEquals(0x102, t.r32(c.r[Cpu.RSP]));
    }

    @Test
    void singleStepTrapsAfterTheInstruction() {
        t.longMode(0);
        t.idt64(1, TestCpu.CODE64, 0x6000, 14, 0, 0);
        c.setRflags(Flags.TF | 2);
        c.rip = 0x5003;
        assertTrue(EventDelivery.trapAfter(c, true));
        assertEquals(0x6000, c.rip);
        assertEquals(0x5003, t.r64(c.r[Cpu.RSP]));
        assertEquals(Flags.TF | 2, t.r64(c.r[Cpu.RSP] + 16));
        assertEquals(0xFFFF4FF0L, c.dr[6]);
    }

    @Test
    void instructionBreakpointHitsOnceUnlessResumed() {
        t.longMode(0);
        c.dr[2] = 0x5000;
        c.dr[7] = 0x400 | 1 << 5;
        c.modeChanged();
        assertTrue((c.mode & Cpu.MODE_SINGLE) != 0);
        assertTrue(DebugRegisters.breakpointBefore(c));
        assertEquals(0xFFFF0FF4L, c.dr[6]);
        c.sysFlags |= Flags.RF;
        assertFalse(DebugRegisters.breakpointBefore(c));
    }

    @Test
    void iretRefusesWhatItMustNotReturnTo() {
        t.longMode(3);
        long[] frame = {0x5000, TestCpu.CODE64, 2, 0x9000, TestCpu.DATA0};
        for (int k = 0; k < 5; k++) {
            t.w64(0x9000 + 8 * k, frame[k]);
        }
        assertEquals("13:38", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        t.longMode(0);
        t.w64(0x9008, TestCpu.CODE64_3);
        t.w64(0x9020, TestCpu.DATA0);
        assertEquals("13:10", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        t.w64(0x9020, TestCpu.DATA3);
        t.w64(0x9000, 0x8000_0000_0000L);
        assertEquals("13:0", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        t.w64(0x9020, 0);
        t.w64(0x9000, 0x5000);
        assertEquals("13:0", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        c.sysFlags |= Flags.NT;
        assertEquals("13:0", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        assertEquals(0, c.cpl);
        assertEquals(0x9000, c.r[Cpu.RSP]);
    }

    @Test
    void iretThatFaultsEndsTheBlockingOfNmisAllTheSame() {
        t.longMode(0);
        c.nmiBlocked = true;
        t.w64(0x9000, 0x8000_0000_0000L);
        t.w64(0x9008, TestCpu.CODE64);
        assertEquals("13:0", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
        assertFalse(c.nmiBlocked);
    }

    @Test
    void iretToAnOuterLevelTakesGsAwayButNotItsBase() {
        t.longMode(0);
        t.load(Cpu.GS, TestCpu.DATA0);
        c.segBase[Cpu.GS] = 0x400000;
        long[] frame = {0x5000, TestCpu.CODE64_3, 2, 0x9800, TestCpu.DATA3};
        for (int k = 0; k < 5; k++) {
            t.w64(0x9000 + 8 * k, frame[k]);
        }
        InterruptReturn.run(c, 8, t.here());
        assertEquals(3, c.cpl);
        assertEquals(0, c.segSel[Cpu.GS]);
        assertEquals(0x400000, c.segBase[Cpu.GS], "user code goes on with it");
    }

    @Test
    void iretToCompatibilityMode() {
        t.longMode(0);
        long[] frame = {0x40_5000, TestCpu.CODE3, Flags.IF | 2, 0x7654_3210L, TestCpu.DATA3};
        for (int k = 0; k < 5; k++) {
            t.w64(0x9000 + 8 * k, frame[k]);
        }
        InterruptReturn.run(c, 8, t.here());
        assertEquals(1, c.mode & Cpu.MODE_SIZE);
        assertEquals(0x7654_3210L, c.r[Cpu.RSP]);
        assertEquals(3, c.cpl);
    }
}
