package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults in the middle of an instruction leave nothing half done: read-modify-writes, the stack, strings, operands across pages and segments. */
class FaultAtomicityTest {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RSI = 6, RDI = 7;
    private static final long PAGE = 0x91000;
    private static final long HANDLER = TestMachine.CODE + 0x800;
    private static final long SPLIT = 0xA1000;
    private static final long FLAGS = 0x8D5;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
        // Error code, RIP, CS, RFLAGS, RSP and SS lie where the handler leaves RSP: on the gate's own stack.
        for (int v : new int[] {12, 13, 14}) {
            m.gate(v, HANDLER);
            m.w64(TestMachine.IDT + 16L * v, HANDLER & 0xFFFF | 8L << 16 | 0x8E01L << 32 | (HANDLER & 0xFFFF0000L) << 32);
        }
        m.w64(0x30000 + 0x24, 0x88000);
        m.gpa.write(HANDLER, GnuAs.assemble(64, "hlt"));
    }

    private VpState start() {
        VpState s = TestMachine.avx64();
        s.tr = new SegmentState(0x40, 0x30000, 0x67, 0x8B);
        for (int r = 0; r < 16; r++) {
            s.gpr[r] = 0x1111_1111_1111_1111L * r + 0x0123_4567L;
        }
        s.gpr[RSP] = TestMachine.STACK;
        s.rflags = 2 | FLAGS & 0x8C1;
        return s;
    }

    /** {@return a word of the frame the handler found: error code, RIP, CS, RFLAGS, RSP, SS} */
    private long frame(VpState s, int n) {
        return m.gpa.read64(s.gpr[RSP] + 8L * n);
    }

    private byte[] bytes(long gpa, int size) {
        byte[] b = new byte[size];
        for (int k = 0; k < size; k++) {
            b[k] = (byte) m.gpa.read8(gpa + k);
        }
        return b;
    }

    private void page(long linear, long gpa, int flags) {
        m.w64(TestMachine.PT + 8 * (linear >> 12), gpa | flags);
    }

    /** What writes, and reads what it writes, at {@code [rbx]}; sizes in bytes. */
    static Stream<Object[]> modifiers() {
        List<Object[]> all = new ArrayList<>();
        for (String s : List.of("add [rbx], ecx", "adc [rbx], ecx", "sub [rbx], ecx", "sbb [rbx], ecx", "and [rbx], ecx", "or [rbx], ecx",
                "xor [rbx], ecx", "inc dword ptr [rbx]", "dec dword ptr [rbx]", "neg dword ptr [rbx]", "not dword ptr [rbx]",
                "rol dword ptr [rbx], 3", "rcr dword ptr [rbx], 3", "shl dword ptr [rbx], cl", "sar dword ptr [rbx], 1", "shld [rbx], ecx, 5",
                "shrd [rbx], ecx, cl", "bts dword ptr [rbx], 5", "btr dword ptr [rbx], 6", "btc dword ptr [rbx], 7", "xchg [rbx], ecx",
                "xadd [rbx], ecx", "cmpxchg [rbx], ecx", "lock add [rbx], ecx", "lock inc dword ptr [rbx]", "lock xadd [rbx], ecx",
                "lock cmpxchg [rbx], ecx", "lock btc dword ptr [rbx], 3", "mov [rbx], ecx", "movbe [rbx], ecx", "movnti [rbx], ecx",
                "fst dword ptr [rbx]", "fistp dword ptr [rbx]", "movss [rbx], xmm1", "vmovss [rbx], xmm1", "stmxcsr [rbx]", "fnstcw [rbx]",
                "pextrd [rbx], xmm1, 2", "vextractps [rbx], xmm1, 1")) {
            all.add(new Object[] {s, s.equals("fnstcw [rbx]") ? 2 : 4});
        }
        for (String s : List.of("add [rbx], rcx", "lock sub [rbx], rcx", "shld [rbx], rcx, 5", "cmpxchg8b [rbx]", "lock cmpxchg8b [rbx]", "pop qword ptr [rbx]",
                "mov qword ptr [rbx], 5", "fstp qword ptr [rbx]", "movq [rbx], mm1", "movhps [rbx], xmm1", "vmovlps [rbx], xmm1", "movntq [rbx], mm1",
                "vcvtps2ph [rbx], xmm1, 0")) {
            all.add(new Object[] {s, 8});
        }
        for (String s : List.of("fstp tbyte ptr [rbx]", "fbstp [rbx]")) {
            all.add(new Object[] {s, 10});
        }
        for (String s : List.of("movups [rbx], xmm1", "vmovdqu [rbx], xmm1", "vextracti128 [rbx], ymm1, 1", "vcvtps2ph [rbx], ymm1, 0", "fnstenv [rbx]",
                "sgdt [rbx]")) {
            all.add(new Object[] {s, s.startsWith("fns") ? 28 : s.startsWith("sg") ? 10 : 16});
        }
        all.add(new Object[] {"vmovups [rbx], ymm1", 32});
        all.add(new Object[] {"fnsave [rbx]", 108});
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("modifiers")
    void nothingIsHalfDone(String instruction, int size) {
        byte[] code = GnuAs.assemble(64, instruction + "\nhlt");
        // A page that is not to be written; the last bytes on one that is not to be written, and on one that is not there.
        for (int[] place : new int[][] {{0, 5}, {-1, 5}, {1 - size, 5}, {-1, 0}, {1 - size, 0}}) {
            long at = PAGE + place[0];
            page(PAGE, PAGE, place[1]);
            for (long k = PAGE - 128; k < PAGE + 128; k += 8) {
                m.w64(k, 0x5A5A_0000_0000_0000L | k);
            }
            byte[] before = bytes(PAGE - 128, 256);
            VpState s = start();
            s.gpr[RBX] = at;
            s.ftw = 0xFF;
            s.mxcsr = 0x1F80;
            for (int k = 0; k < 8; k++) {
                s.x87Mantissa[k] = 0xC000_0000_0000_0000L;
                s.x87Exponent[k] = 0x4001;
            }
            Arrays.fill(s.ymm, 0x3F8C_CCCD_3F8C_CCCDL);
            VpState after = m.run(s, code);
            String what = instruction + " at " + Long.toHexString(at) + " flags " + place[1];
            assertEquals(TestMachine.CODE, frame(after, 1), what);
            assertEquals(place[1] == 0 ? 2 : 3, frame(after, 0), what + ": error code");
            assertEquals(PAGE, after.cr2, what);
            assertEquals(s.rflags & FLAGS, frame(after, 3) & FLAGS, what);
            assertEquals(s.gpr[RSP], frame(after, 4), what);
            for (int r = 0; r < 16; r++) {
                if (r != RSP) {
                    assertEquals(s.gpr[r], after.gpr[r], what + ": r" + r);
                }
            }
            assertArrayEquals(before, bytes(PAGE - 128, 256), what);
            assertEquals(s.mxcsr, after.mxcsr, what);
            assertEquals(s.fsw, after.fsw, what);
            assertEquals(s.ftw, after.ftw, what);
            assertArrayEquals(s.x87Mantissa, after.x87Mantissa, what);
            assertArrayEquals(s.ymm, after.ymm, what);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fld dword ptr [rbx]", "fld tbyte ptr [rbx]", "fild word ptr [rbx]", "fbld [rbx]", "fadd qword ptr [rbx]",
        "ficomp word ptr [rbx]", "fst dword ptr [rbx]", "fistp qword ptr [rbx]", "fstp tbyte ptr [rbx]", "fbstp [rbx]"})
    void x87InstructionWhoseOperandFaultsTookOverThePointers(String instruction) {
        page(PAGE, 0, 0);
        VpState s = start();
        s.gpr[RBX] = PAGE;
        s.fcw = 0x37F;
        VpState after = m.run(s, GnuAs.assemble(64, "fld dword ptr [0x90010]\n" + instruction + "\nhlt"));
        assertEquals(PAGE, after.cr2);
        assertEquals(TestMachine.CODE, after.fip, instruction);
        assertEquals(0x90010, after.fdp, instruction);
        assertEquals(0x104, after.fop, instruction);
    }

    @Test
    void x87DataPointerWasNotTheOffsetInItsSegment() {
        VpState s = start();
        s.fcw = 0x37F;
        s.seg[VpState.GS] = new SegmentState(0, 0x90000, -1, 0xC093);
        s.gpr[RBX] = 0x18;
        assertEquals(0x20, m.run(s, GnuAs.assemble(64, "fld dword ptr gs:[rbx + 8]\nhlt")).fdp);
        VpState flat = TestMachine.flat32();
        flat.fcw = 0x37F;
        flat.seg[VpState.DS] = new SegmentState(16, 0x90000, 0xFFFF, 0x4093);
        assertEquals(0x20, m.run(flat, GnuAs.assemble(32, "fstp qword ptr [0x20]\nhlt")).fdp);
    }

    @ParameterizedTest
    @ValueSource(strings = {"jmp .+0x300", "call .+0x300", "jmp ebx", "call ebx", "call [0x90000]", "jo .+0x60", "jz .+0x300", "loop .+0x60", "jecxz .+0x60",
        "ret", "ret 8"})
    void branchBeyondTheLimitOfCsFaultedWhereItLed(String branch) {
        // Code of 211h bytes, the branch at 200h; registers and stack as before.
        m.w64(TestMachine.GDT + 0x38, 0x00409B10_00000210L);
        m.gate32(13, HANDLER);
        m.w64(0x90000, 0x500);
        m.w64(TestMachine.STACK, 0x500);
        m.gpa.write(TestMachine.CODE + 0x200, GnuAs.assemble(32, branch));
        VpState s = TestMachine.flat32();
        s.rflags |= 0x840;
        s.gpr[RBX] = 0x500;
        s.gpr[RCX] = branch.startsWith("jecxz") ? 0 : 2;
        VpState after = m.run(s, GnuAs.assemble(32, "jmp 0x38:0x200"));
        assertEquals(0x200, m.gpa.read32(after.gpr[RSP] + 4), branch);
        assertEquals(TestMachine.STACK - 16, after.gpr[RSP], branch);
        assertEquals(s.gpr[RCX], after.gpr[RCX], branch);
    }

    @ParameterizedTest
    @ValueSource(strings = {"jno .+0x60", "jnz .+0x300", "loop .+0x60", "loope .+0x60"})
    void branchBeyondTheLimitOfCsThatIsNotTakenGoesOn(String branch) {
        m.w64(TestMachine.GDT + 0x38, 0x00409B10_00000210L);
        m.gpa.write(TestMachine.CODE + 0x200, GnuAs.assemble(32, branch + "; hlt"));
        VpState s = TestMachine.flat32();
        s.rflags |= 0x840;
        s.gpr[RCX] = 1;
        VpState after = m.run(s, GnuAs.assemble(32, "jmp 0x38:0x200"));
        assertEquals(branch.startsWith("loop") ? 0 : 1, after.gpr[RCX], branch);
    }

    // ---- the stack

    @ParameterizedTest
    @ValueSource(strings = {"push rcx", "push qword ptr [0x90000]", "pushfq", "call rcx", "call qword ptr [0x90000]",
        "enter 16, 0", "enter 64, 3", "push 5", "push fs"})
    void pushOntoAMissingPageLeavesTheStackPointer(String instruction) {
        m.w64(0x90000, TestMachine.CODE);
        page(0x8F000, 0, 0);
        VpState s = start();
        s.gpr[RSP] = 0x90004;
        s.gpr[RCX] = TestMachine.CODE;
        VpState after = m.run(s, GnuAs.assemble(64, instruction + "\nhlt"));
        assertEquals(TestMachine.CODE, frame(after, 1), instruction);
        assertEquals(0x90004, frame(after, 4), instruction);
        assertEquals(s.gpr[5], after.gpr[5], instruction);
        assertEquals(TestMachine.CODE, m.gpa.read64(0x90000), instruction);
    }

    @ParameterizedTest
    @ValueSource(strings = {"pop rcx", "pop qword ptr [0x93000]", "popfq", "ret", "leave", "pop fs", "ret 16"})
    void popFromAMissingPageLeavesTheStackPointer(String instruction) {
        page(PAGE, 0, 0);
        VpState s = start();
        s.gpr[RSP] = PAGE - 4;
        s.gpr[5] = PAGE - 4;
        VpState after = m.run(s, GnuAs.assemble(64, instruction + "\nhlt"));
        assertEquals(TestMachine.CODE, frame(after, 1), instruction);
        assertEquals(PAGE - 4, frame(after, 4), instruction);
        assertEquals(PAGE - 4, after.gpr[5], instruction);
        assertEquals(s.gpr[RCX], after.gpr[RCX], instruction);
        assertEquals(s.rflags & FLAGS, frame(after, 3) & FLAGS, instruction);
        assertEquals(PAGE, after.cr2, instruction);
    }

    // ---- strings

    @Test
    void repeatedMovesStopAtTheElementThatFaults() {
        for (long k = 0; k < 0x1000; k += 8) {
            m.w64(0x94000 + k, k * 0x0101_0101L);
        }
        page(PAGE, 0, 0);
        VpState s = start();
        s.gpr[RSI] = 0x94000;
        s.gpr[RDI] = PAGE - 0x803;
        s.gpr[RCX] = 0x1000 / 4;
        VpState after = m.run(s, GnuAs.assemble(64, "rep movsd\nhlt"));
        assertEquals(0x400 - 0x200, after.gpr[RCX]);
        assertEquals(0x94000 + 0x800, after.gpr[RSI]);
        assertEquals(PAGE - 3, after.gpr[RDI]);
        assertEquals(PAGE, after.cr2);
        assertEquals(TestMachine.CODE, frame(after, 1));
        assertEquals(m.gpa.read32(0x94000 + 0x7FC), m.gpa.read32(PAGE - 7));
        // The element across the pages was not half written.
        assertEquals(0, m.gpa.read32(PAGE - 4) & 0xFFFFFF00);
    }

    @Test
    void repeatedMovesDownwardsStopAtTheElementThatFaults() {
        page(PAGE, 0, 0);
        VpState s = start();
        s.rflags |= 0x400;
        s.gpr[RSI] = 0x94100;
        s.gpr[RDI] = PAGE + 0x1010;
        s.gpr[RCX] = 100;
        VpState after = m.run(s, GnuAs.assemble(64, "rep movsq\nhlt"));
        assertEquals(100 - 3, after.gpr[RCX]);
        assertEquals(0x94100 - 24, after.gpr[RSI]);
        assertEquals(PAGE + 0xFF8, after.gpr[RDI]);
        assertEquals(PAGE + 0xFF8, after.cr2);
    }

    @Test
    void aComparisonThatFaultsKeepsTheFlagsOfTheOneBefore() {
        page(PAGE, 0, 0);
        for (int k = 0; k < 8; k++) {
            m.w64(PAGE - 64 + 8 * k, 0x4141_4141_4141_4141L);
            m.w64(0x94000 + 8 * k, 0x4141_4141_4141_4141L);
        }
        VpState s = start();
        s.rflags = 2;
        s.gpr[RSI] = 0x94000;
        s.gpr[RDI] = PAGE - 64;
        s.gpr[RCX] = 100;
        VpState after = m.run(s, GnuAs.assemble(64, "repe cmpsb\nhlt"));
        assertEquals(36, after.gpr[RCX]);
        assertEquals(PAGE, after.gpr[RDI]);
        assertEquals(0x44, frame(after, 3) & FLAGS, "equal: ZF and PF");
        s.gpr[RAX] = 0x42;
        after = m.run(s, GnuAs.assemble(64, "repne scasb\nhlt"));
        assertEquals(36, after.gpr[RCX]);
        assertEquals(0, frame(after, 3) & 0x41, "0x42 is above 0x41");
    }

    @Test
    void repeatedStoresIntoTheirOwnCodeAreSeenByWhatFollows() {
        VpState s = start();
        s.gpr[RAX] = 0x90;
        s.gpr[RBX] = 0;
        VpState after = m.run(s, GnuAs.assemble(64, """
                lea rdi, [rip + 1f]
                mov ecx, 6
                rep stosb
                1: mov ebx, 7
                nop
                hlt
                """));
        assertEquals(0, after.gpr[RBX]);
    }

    @Test
    void limitsOfSegmentsEndRepeatedMovesInTheMiddle() {
        // 32-bit code; the interrupt gate of #GP leads to a HLT on the same stack.
        m.gate32(13, HANDLER);
        for (int size : new int[] {1, 2, 4}) {
            VpState s = TestMachine.flat32();
            s.seg[VpState.DS] = new SegmentState(16, TestMachine.DATA, 0x1F, 0x4093);
            s.seg[VpState.ES] = new SegmentState(16, TestMachine.DATA + 0x100, 0xFFFF, 0x4093);
            s.gpr[RSI] = size == 4 ? 2 : 0;
            s.gpr[RCX] = 100;
            VpState after = m.run(s, GnuAs.assemble(32, "rep movs" + (size == 1 ? "b" : size == 2 ? "w" : "d") + "\nhlt"));
            long moved = size == 4 ? 7 : 32 / size;
            assertEquals(100 - moved, after.gpr[RCX], "size=" + size);
            assertEquals(s.gpr[RSI] + moved * size, after.gpr[RSI], "size=" + size);
            assertEquals(moved * size, after.gpr[RDI], "size=" + size);
            // The destination's limit counts as well.
            s.seg[VpState.DS] = new SegmentState(16, TestMachine.DATA, 0xFFFF, 0x4093);
            s.seg[VpState.ES] = new SegmentState(16, TestMachine.DATA + 0x100, 0x1F, 0x4093);
            s.gpr[RSI] = 0;
            s.gpr[RAX] = 0x77777777;
            after = m.run(s, GnuAs.assemble(32, "rep stos" + (size == 1 ? "b" : size == 2 ? "w" : "d") + "\nhlt"));
            assertEquals(100 - 32 / size, after.gpr[RCX], "size=" + size);
            assertEquals(32, after.gpr[RDI], "size=" + size);
        }
    }

    @Test
    void stringsMayCrossFromOnePageIntoAnotherThatLiesElsewhere() {
        apart();
        VpState s = start();
        s.gpr[RSI] = SPLIT - 21;
        s.gpr[RDI] = 0xB0FF1;
        s.gpr[RCX] = 9;
        byte[] expected = around(21, 36);
        VpState after = m.run(s, GnuAs.assemble(64, "rep movsd\nhlt"));
        assertEquals(0, after.gpr[RCX]);
        assertArrayEquals(expected, bytes(0xB0FF1, 36));
    }

    // ---- LOCK across pages

    /** Pages that follow each other where the guest looks, and lie in the other order and not together. */
    private void apart() {
        page(SPLIT - 0x1000, 0x97000, 7);
        page(SPLIT, 0x94000, 7);
        for (int k = 0; k < 64; k++) {
            m.gpa.write(0x97FC0 + k, new byte[] {(byte) (k * 73 + 5)});
            m.gpa.write(0x94000 + k, new byte[] {(byte) (k * 59 + 0x81)});
        }
    }

    /** {@return bytes from {@code before} bytes before the boundary on, as the guest sees them} */
    private byte[] around(int before, int size) {
        byte[] all = Arrays.copyOf(bytes(0x98000 - before, before), size);
        System.arraycopy(bytes(0x94000, size - before), 0, all, before, size - before);
        return all;
    }

    @ParameterizedTest
    @ValueSource(strings = {"lock add", "lock xadd", "xchg", "lock xor", "lock btc", "lock neg", "lock cmpxchg"})
    void lockedOperandsMayCrossPages(String instruction) {
        for (int size : new int[] {2, 4, 8}) {
            for (int before = 1; before < size; before++) {
                apart();
                long old = number(around(before, size), size);
                long source = 0x1234_5678_9ABC_DEF3L;
                VpState s = start();
                s.gpr[RBX] = SPLIT - before;
                s.gpr[RCX] = source;
                s.gpr[RAX] = old;
                String type = size == 2 ? "word" : size == 4 ? "dword" : "qword";
                String register = size == 2 ? "cx" : size == 4 ? "ecx" : "rcx";
                VpState after = m.run(s, GnuAs.assemble(64, instruction + " " + type + " ptr [rbx]"
                        + (instruction.endsWith("neg") ? "" : instruction.endsWith("btc") ? ", 9" : ", " + register) + "\nhlt"));
                long expected = switch (instruction) {
                    case "lock add", "lock xadd" -> old + source;
                    case "lock xor" -> old ^ source;
                    case "lock btc" -> old ^ 1 << 9;
                    case "lock neg" -> -old;
                    default -> source;
                };
                String what = instruction + " of " + size + " bytes, " + before + " before the boundary";
                long mask = -1L >>> 64 - 8 * size;
                assertEquals(expected & mask, number(around(before, size), size), what);
                if (instruction.endsWith("xadd") || instruction.equals("xchg")) {
                    assertEquals(old, after.gpr[RCX] & mask, what);
                }
                assertArrayEquals(Arrays.copyOf(ramp(73, 5), 64 - before), bytes(0x97FC0, 64 - before), what);
                assertArrayEquals(Arrays.copyOfRange(ramp(59, 0x81), size - before, 64), bytes(0x94000 + size - before, 64 - size + before), what);
            }
        }
    }

    private static byte[] ramp(int factor, int first) {
        byte[] b = new byte[64];
        for (int k = 0; k < b.length; k++) {
            b[k] = (byte) (k * factor + first);
        }
        return b;
    }

    private static long number(byte[] b, int size) {
        return ByteBuffer.wrap(Arrays.copyOf(b, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong() & -1L >>> 64 - 8 * size;
    }
}
