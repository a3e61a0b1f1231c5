package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Alignment check (Intel SDM 3A, 6.15 "Interrupt 17"): user code's operands must be aligned while CR0.AM and RFLAGS.AC are set. */
class AlignmentCheckTest {
    private static final int RAX = 0, RCX = 1, RBX = 3, RSP = 4, RSI = 6, RDI = 7;
    private static final long HANDLERS = TestMachine.CODE + 0x800;
    private static final long AM = 1 << 18;
    private static final long AC = 1 << 18;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
        // Every exception ends in ring 0 on a stack of its own; the handler's RIP tells which it was.
        for (int v = 0; v < 32; v++) {
            long at = HANDLERS + 16L * v;
            m.gate(v, at);
            m.w64(TestMachine.IDT + 16L * v, at & 0xFFFF | 8L << 16 | (v == 3 ? 0xEE01L : 0x8E01L) << 32 | (at & 0xFFFF0000L) << 32);
            m.gpa.write(at, GnuAs.assemble(64, "hlt"));
        }
        m.w64(0x30000 + 0x24, 0x88000);
        m.w64(TestMachine.GDT + 0x20, 0x00CFF3000000FFFFL);
        m.w64(TestMachine.GDT + 0x28, 0x00AFFB000000FFFFL);
    }

    private static VpState user() {
        VpState s = TestMachine.avx64();
        s.seg[VpState.CS] = new SegmentState(0x2B, 0, -1, 0xA0FB);
        for (int k : new int[] {VpState.SS, VpState.DS, VpState.ES}) {
            s.seg[k] = new SegmentState(0x23, 0, -1, 0xC0F3);
        }
        s.tr = new SegmentState(0x40, 0x30000, 0x67, 0x8B);
        s.cr0 |= AM;
        s.rflags = 2 | AC;
        s.ftw = 0xFF;
        s.ymm[4] = -1;
        s.ymm[5] = -1;
        s.gpr[RBX] = TestMachine.DATA;
        s.gpr[RSI] = TestMachine.DATA;
        s.gpr[RDI] = TestMachine.DATA + 0x100;
        return s;
    }

    /** Runs to the first exception; {@code int3} is the good end. {@return its vector} */
    private int run(VpState s, String source) {
        VpState end = m.run(s, GnuAs.assemble(64, source + "\nint3"));
        last = end;
        return (int) (end.rip - HANDLERS >> 4);
    }

    private VpState last;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "mov al, [rbx] | 1", "mov ax, [rbx] | 2", "mov [rbx], eax | 4", "mov rax, [rbx] | 8", "add [rbx], rax | 8", "lock inc dword ptr [rbx] | 4",
        "xchg [rbx], eax | 4", "cmpxchg8b [rbx] | 8", "fld dword ptr [rbx] | 4", "fld tbyte ptr [rbx] | 8", "fstp tbyte ptr [rbx] | 8", "fldcw [rbx] | 2",
        "fnstenv [rbx] | 4", "fnsave [rbx] | 4", "frstor [rbx] | 4", "ldmxcsr [rbx] | 4", "movq xmm0, [rbx] | 8", "movups xmm0, [rbx] | 16",
        "vmovups ymm0, [rbx] | 16", "vpmaskmovd xmm0, xmm1, [rbx] | 1", "maskmovdqu xmm0, xmm1 | 1", "vpgatherdd xmm0, [rbx + xmm2 * 4], xmm1 | 1",
        "bt [rbx], eax | 4", "mov rsp, rbx; push rax | 8", "movsq | 8", "rep stosd | 4", "lea rax, [rbx + 1] | 1", "clflush [rbx] | 1",
    })
    void operandsMustBeMultiplesOfTheirSize(String instruction, int unit) {
        for (int offset : new int[] {1, 2, 4, 8, 16}) {
            VpState s = user();
            s.gpr[RCX] = 3;
            s.gpr[RBX] += offset;
            s.gpr[RSI] += offset;
            s.gpr[RDI] += offset;
            for (long k = TestMachine.DATA; k < TestMachine.DATA + 256; k += 8) {
                m.w64(k, 0);
            }
            int wanted = offset % unit == 0 ? 3 : 17;
            assertEquals(wanted, run(s, instruction), "offset " + offset);
            if (wanted == 17) {
                assertEquals(0, m.gpa.read64(last.gpr[RSP]), "error code");
                assertEquals(3, last.gpr[RCX], "nothing is done");
                assertEquals(s.fcw, last.fcw);
                assertEquals(s.ftw, last.ftw);
            }
        }
    }

    @Test
    void nobodyButUserCodeWithBothBitsIsChecked() {
        VpState s = user();
        s.cr0 &= ~AM;
        assertEquals(3, run(s, "mov rax, [rbx + 1]"));
        s = user();
        s.rflags = 2;
        assertEquals(3, run(s, "mov rax, [rbx + 1]"));
        s = user();
        s.seg[VpState.CS] = new SegmentState(8, 0, -1, 0xA09B);
        s.seg[VpState.SS] = new SegmentState(0x10, 0, -1, 0xC093);
        assertEquals(3, run(s, "mov rax, [rbx + 1]"));
    }

    @Test
    void popfTurnsItOnAndOffAtOnce() {
        VpState s = user();
        s.rflags = 2;
        assertEquals(17, run(s, """
                mov rax, [rbx + 1]
                push 0x40002
                popfq
                mov rcx, [rbx + 8]
                push 2
                popfq
                mov rax, [rbx + 1]
                mov [rbx + 3], rax
                push 0x40002
                popfq
                mov [rbx + 3], rax
                """), "although the page was written without the check before");
    }

    @Test
    void whatIsNotAlignedIsFoundBeforeAPageThatIsMissing() {
        m.w64(TestMachine.PT + 8 * 0x91, 0);
        VpState s = user();
        s.gpr[RBX] = TestMachine.DATA + 0x1000;
        assertEquals(17, run(s, "mov rax, [rbx - 1]"));
        assertEquals(14, run(s, "mov rax, [rbx]"));
        s.gpr[RBX] = 1L << 47 | 1;
        assertEquals(13, run(s, "mov rax, [rbx]"), "what is no address comes first");
    }

    @Test
    void repeatedStringStopsAtTheElementThatIsNotAligned() {
        VpState s = user();
        s.gpr[RCX] = 100;
        m.w64(TestMachine.DATA, 0x1122334455667788L);
        assertEquals(3, run(s, "rep movsq"));
        assertEquals(0x1122334455667788L, m.gpa.read64(TestMachine.DATA + 0x100));
        s.gpr[RDI] += 4;
        assertEquals(17, run(s, "rep movsq"));
        assertEquals(100, last.gpr[RCX]);
        assertEquals(TestMachine.CODE, m.gpa.read64(last.gpr[RSP] + 8));
    }

    @Test
    void theProcessorsOwnAccessesAreNotChecked() {
        // A gate's stack is aligned by the processor; descriptor tables need not be.
        VpState s = user();
        s.gdtBase = TestMachine.GDT + 3;
        m.w64(TestMachine.GDT + 3 + 0x20, 0x00CFF3000000FFFFL);
        m.w64(TestMachine.GDT + 3 + 8, 0x00AF9B000000FFFFL);
        s.gpr[RAX] = 0x23;
        assertEquals(3, run(s, "mov ds, eax"));
    }
}
