package dev.jvisor.vmm.x86.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import org.junit.jupiter.api.Test;

/** Far jumps, calls and returns: code segments, call gates with their change of stack, tasks, and what is refused. */
class FarTransferTest {
    private static final int TSS2 = 0x6800;

    private final TestCpu t = new TestCpu();
    private final Cpu c = t.c;

    @Test
    void realModeGoesToProtectedToLongModeAndBack() {
        t.gdt();
        t.longMode(0);
        Reset.powerOn(c);
        c.gdtBase = TestCpu.GDT;
        c.gdtLimit = 0xFF;
        c.rip = 0x5000;
        c.segSel[Cpu.CS] = 0;
        c.segBase[Cpu.CS] = 0;
        ControlRegisters.setCr0(c, Cpu.CR0_PE, t.here());
        assertEquals(0, c.mode & Cpu.MODE_REAL);
        FarTransfer.jump(c, TestCpu.CODE0, 0x5100, t.here());
        assertEquals(1, c.mode & Cpu.MODE_SIZE);
        for (int s : new int[] {Cpu.SS, Cpu.DS, Cpu.ES}) {
            SegmentLoad.data(c, s, TestCpu.DATA0, t.here());
        }
        assertTrue((c.mode & Cpu.MODE_FLAT) != 0);

        c.cr3 = TestCpu.TABLES;
        assertTrue(MsrFile.write(c, MsrFile.IA32_EFER, Cpu.EFER_LME));
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, Cpu.CR0_PE | Cpu.CR0_PG, t.here())));
        ControlRegisters.setCr4(c, Cpu.CR4_PAE, t.here());
        ControlRegisters.setCr0(c, Cpu.CR0_PE | Cpu.CR0_PG, t.here());
        assertTrue(c.longActive());
        assertEquals(1, c.mode & Cpu.MODE_SIZE);
        FarTransfer.jump(c, TestCpu.CODE64, 0x5200, t.here());
        assertTrue(c.long64());
        assertEquals(0x5200, c.rip);
        // Neither PAE nor LME may change here.
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr4(c, 0, t.here())));
        assertTrue(!MsrFile.write(c, MsrFile.IA32_EFER, 0));
        assertEquals("13:0", t.fault(() -> ControlRegisters.setCr0(c, Cpu.CR0_PE, t.here())));

        t.w64(0x9000, 0x5300);
        t.w64(0x9008, TestCpu.CODE0);
        c.r[Cpu.RSP] = 0x9000;
        FarTransfer.ret(c, 8, 0, t.here());
        ControlRegisters.setCr0(c, Cpu.CR0_PE, t.here());
        assertTrue(!c.longActive());
        ControlRegisters.setCr0(c, 0, t.here());
        FarTransfer.jump(c, 0x700, 0x10, t.here());
        assertEquals(0x7000, c.segBase[Cpu.CS]);
        assertTrue((c.mode & Cpu.MODE_REAL) != 0);
    }

    @Test
    void realModeKeepsTheLimitsOfProtectedMode() {
        t.protectedMode(0);
        ControlRegisters.setCr0(c, 0, t.here());
        SegmentLoad.data(c, Cpu.DS, 0x1234, t.here());
        assertEquals(0x12340, c.segBase[Cpu.DS]);
        assertEquals(-1, c.segLimit[Cpu.DS]);
    }

    @Test
    void jumpChecksThePrivilegeOfItsTarget() {
        t.protectedMode(3);
        assertEquals("13:8", t.fault(() -> FarTransfer.jump(c, TestCpu.CODE0, 0, t.here())));
        assertEquals("13:10", t.fault(() -> FarTransfer.jump(c, TestCpu.DATA0, 0, t.here())));
        assertEquals("13:0", t.fault(() -> FarTransfer.jump(c, 3, 0, t.here())));
        assertEquals("13:ff8", t.fault(() -> FarTransfer.jump(c, 0xFF8, 0, t.here())));
        t.w64(TestCpu.GDT + 0x58, TestCpu.CODE32_D & ~(1L << 47) | TestCpu.DPL3);
        assertEquals("11:58", t.fault(() -> FarTransfer.jump(c, 0x5B, 0, t.here())));
        // A conforming segment of ring 0 runs at the caller's level.
        t.w64(TestCpu.GDT + 0x58, TestCpu.CODE32_D | 1L << 42);
        FarTransfer.jump(c, 0x58, 0x77, t.here());
        assertEquals(3, c.cpl);
        assertEquals(0x5B, c.segSel[Cpu.CS]);
    }

    @Test
    void callGateChangesStackAndCopiesParameters() {
        t.protectedMode(3);
        t.w64(TestCpu.GDT + TestCpu.GATE, TestCpu.gate(TestCpu.CODE0, 0x6000, Descriptor.CALL_GATE32, 3, 2));
        t.w32(0x9000, 0x11111111);
        t.w32(0x9004, 0x22222222);
        FarTransfer.call(c, TestCpu.GATE | 3, 0xBAD, 4, t.here());
        assertEquals(0, c.cpl);
        assertEquals(0x6000, c.rip);
        assertEquals(0x8000 - 24, c.r[Cpu.RSP]);
        int[] expected = {0x5002, TestCpu.CODE3, 0x11111111, 0x22222222, 0x9000, TestCpu.DATA3};
        for (int k = 0; k < expected.length; k++) {
            assertEquals(expected[k], t.r32(0x7FE8 + 4 * k), "word " + k);
        }
        FarTransfer.ret(c, 4, 8, t.here());
        assertEquals(3, c.cpl);
        assertEquals(0x5002, c.rip);
        assertEquals(0x9008, c.r[Cpu.RSP]);
        assertEquals(TestCpu.DATA3, c.segSel[Cpu.SS]);
    }

    @Test
    void returnToAnOuterLevelTakesInnerSegmentsAway() {
        t.protectedMode(0);
        t.load(Cpu.ES, TestCpu.DATA3);
        long[] frame = {0x5000, TestCpu.CODE3, 0x9800, TestCpu.DATA3};
        for (int k = 0; k < 4; k++) {
            t.w32(0x9000 + 4 * k, frame[k]);
        }
        FarTransfer.ret(c, 4, 0, t.here());
        assertEquals(0, c.segSel[Cpu.DS]);
        assertEquals(Descriptor.UNUSABLE, c.segAttr[Cpu.DS]);
        assertEquals(TestCpu.DATA3, c.segSel[Cpu.ES]);
        assertEquals(0x9800, c.r[Cpu.RSP]);
    }

    @Test
    void callGateOfLongMode() {
        t.longMode(3);
        t.w64(TestCpu.GDT + TestCpu.GATE, TestCpu.gate(TestCpu.CODE64, 0x6000, Descriptor.CALL_GATE32, 3, 0));
        t.w64(TestCpu.GDT + TestCpu.GATE + 8, 0xFFFF8000L);
        FarTransfer.call(c, TestCpu.GATE | 3, 0, 8, t.here());
        assertEquals(0xFFFF8000_00006000L, c.rip);
        assertEquals(0x8008 - 32, c.r[Cpu.RSP]);
        assertEquals(0x5002, t.r64(0x7FE8));
        assertEquals(TestCpu.DATA3, t.r64(0x8000));
        assertEquals(0, c.segSel[Cpu.SS]);
        t.longMode(3);
        t.w64(TestCpu.GDT + TestCpu.GATE + 8, 0x100L << 32);
        t.w64(TestCpu.GDT + TestCpu.GATE + 8, 0x00000C00_00000000L);
        assertEquals("13:50", t.fault(() -> FarTransfer.call(c, TestCpu.GATE | 3, 0, 8, t.here())));
    }

    @Test
    void refusedCallLeavesTheStackAlone() {
        t.protectedMode(0);
        c.segLimit[Cpu.SS] = 0x8FFF;
        c.r[Cpu.RSP] = 0x9004;
        assertEquals("12:0", t.fault(() -> FarTransfer.call(c, TestCpu.CODE0, 0x6000, 4, t.here())));
        assertEquals(0x9004, c.r[Cpu.RSP]);
        assertEquals(0x5000, c.rip);
        c.r[Cpu.RSP] = 0x9000;
        FarTransfer.call(c, TestCpu.CODE0, 0x6000, 4, t.here());
        assertEquals(0x5002, t.r32(0x8FF8));
    }

    private void secondTask(int eip) {
        t.w64(TestCpu.GDT + TestCpu.TSS2_SEL, TestCpu.tss(TSS2, 0x67, 9));
        t.w32(TSS2 + 0x20, eip);
        t.w32(TSS2 + 0x24, 2);
        t.w32(TSS2 + 0x28, 0xAAAA);
        t.w32(TSS2 + 0x38, 0x8800);
        int[] sels = {TestCpu.DATA0, TestCpu.CODE0, TestCpu.DATA0, TestCpu.DATA0, 0, 0};
        for (int k = 0; k < 6; k++) {
            t.w32(TSS2 + 0x48 + 4 * k, sels[k]);
        }
    }

    @Test
    void callToATaskNestsAndIretReturns() {
        t.protectedMode(0);
        secondTask(0x6000);
        c.r[Cpu.RAX] = 0x1111;
        FarTransfer.call(c, TestCpu.TSS2_SEL, 0, 4, t.here());
        assertEquals(0x6000, c.rip);
        assertEquals(0xAAAA, c.r[Cpu.RAX]);
        assertEquals(0x8800, c.r[Cpu.RSP]);
        assertEquals(TestCpu.TSS2_SEL, c.segSel[Cpu.TR]);
        assertEquals(TestCpu.TSS_SEL, t.r16(TSS2));
        assertTrue((c.sysFlags & Flags.NT) != 0);
        assertTrue((c.cr0 & Cpu.CR0_TS) != 0);
        assertEquals(0x5002, t.r32(TestCpu.TSS + 0x20));
        assertEquals(0x1111, t.r32(TestCpu.TSS + 0x28));
        assertEquals(11, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS2_SEL)));
        // The old task must be busy for the way back.
        t.w64(TestCpu.GDT + TestCpu.TSS_SEL, TestCpu.tss(TestCpu.TSS, 0x2FFF, 11));
        c.rip = 0x6010;
        InterruptReturn.run(c, 4, t.here());
        assertEquals(0x5002, c.rip);
        assertEquals(0x1111, c.r[Cpu.RAX]);
        assertEquals(TestCpu.TSS_SEL, c.segSel[Cpu.TR]);
        assertEquals(9, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS2_SEL)));
        assertEquals(0, t.r32(TSS2 + 0x24) & Flags.NT);
    }

    @Test
    void taskGateInTheIdtPushesTheErrorOnTheNewStack() {
        t.protectedMode(0);
        secondTask(0x6000);
        t.idt32(8, TestCpu.TSS2_SEL, 0, Descriptor.TASK_GATE, 0);
        assertTrue(EventDelivery.deliver(c, Cpu.DF, EventDelivery.Kind.EXCEPTION, true, 0, 0x5000));
        assertEquals(0x6000, c.rip);
        assertEquals(0x8800 - 4, c.r[Cpu.RSP]);
        assertEquals(0x5000, t.r32(TestCpu.TSS + 0x20));
    }

    @Test
    void faultInTheNewTaskIsItsOwn() {
        t.protectedMode(0);
        secondTask(0x6000);
        t.w32(TSS2 + 0x54, 0xF8);
        t.w64(TestCpu.GDT + 0xF8, 0);
        assertEquals("10:f8", t.fault(() -> FarTransfer.jump(c, TestCpu.TSS2_SEL, 0, t.here())));
        assertEquals(TestCpu.TSS2_SEL, c.segSel[Cpu.TR]);
        assertEquals(0x6000, c.faultIp);
        t.idt32(10, TestCpu.CODE0, 0x6100, 14, 0);
        assertTrue(EventDelivery.deliverFault(c));
        assertEquals(0x6100, c.rip);
        assertEquals(0x6000, t.r32(c.r[Cpu.RSP] + 4));
    }

    @Test
    void sixteenBitTask() {
        t.protectedMode(0);
        t.w64(TestCpu.GDT + TestCpu.TSS2_SEL, TestCpu.tss(TSS2, 0x2B, 1));
        t.w16(TSS2 + 0x0E, 0x6000);
        t.w16(TSS2 + 0x10, 2);
        t.w16(TSS2 + 0x14, 0x7777);
        t.w16(TSS2 + 0x1A, 0x8800);
        int[] sels = {TestCpu.DATA0, TestCpu.CODE0, TestCpu.DATA0, TestCpu.DATA0};
        for (int k = 0; k < 4; k++) {
            t.w16(TSS2 + 0x22 + 2 * k, sels[k]);
        }
        FarTransfer.jump(c, TestCpu.TSS2_SEL, 0, t.here());
        assertEquals(0x6000, c.rip);
        assertEquals(0xFFFF7777L, c.r[Cpu.RCX]);
        assertEquals(Descriptor.UNUSABLE, c.segAttr[Cpu.FS]);
        assertEquals(3, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS2_SEL)));
        assertEquals(9, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS_SEL)));
    }

    @Test
    void segmentLoadsCheckTypeAndPrivilege() {
        t.protectedMode(3);
        assertEquals("13:10", t.fault(() -> SegmentLoad.data(c, Cpu.DS, TestCpu.DATA0, t.here())));
        assertEquals("13:28", t.fault(() -> SegmentLoad.data(c, Cpu.DS, TestCpu.TSS_SEL, t.here())));
        assertEquals("13:0", t.fault(() -> SegmentLoad.data(c, Cpu.SS, 0, t.here())));
        assertEquals("13:18", t.fault(() -> SegmentLoad.data(c, Cpu.SS, TestCpu.CODE3, t.here())));
        t.w64(TestCpu.GDT + 0x58, TestCpu.DATA_D & ~(1L << 47) | TestCpu.DPL3);
        assertEquals("12:58", t.fault(() -> SegmentLoad.data(c, Cpu.SS, 0x5B, t.here())));
        assertEquals("11:58", t.fault(() -> SegmentLoad.data(c, Cpu.ES, 0x5B, t.here())));
        t.w64(TestCpu.GDT + 0x58, TestCpu.DATA_D & ~(1L << 40) | TestCpu.DPL3);
        SegmentLoad.data(c, Cpu.ES, 0x5B, t.here());
        assertEquals(0x93 | 0x60, t.r64(TestCpu.GDT + 0x58) >>> 40 & 0xFF);
        SegmentLoad.data(c, Cpu.FS, 2, t.here());
        assertEquals(2, c.segSel[Cpu.FS]);
        assertEquals(Descriptor.UNUSABLE, c.segAttr[Cpu.FS]);
        t.longMode(0);
        SegmentLoad.data(c, Cpu.SS, 0, t.here());
        assertEquals(0, c.segSel[Cpu.SS]);
    }
}
