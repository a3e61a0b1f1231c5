package dev.jvisor.vmm.x86.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import org.junit.jupiter.api.Test;

/**
 * What task switches refuse, and in which task the fault then is (Intel SDM 3A, 8.3 and table 8-1). The descriptor at {@link #TASK} names the
 * new task's TSS, that at {@link #TASK_GATE} is a task gate.
 */
class TaskSwitchTest {
    private static final int TSS2 = 0x6800;
    private static final int TASK = TestCpu.TSS2_SEL, TASK_GATE = 0x70, SPARE = 0x78;
    private static final int AVAILABLE = 9, BUSY = 11;
    private static final int CS = 0x4C, SS = 0x50, DS = 0x54, LDT = 0x60;

    private final TestCpu t = new TestCpu().protectedMode(0);
    private final Cpu c = t.c;

    TaskSwitchTest() {
        descriptor(0x67, AVAILABLE);
        t.w64(TestCpu.GDT + TestCpu.TSS_SEL, TestCpu.tss(TestCpu.TSS, 0x2FFF, BUSY));
        t.w32(TSS2 + 0x20, 0x6000);
        t.w32(TSS2 + 0x24, 2);
        t.w32(TSS2 + 0x38, 0x8800);
        int[] selectors = {TestCpu.DATA0, TestCpu.CODE0, TestCpu.DATA0, TestCpu.DATA0, 0, 0};
        for (int k = 0; k < 6; k++) {
            t.w32(TSS2 + 0x48 + 4 * k, selectors[k]);
        }
        t.w64(TestCpu.GDT + TASK_GATE, TestCpu.gate(TASK, 0, Descriptor.TASK_GATE, 0, 0));
        c.r[Cpu.RAX] = 0x1234;
    }

    private void descriptor(int limit, int type) {
        t.w64(TestCpu.GDT + TASK, TestCpu.tss(TSS2, limit, type));
    }

    private String jump(int selector) {
        return t.fault(() -> FarTransfer.jump(c, selector, 0, t.here()));
    }

    private String call(int selector) {
        return t.fault(() -> FarTransfer.call(c, selector, 0, 4, t.here()));
    }

    /** Nothing of the old task may have changed. */
    private void stayed() {
        assertEquals(TestCpu.TSS_SEL, c.segSel[Cpu.TR]);
        assertEquals(0x1234, c.r[Cpu.RAX]);
        assertEquals(0x5000, c.rip);
        assertEquals(0, t.r32(TestCpu.TSS + 0x28), "EAX saved");
        assertEquals(BUSY, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS_SEL)));
        assertEquals(0, c.cr0 & Cpu.CR0_TS);
    }

    @Test
    void busyTaskIsNotEnteredAgain() {
        descriptor(0x67, BUSY);
        assertEquals("13:60", jump(TASK));
        assertEquals("13:60", call(TASK));
        assertEquals("13:60", jump(TASK_GATE));
        stayed();
    }

    @Test
    void tssThatIsTooShortIsInvalid() {
        descriptor(0x66, AVAILABLE);
        assertEquals("10:60", jump(TASK));
        assertEquals("10:60", call(TASK_GATE));
        descriptor(0x2A, Descriptor.TSS16);
        assertEquals("10:60", jump(TASK));
        stayed();
    }

    @Test
    void tssThatIsNotPresentIsNotThere() {
        t.w64(TestCpu.GDT + TASK, TestCpu.tss(TSS2, 0x67, AVAILABLE) & ~(1L << 47));
        assertEquals("11:60", jump(TASK));
        assertEquals("11:60", jump(TASK_GATE));
        t.w64(TestCpu.GDT + TASK_GATE, TestCpu.gate(TASK, 0, Descriptor.TASK_GATE, 0, 0) & ~(1L << 47));
        assertEquals("11:70", jump(TASK_GATE));
        stayed();
    }

    @Test
    void gateThatLeadsToNoTssOfTheGdtIsRefused() {
        for (int selector : new int[] {0, TASK | 4, TestCpu.DATA0, TestCpu.CODE0, 0x100}) {
            t.w64(TestCpu.GDT + TASK_GATE, TestCpu.gate(selector, 0, Descriptor.TASK_GATE, 0, 0));
            assertEquals("13:" + Integer.toHexString(selector), jump(TASK_GATE));
        }
        stayed();
    }

    @Test
    void privilegeOfTheDescriptorCounts() {
        t.protectedMode(3);
        assertEquals("13:60", jump(TASK));
        assertEquals("13:70", call(TASK_GATE | 3));
        // A gate for everybody opens a TSS that is for ring 0.
        t.w64(TestCpu.GDT + TASK_GATE, TestCpu.gate(TASK, 0, Descriptor.TASK_GATE, 3, 0));
        assertEquals("none", call(TASK_GATE | 3));
        assertEquals(0, c.cpl);
    }

    @Test
    void tasksDoNotExistInLongMode() {
        t.longMode(0);
        assertEquals("13:60", jump(TASK));
        assertEquals("13:70", call(TASK_GATE));
        c.setRflags(2 | Flags.NT);
        assertEquals("13:0", t.fault(() -> InterruptReturn.run(c, 8, t.here())));
    }

    @Test
    void returnLeadsOnlyToATaskThatIsBusy() {
        c.setRflags(2 | Flags.NT);
        descriptor(0x67, AVAILABLE);
        t.w16(TestCpu.TSS, TASK);
        assertEquals("10:60", t.fault(() -> InterruptReturn.run(c, 4, t.here())));
        t.w16(TestCpu.TSS, 0);
        assertEquals("10:0", t.fault(() -> InterruptReturn.run(c, 4, t.here())));
        t.w16(TestCpu.TSS, TASK | 4);
        assertEquals("10:64", t.fault(() -> InterruptReturn.run(c, 4, t.here())));
        t.w16(TestCpu.TSS, TestCpu.DATA0);
        assertEquals("10:10", t.fault(() -> InterruptReturn.run(c, 4, t.here())));
        stayed();
        descriptor(0x67, BUSY);
        t.w16(TestCpu.TSS, TASK);
        assertEquals("none", t.fault(() -> InterruptReturn.run(c, 4, t.here())));
        assertEquals(0x6000, c.rip);
        assertEquals(AVAILABLE, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS_SEL)));
        assertEquals(BUSY, Descriptor.type(t.r64(TestCpu.GDT + TASK)));
    }

    @Test
    void segmentsOfTheNewTaskAreCheckedInIt() {
        long absent = ~(1L << 47);
        Object[][] cases = {
            {CS, 0, 0L, "10:0"},
            {CS, TestCpu.DATA0, 0L, "10:10"},
            {CS, SPARE, TestCpu.CODE32_D & absent, "11:78"},
            {CS, SPARE | 1, TestCpu.CODE32_D, "10:78"},
            {SS, 0, 0L, "10:0"},
            {SS, SPARE, TestCpu.CODE32_D, "10:78"},
            {SS, SPARE, TestCpu.DATA_D & absent, "12:78"},
            {SS, SPARE, TestCpu.DATA_D | TestCpu.DPL3, "10:78"},
            {DS, SPARE, TestCpu.DATA_D & absent, "11:78"},
            {DS, SPARE, 0x00CF990000000000L, "10:78"},
            {LDT, SPARE, TestCpu.DATA_D, "10:78"},
            {LDT, SPARE | 4, 0L, "10:7c"},
            {LDT, SPARE, TestCpu.tss(0, 0xFF, Descriptor.LDT) & absent, "10:78"}};
        for (Object[] k : cases) {
            TaskSwitchTest fresh = new TaskSwitchTest();
            fresh.t.w32(TSS2 + (int) k[0], (int) k[1]);
            fresh.t.w64(TestCpu.GDT + SPARE, (long) k[2]);
            String what = "field " + Integer.toHexString((int) k[0]) + " descriptor " + Long.toHexString((long) k[2]);
            assertEquals(k[3], fresh.jump(TASK), what);
            assertEquals(0x6000, fresh.c.faultIp, what);
            assertEquals(TASK, fresh.c.segSel[Cpu.TR], what);
            assertTrue((fresh.c.cr0 & Cpu.CR0_TS) != 0, what);
        }
    }

    @Test
    void entryBeyondTheLimitOfItsCodeIsAFaultOfTheNewTask() {
        t.w64(TestCpu.GDT + SPARE, 0x00409B0000000FFFL);
        t.w32(TSS2 + CS, SPARE);
        assertEquals("13:0", jump(TASK));
        assertEquals(TASK, c.segSel[Cpu.TR]);
        assertEquals(0x6000, c.faultIp);
    }

    @Test
    void taskWhosePdptesHaveReservedBitsFaultsAtItsFirstInstruction() {
        int bad = TestCpu.TABLES + 0x40;
        t.w64(TestCpu.TABLES, TestCpu.TABLES + 0x1000 | 1);
        t.w64(TestCpu.TABLES + 0x1000, 0x83);
        t.w64(TestCpu.TABLES + 0x1008, 0x20_0083);
        t.w64(bad, TestCpu.TABLES + 0x1000 | 3);
        c.cr3 = TestCpu.TABLES;
        c.cr4 = Cpu.CR4_PAE;
        c.cr0 |= Cpu.CR0_PG;
        assertTrue(c.mmu.loadPdptes(c.cr3));
        c.flushTlb();
        c.modeChanged();
        t.w32(TSS2 + 0x1C, bad);
        assertEquals("13:0", jump(TASK));
        assertEquals(TASK, c.segSel[Cpu.TR]);
        assertEquals(bad, c.cr3);
        assertEquals(0x6000, c.faultIp);
        assertEquals(TSS2, c.segBase[Cpu.TR], "mapped as before, by the PDPTEs of the old task");
    }
}
