package dev.jvisor.vmm.x86.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.Flags;
import dev.jvisor.vmm.x86.cpu.Uop;
import dev.jvisor.vmm.x86.decode.Emitter;
import dev.jvisor.vmm.x86.decode.Insn;
import dev.jvisor.vmm.x86.decode.OpcodeTable;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Instructions as the opcode table has them: SYSCALL and its kin, ports, tables, flags. */
class SystemInstructionsTest {
    private static final OpcodeTable TABLE = new OpcodeTable();

    private final TestCpu t = new TestCpu();
    private final Cpu c = t.c;

    static {
        SystemOps.register(TABLE);
    }

    /** Executes an instruction at {@code rip} in the present mode, register operands unless {@code how} says otherwise. */
    private void run(int map, int op, Consumer<Insn> how) {
        Insn i = new Insn();
        i.ip = c.rip;
        i.len = 2;
        i.mode = c.mode;
        i.code = 2 << (c.mode & Cpu.MODE_SIZE);
        i.opSize = Math.min(i.code, 4);
        i.addrSize = i.code;
        i.segOverride = -1;
        i.map = map;
        i.op = op;
        i.base = Cpu.ZERO;
        i.index = Cpu.ZERO;
        i.seg = Cpu.DS;
        i.hasModrm = true;
        i.mod = 3;
        how.accept(i);
        Emitter e = new Emitter();
        e.begin();
        e.instruction(i);
        TABLE.find(map, i.prefix, op)[(i.reg & 7) + (i.mod == 3 ? 8 : 0)].translator().translate(i, e);
        for (Uop u : e.ops()) {
            u.exec(c);
        }
        if (!e.ended()) {
            c.rip += i.len;
        }
    }

    private void run(int map, int op) {
        run(map, op, i -> { });
    }

    private static Consumer<Insn> memory(int ext, long at) {
        return i -> {
            i.mod = 0;
            i.reg = ext;
            i.disp = at;
        };
    }

    @Test
    void syscallAndSysretGoThereAndBack() {
        t.longMode(3);
        c.msrs.star = (long) (0x33 | 3) << 48 | (long) TestCpu.CODE64 << 32;
        c.msrs.lstar = 0xFFFFFFFF_81000000L;
        c.msrs.fmask = Flags.IF | Flags.TF;
        c.setRflags(Flags.IF | Flags.CF | 2);
        run(OpcodeTable.M0F, 0x05);
        assertEquals(0xFFFFFFFF_81000000L, c.rip);
        assertEquals(0x5002, c.r[Cpu.RCX]);
        assertEquals(Flags.IF | Flags.CF | 2, c.r[11]);
        assertEquals(Flags.CF | 2, c.rflags());
        assertEquals(0, c.cpl);
        assertEquals(TestCpu.CODE64 + 8, c.segSel[Cpu.SS]);
        run(OpcodeTable.M0F, 0x07, i -> i.opSize = 8);
        assertEquals(0x5002, c.rip);
        assertEquals(3, c.cpl);
        assertEquals(0x33 + 16 | 3, c.segSel[Cpu.CS]);
        assertEquals(Flags.IF | Flags.CF | 2, c.rflags());
        assertTrue(c.long64());
        c.efer &= ~Cpu.EFER_SCE;
        assertEquals("6", t.fault(() -> run(OpcodeTable.M0F, 0x05)));
    }

    @Test
    void sysretToANonCanonicalAddressFaultsInTheKernel() {
        t.longMode(0);
        c.r[Cpu.RCX] = 0x8000_0000_0000L;
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.M0F, 0x07, i -> i.opSize = 8)));
        assertEquals(0, c.cpl);
        run(OpcodeTable.M0F, 0x07);
        assertEquals(1, c.mode & Cpu.MODE_SIZE);
        assertEquals(0, c.rip);
    }

    @Test
    void sysenterAndSysexitInProtectedMode() {
        t.protectedMode(3);
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.M0F, 0x34)));
        c.msrs.sysenterCs = TestCpu.CODE0;
        c.msrs.sysenterEip = 0x6000;
        c.msrs.sysenterEsp = 0x8000;
        c.setRflags(Flags.IF | 2);
        run(OpcodeTable.M0F, 0x34);
        assertEquals(0x6000, c.rip);
        assertEquals(0x8000, c.r[Cpu.RSP]);
        assertEquals(2, c.rflags());
        c.r[Cpu.RDX] = 0x5002;
        c.r[Cpu.RCX] = 0x9000;
        run(OpcodeTable.M0F, 0x35);
        assertEquals(TestCpu.CODE3, c.segSel[Cpu.CS]);
        assertEquals(3, c.cpl);
        assertEquals(0x5002, c.rip);
    }

    @Test
    void swapgsAndBases() {
        t.longMode(0);
        c.segBase[Cpu.GS] = 1;
        c.msrs.kernelGsBase = 2;
        run(OpcodeTable.M0F, 0x01, i -> i.reg = 7);
        assertEquals(2, c.segBase[Cpu.GS]);
        assertEquals(1, c.msrs.kernelGsBase);
        assertEquals("6", t.fault(() -> run(OpcodeTable.M0F, 0xAE, i -> i.prefix = OpcodeTable.PF3)));
        c.cr4 |= Cpu.CR4_FSGSBASE;
        c.r[3] = 0x8000_0000_0000L;
        Consumer<Insn> wrfsbase = i -> {
            i.prefix = OpcodeTable.PF3;
            i.reg = 2;
            i.rm = 3;
            i.opSize = 8;
        };
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.M0F, 0xAE, wrfsbase)));
        c.r[3] = 0x1234_5678_9ABCL;
        run(OpcodeTable.M0F, 0xAE, wrfsbase);
        assertEquals(0x1234_5678_9ABCL, c.segBase[Cpu.FS]);
    }

    @Test
    void portsObeyTheBitmap() {
        t.longMode(3);
        t.w16(TestCpu.TSS + 0x68 + (0x60 >> 3), 0xFFFE);
        c.r[Cpu.RDX] = 0x60;
        c.r[Cpu.RAX] = 0xFFFFFFFF_00000000L;
        run(OpcodeTable.ONE_BYTE, 0xEC);
        assertEquals(0xFFFFFFFF_00000078L, c.r[Cpu.RAX]);
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0xED)));
        c.r[Cpu.RDX] = 0x61;
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0xEC)));
        c.sysFlags |= Flags.IOPL;
        run(OpcodeTable.ONE_BYTE, 0xED);
        assertEquals(0x12345678L, c.r[Cpu.RAX]);
        c.sysFlags &= ~Flags.IOPL;
        c.segLimit[Cpu.TR] = 0x67;
        c.r[Cpu.RDX] = 0x60;
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0xEC)));
        assertEquals(List.of("in 60/1", "in 61/4"), t.events);
    }

    @Test
    void repeatedStringInputCanBeInterrupted() {
        t.longMode(0);
        c.r[Cpu.RDI] = 0x8000;
        c.r[Cpu.RCX] = 3;
        c.r[Cpu.RDX] = 0x1F0;
        c.raise(Cpu.PEND_INTERRUPT);
        run(OpcodeTable.ONE_BYTE, 0x6D, i -> {
            i.rep = 0xF3;
            i.opSize = 2;
        });
        assertEquals(0x5000, c.rip);
        assertEquals(2, c.r[Cpu.RCX]);
        assertEquals(0x8002, c.r[Cpu.RDI]);
        c.take(-1);
        run(OpcodeTable.ONE_BYTE, 0x6D, i -> {
            i.rep = 0xF3;
            i.opSize = 2;
        });
        assertEquals(0x5002, c.rip);
        assertEquals(0, c.r[Cpu.RCX]);
        assertEquals(0x5678, t.r16(0x8004));
        assertEquals(3, t.events.size());
    }

    @Test
    void stringInputFaultsBeforeTheDeviceIsRead() {
        t.longMode(0);
        c.r[Cpu.RDI] = 0x4000_0000_0000L;
        assertEquals("14:2", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0x6C)));
        assertTrue(t.events.isEmpty());
    }

    @Test
    void descriptorTablesLoadAndStore() {
        t.longMode(0);
        t.w16(0x8000, 0x7F);
        t.w64(0x8002, 0xFFFF8000_00001000L);
        run(OpcodeTable.M0F, 0x01, memory(3, 0x8000));
        assertEquals(0xFFFF8000_00001000L, c.idtBase);
        assertEquals(0x7F, c.idtLimit);
        run(OpcodeTable.M0F, 0x01, memory(1, 0x8100));
        assertEquals(0xFFFF8000_00001000L, t.r64(0x8102));
        t.w64(0x8002, 0x8000_0000_0000L);
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.M0F, 0x01, memory(3, 0x8000))));
        t.longMode(3);
        run(OpcodeTable.M0F, 0x01, memory(1, 0x8100));
        c.cr4 |= Cpu.CR4_UMIP;
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.M0F, 0x01, memory(1, 0x8100))));
        t.protectedMode(0);
        t.w32(0x8002, 0xFF123456L);
        Consumer<Insn> lgdt16 = memory(2, 0x8000).andThen(i -> i.opSize = 2);
        run(OpcodeTable.M0F, 0x01, lgdt16);
        assertEquals(0x123456, c.gdtBase);
    }

    @Test
    void taskRegisterLoadsMarkTheTaskBusy() {
        t.longMode(0);
        c.r[0] = TestCpu.TSS_SEL;
        run(OpcodeTable.M0F, 0x00, i -> i.reg = 3);
        assertEquals(11, Descriptor.type(t.r64(TestCpu.GDT + TestCpu.TSS_SEL)));
        assertEquals(0x8B, c.segAttr[Cpu.TR] & 0xFF);
        assertEquals("13:28", t.fault(() -> run(OpcodeTable.M0F, 0x00, i -> i.reg = 3)));
        run(OpcodeTable.M0F, 0x00, i -> {
            i.reg = 1;
            i.rm = 7;
        });
        assertEquals(TestCpu.TSS_SEL, c.r[7]);
        c.r[0] = TestCpu.CODE0;
        assertEquals("13:8", t.fault(() -> run(OpcodeTable.M0F, 0x00, i -> i.reg = 2)));
        c.r[0] = 0;
        run(OpcodeTable.M0F, 0x00, i -> i.reg = 2);
        assertEquals(Descriptor.UNUSABLE, c.segAttr[Cpu.LDTR]);
    }

    @Test
    void larAndLslLookWithoutFaulting() {
        t.protectedMode(3);
        c.r[1] = TestCpu.DATA3;
        run(OpcodeTable.M0F, 0x03, i -> i.rm = 1);
        assertEquals(0xFFFFFFFFL, c.r[0]);
        assertTrue(Flags.zf(c));
        run(OpcodeTable.M0F, 0x02, i -> i.rm = 1);
        assertEquals(0x00CFF300L, c.r[0]);
        c.r[1] = TestCpu.DATA0;
        c.r[0] = 7;
        run(OpcodeTable.M0F, 0x02, i -> i.rm = 1);
        assertEquals(7, c.r[0]);
        assertTrue(!Flags.zf(c));
        run(OpcodeTable.M0F, 0x00, i -> {
            i.reg = 5;
            i.rm = 1;
        });
        assertTrue(!Flags.zf(c));
    }

    @Test
    void stiHoldsInterruptsOffForOneInstruction() {
        t.longMode(0);
        c.take(-1);
        run(OpcodeTable.ONE_BYTE, 0xFB);
        assertTrue(c.shadow);
        assertTrue((c.sysFlags & Flags.IF) != 0);
        assertTrue((c.pending & Cpu.PEND_SLOW) != 0);
        c.shadow = false;
        run(OpcodeTable.ONE_BYTE, 0xFB);
        assertTrue(!c.shadow);
        run(OpcodeTable.ONE_BYTE, 0xFA);
        assertEquals(2, c.rflags());
        t.longMode(3);
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0xFA)));
        assertEquals("13:0", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0xF4)));
    }

    @Test
    void popSegmentLeavesTheStackOnAFault() {
        t.protectedMode(3);
        t.w32(0x9000, TestCpu.DATA0);
        assertEquals("13:10", t.fault(() -> run(OpcodeTable.ONE_BYTE, 0x1F)));
        assertEquals(0x9000, c.r[Cpu.RSP]);
        t.w32(0x9000, TestCpu.DATA3);
        run(OpcodeTable.ONE_BYTE, 0x17);
        assertEquals(0x9004, c.r[Cpu.RSP]);
        assertTrue(c.shadow);
        run(OpcodeTable.ONE_BYTE, 0x16);
        assertEquals(0x9000, c.r[Cpu.RSP]);
        assertEquals(TestCpu.DATA3, t.r16(0x9000));
    }

    @Test
    void smapFlagNeedsRingZero() {
        t.longMode(0);
        run(OpcodeTable.M0F, 0x01, i -> {
            i.reg = 1;
            i.rm = 3;
        });
        assertTrue((c.sysFlags & Flags.AC) != 0);
        run(OpcodeTable.M0F, 0x01, i -> {
            i.reg = 1;
            i.rm = 2;
        });
        assertEquals(0, c.sysFlags & Flags.AC);
        t.longMode(3);
        assertEquals("6", t.fault(() -> run(OpcodeTable.M0F, 0x01, i -> {
            i.reg = 1;
            i.rm = 3;
        })));
        assertEquals("6", t.fault(() -> run(OpcodeTable.M0F, 0x01, i -> {
            i.reg = 0;
            i.rm = 1;
        })));
    }

    @Test
    void dataBreakpointsTrapAfterTheAccess() {
        t.longMode(0);
        Uop u = t.here();
        u.d = 1;
        u.a = Cpu.RAX;
        c.r[Cpu.RAX] = 0x8004;
        DebugRegisters.write(c, u);
        u.d = 7;
        // DR1 armed, four bytes, writes only.
        c.r[Cpu.RAX] = 1 << 2 | 0xD << 20;
        DebugRegisters.write(c, u);
        c.ld32(0x8004, u);
        c.st32(0x8000, 1, u);
        c.st64(0x8008, 1, u);
        assertEquals(0, c.pendingDebug);
        c.st8(0x8007, 1, u);
        assertEquals(2, c.pendingDebug);
        t.idt64(1, TestCpu.CODE64, 0x6000, 14, 0, 0);
        c.rip = 0x5002;
        assertTrue(EventDelivery.trapAfter(c, false));
        assertEquals(0x6000, c.rip);
        assertEquals(0xFFFF0FF2L, c.dr[6]);
        assertEquals(0x5002, t.r64(c.r[Cpu.RSP]));
    }

    @Test
    void changeOfCr3KeepsGlobalPagesOnly() {
        t.longMode(0);
        ControlRegisters.setCr4(c, Cpu.CR4_PAE | Cpu.CR4_PGE, t.here());
        // 2 MiB at 200000h global, 2 MiB at 0 not; then both point elsewhere.
        t.w64(TestCpu.TABLES + 0x2008, 0x20_0000L | 0x187);
        t.w64(0x8000, 1);
        t.w64(0x20_8000, 2);
        t.w64(0x38_0000, 3);
        assertEquals(1, c.ld64(0x8000, t.here()));
        assertEquals(2, c.ld64(0x20_8000, t.here()));
        t.w64(TestCpu.TABLES + 0x2000, 0x20_0000L | 0x87);
        t.w64(TestCpu.TABLES + 0x2008, 0x87);
        c.r[Cpu.RAX] = TestCpu.TABLES;
        Uop u = t.here();
        u.d = 3;
        ControlRegisters.write(c, u);
        assertEquals(2, c.ld64(0x8000, t.here()));
        assertEquals(2, c.ld64(0x20_8000, t.here()));
        c.flushTlbPage(0x20_8000);
        assertEquals(1, c.ld64(0x20_8000, t.here()));
    }
}
