package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.backend.Watchpoint;
import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The run loop: blocks, faults, interrupts, self-modifying code, debugging. */
class EngineTest {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSI = 6, RDI = 7;

    private final TestMachine m = new TestMachine();
    private final BackendVp vp = m.vps.getFirst();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    @Test
    void loopsAndCallsComeToTheirEnd() {
        VpState s = m.run64("""
                mov ecx, 1000
                xor eax, eax
                1: add rax, rcx
                call 2f
                dec ecx
                jnz 1b
                jmp 3f
                2: inc rdx
                ret
                3:
                """);
        assertEquals(500500, s.gpr[RAX]);
        assertEquals(1000, s.gpr[RDX]);
        assertEquals(2 + 1000 * 6 + 2, vp.instructions());
    }

    @Test
    void pageFaultLeavesTheStateBeforeTheInstruction() {
        m.gate(14, TestMachine.CODE + 0x800);
        m.w64(TestMachine.PT + 8 * 0x70, 0);
        VpState start = TestMachine.long64();
        byte[] handler = GnuAs.assemble(64, "mov rsi, cr2; pop rdi; pop rdx; hlt");
        m.gpa.write(TestMachine.CODE + 0x800, handler);
        VpState s = m.run(start, GnuAs.assemble(64, """
                mov eax, 5
                mov ebx, 0x70ff8
                cmp eax, 5
                1: add [rbx+4], rax
                hlt
                """));
        assertEquals(0x70FFC, s.gpr[RSI]);
        assertEquals(2, s.gpr[RDI]);
        assertEquals(TestMachine.CODE + 13, s.gpr[RDX]);
        assertEquals(5, s.gpr[RAX]);
    }

    @Test
    void codeMayOverwriteWhatFollowsItAtOnce() {
        VpState s = m.run64("""
                mov ecx, 3
                1: inc byte ptr [rip + 2f + 1]
                nop
                2: mov al, 0x10
                add rdx, rax
                dec ecx
                jnz 1b
                """);
        assertEquals(0x11 + 0x12 + 0x13, s.gpr[RDX]);
    }

    @Test
    void codeWrittenThroughAnotherMappingIsDecodedAgain() {
        m.w64(TestMachine.PT + 8 * 0x71, 0x101000 | 7);
        VpState s = m.run64("""
                mov ecx, 4
                1: call target
                inc byte ptr [0x71001]
                dec ecx
                jnz 1b
                hlt
                .org 0x1000
                target: mov al, 1
                add dl, al
                ret
                """);
        assertEquals(1 + 2 + 3 + 4, s.gpr[RDX]);
    }

    @Test
    void codeWrittenByADeviceIsDecodedAgain() {
        VpState s = m.run64("mov al, 1");
        assertEquals(1, s.gpr[RAX]);
        m.gpa.write(TestMachine.CODE + 1, new byte[] {7});
        vp.setState(TestMachine.long64());
        assertEquals(VpExit.HALT, vp.run(m));
        vp.getState(s);
        assertEquals(7, s.gpr[RAX]);
    }

    @Test
    void instructionsMayCrossPages() {
        VpState start = TestMachine.long64();
        start.rip = TestMachine.CODE + 0xFFB;
        VpState s = m.run(start, GnuAs.assemble(64, "mov rax, 0x1122334455667788; mov ebx, 3; hlt"));
        assertEquals(0x1122334455667788L, s.gpr[RAX]);
        assertEquals(3, s.gpr[RBX]);
    }

    @Test
    void interruptsWaitForTheFlagAndTheShadow() {
        m.gate(0x40, TestMachine.CODE + 0x800);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(64, "mov rbx, rax; inc rcx; iretq"));
        m.interrupts.getFirst().vector.set(0x40);
        VpState s = m.run64("""
                mov eax, 1
                mov eax, 2
                sti
                mov eax, 3
                nop
                cli
                mov eax, 4
                """);
        assertEquals(3, s.gpr[RBX]);
        assertEquals(1, s.gpr[RCX]);
        assertEquals(4, s.gpr[RAX]);
    }

    @Test
    void haltIsWokenByAnInterrupt() {
        m.gate(0x40, TestMachine.CODE + 0x800);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(64, "inc rcx; iretq"));
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, "sti; hlt; mov edx, 9; cli; hlt"));
        vp.setState(TestMachine.long64());
        assertEquals(VpExit.HALT, vp.run(m));
        m.interrupts.getFirst().vector.set(0x40);
        vp.interruptsChanged();
        assertTrue(vp.wakeable());
        assertEquals(VpExit.HALT, vp.run(m));
        VpState s = new VpState();
        vp.getState(s);
        assertEquals(1, s.gpr[RCX]);
        assertEquals(9, s.gpr[RDX]);
    }

    @Test
    void trapFlagStepsThroughEveryInstruction() {
        m.gate(1, TestMachine.CODE + 0x800);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(64, "inc rcx; iretq"));
        VpState s = m.run64("""
                pushfq
                or dword ptr [rsp], 0x100
                popfq
                mov eax, 1
                add eax, 1
                pushfq
                and dword ptr [rsp], ~0x100
                popfq
                mov eax, 7
                """);
        assertEquals(5, s.gpr[RCX]);
        assertEquals(7, s.gpr[RAX]);
    }

    @Test
    void tripleFaultShutsDown() {
        VpState start = TestMachine.long64();
        start.idtLimit = 0;
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, "ud2"));
        vp.setState(start);
        assertEquals(VpExit.SHUTDOWN, vp.run(m));
        assertTrue(vp.explain().contains("shut down"), vp.explain());
    }

    @Test
    void kickEndsAnEndlessLoop() throws InterruptedException {
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, "1: jmp 1b"));
        vp.setState(TestMachine.long64());
        VpExit[] exit = new VpExit[1];
        Thread t = new Thread(() -> exit[0] = vp.run(m));
        t.start();
        vp.kick();
        t.join(20_000);
        assertEquals(VpExit.KICKED, exit[0]);
    }

    @Test
    void breakpointsStopBeforeTheInstructionAndLetItRunAfterwards() {
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, "mov ecx, 3; 1: inc eax; dec ecx; jnz 1b; hlt"));
        vp.setState(TestMachine.long64());
        vp.debug(new long[] {TestMachine.CODE + 5}, false);
        VpState s = new VpState();
        for (int k = 0; k < 3; k++) {
            assertEquals(VpExit.DEBUG, vp.run(m));
            vp.getState(s);
            assertEquals(k, s.gpr[RAX]);
            assertEquals(TestMachine.CODE + 5, s.rip);
        }
        vp.debug(new long[0], true);
        assertEquals(VpExit.DEBUG, vp.run(m));
        vp.getState(s);
        assertEquals(3, s.gpr[RAX]);
        assertEquals(TestMachine.CODE + 7, s.rip);
        vp.debug(new long[0], false);
        assertEquals(VpExit.HALT, vp.run(m));
    }

    @Test
    void watchpointsStopBehindTheInstructionThatUsedThem() {
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, """
                mov ebx, 0x90000
                mov ecx, 6
                mov edi, 0x90ff0
                mov al, [rbx + 7]
                mov [rbx + 8], al
                add dword ptr [rbx + 5], 1
                mov rdx, [rbx + 16]
                1: rep stosq
                inc edx
                hlt
                """));
        Watchpoint written = new Watchpoint(0x90007, 1, Watchpoint.Kind.WRITE);
        Watchpoint read = new Watchpoint(0x90014, 2, Watchpoint.Kind.READ);
        Watchpoint both = new Watchpoint(0x91000, 8, Watchpoint.Kind.ACCESS);
        vp.setState(TestMachine.long64());
        assertTrue(vp.watch(List.of(written, read, both)));
        VpState s = new VpState();
        assertEquals(VpExit.DEBUG, vp.run(m));
        vp.getState(s);
        assertEquals(written, vp.watchpointHit());
        assertEquals(TestMachine.CODE + 25, s.rip, "not by the load, not by the store beside it");
        assertEquals(VpExit.DEBUG, vp.run(m));
        vp.getState(s);
        assertEquals(read, vp.watchpointHit());
        assertEquals(TestMachine.CODE + 29, s.rip);
        assertEquals(VpExit.DEBUG, vp.run(m));
        vp.getState(s);
        assertEquals(both, vp.watchpointHit());
        assertEquals(3, s.gpr[RCX], "the third element");
        assertEquals(0x91008, s.gpr[RDI]);
        vp.debug(new long[0], true);
        assertEquals(VpExit.DEBUG, vp.run(m));
        assertNull(vp.watchpointHit());
        vp.debug(new long[0], false);
        assertTrue(vp.watch(List.of()));
        assertEquals(VpExit.HALT, vp.run(m));
        vp.getState(s);
        assertEquals(0x91020, s.gpr[RDI]);
    }

    @Test
    void unknownInstructionsAreReportedAndRaiseUd() {
        m.gate(6, TestMachine.CODE + 0x800);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(64, "pop rbx; hlt"));
        VpState s = m.run64("nop; vaesenc ymm0, ymm1, ymm2");
        assertEquals(TestMachine.CODE + 1, s.gpr[RBX]);
        assertEquals(1, m.remarks.size(), m.remarks.toString());
    }

    @Test
    void realModeRuns() {
        VpState s = m.run(TestMachine.real16(), GnuAs.assemble(16, """
                mov ax, 0x1234
                push ax
                pop bx
                mov [0x10], bx
                mov si, 0x10
                lodsb
                mov cl, al
                mov ax, 0x3000
                mov es, ax
                mov di, 4
                mov es:[di], cx
                call 1f
                hlt
                1: mov dx, sp
                ret
                """));
        assertEquals(0x1234, s.gpr[RBX]);
        assertEquals(0x34, s.gpr[RCX]);
        assertEquals(0xFFEE, s.gpr[RDX] & 0xFFFF);
        assertEquals(0x1234, m.gpa.read16(0x20010));
        assertEquals(0x34, m.gpa.read16(0x30004));
    }

    @Test
    void protectedModeChecksSegmentLimits() {
        VpState start = TestMachine.flat32();
        start.seg[VpState.DS] = new SegmentState(16, 0x1000, 0xFFF, 0x4093);
        m.gate32(13, TestMachine.CODE + 0x800);
        m.gpa.write(TestMachine.CODE + 0x800, GnuAs.assemble(32, "pop edx; pop ebx; hlt"));
        VpState s = m.run(start, GnuAs.assemble(32, "mov eax, [0xFFC]; mov eax, [0xFFD]; hlt"));
        assertEquals(0, s.gpr[RDX]);
        assertEquals(TestMachine.CODE + 5, s.gpr[RBX]);
    }

    /** Two functions in two pages, of which each leads to the other, are overwritten in turn: versions must not hang on to their elders. */
    @Test
    void codeDecodedUnderOneLimitOfCsRanBeyondAnother() {
        // Two code segments at CODE, of 64 KiB and of 205h bytes; the longer is executed first.
        m.w64(TestMachine.GDT + 0x30, 0x00409B10_0000FFFFL);
        m.w64(TestMachine.GDT + 0x38, 0x00409B10_00000204L);
        long handler = TestMachine.CODE + 0x800;
        m.gate32(13, handler);
        m.gpa.write(handler, GnuAs.assemble(32, "mov edx, [esp + 4]; hlt"));
        m.gpa.write(TestMachine.CODE + 0x200, GnuAs.assemble(32, ".rept 7; inc esi; .endr; retf"));
        VpState s = m.run(TestMachine.flat32(), GnuAs.assemble(32, "call 0x30:0x200; call 0x38:0x200; hlt"));
        assertEquals(7 + 5, s.gpr[6]);
        assertEquals(0x205, s.gpr[2], "where the fetch faulted");
    }

    @Test
    void codeOverwrittenAgainAndAgainKeepsNoMemory() {
        System.gc();
        long before = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        VpState s = m.run64("""
                mov ecx, 60000
                main: mov edi, 2
                call one
                mov byte ptr [rip + two + 1], cl
                mov edi, 2
                call two
                mov byte ptr [rip + one + 1], cl
                dec ecx
                jnz main
                jmp done
                .balign 4096
                one: mov al, 1
                dec edi
                jz 1f
                jmp two
                1: ret
                .balign 4096
                two: mov dl, 1
                dec edi
                jz 1f
                jmp one
                1: ret
                done:
                """);
        assertEquals(0, s.gpr[RCX]);
        System.gc();
        long kept = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory() - before;
        assertTrue(kept < 24 << 20, () -> kept + " bytes");
    }
}
