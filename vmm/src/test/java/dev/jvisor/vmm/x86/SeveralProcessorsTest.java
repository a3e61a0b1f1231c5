package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.memory.GpaRegion;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VPs at the same time on the same memory: atomicity, order, page table bits, code written by another, the dirty log. */
@Timeout(120)
class SeveralProcessorsTest {
    private static final int RBP = 5, RSI = 6;
    /** Each VP's code. */
    private static final long CODE_STEP = 0x10000;
    private static final long DATA = TestMachine.DATA;
    /** Entry of the page at 70000h. */
    private static final long WINDOW_ENTRY = TestMachine.PT + 8 * 0x70;

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    /** Runs one program on each VP, all at once, to their HLTs. {@return the states left} */
    private static List<VpState> runAll(TestMachine m, String... programs) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        AtomicReference<String> failure = new AtomicReference<>();
        for (int k = 0; k < programs.length; k++) {
            VpState s = TestMachine.long64();
            s.rip = TestMachine.CODE + k * CODE_STEP;
            s.gpr[4] = TestMachine.STACK - k * 0x1000;
            m.gpa.write(s.rip, GnuAs.assemble(64, programs[k] + "\nhlt"));
            BackendVp vp = m.vps.get(k);
            vp.setState(s);
            threads.add(new Thread(() -> {
                VpExit exit = vp.run(m);
                if (exit != VpExit.HALT) {
                    failure.compareAndSet(null, exit + "\n" + vp.explain());
                    m.vps.forEach(BackendVp::kick);
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread t : threads) {
            t.join();
        }
        assertNull(failure.get(), failure.get());
        List<VpState> states = new ArrayList<>();
        for (BackendVp vp : m.vps) {
            VpState s = new VpState();
            vp.getState(s);
            states.add(s);
        }
        return states;
    }

    @Test
    void lockedOperationsLoseNothing() throws InterruptedException {
        TestMachine m = new TestMachine(3);
        m.w64(DATA, 0);
        m.w64(DATA + 8, 0);
        m.w64(DATA + 64, 0);
        m.w64(DATA + 72, 0);
        String program = """
                mov ebx, 0x90000
                mov ecx, 20000
                mov esi, 1
                1: lock inc byte ptr [rbx+1]
                lock add word ptr [rbx+2], 1
                mov edx, 1
                lock xadd dword ptr [rbx+4], edx
                lock sub qword ptr [rbx+8], 1
                mov eax, [rbx+16]
                2: lea edx, [rax+1]
                lock cmpxchg [rbx+16], edx
                jne 2b
                3: xchg [rbx+24], esi
                test esi, esi
                jz 4f
                pause
                jmp 3b
                4: inc dword ptr [rbx+32]
                inc esi
                mov dword ptr [rbx+24], 0
                dec ecx
                jnz 1b
                """;
        m.w64(DATA + 24, 0);
        runAll(m, program, program, program);
        assertEquals(60_000 & 0xFF, m.gpa.read8(DATA + 1));
        assertEquals(60_000, m.gpa.read16(DATA + 2));
        assertEquals(60_000, m.gpa.read32(DATA + 4));
        assertEquals(-60_000, m.gpa.read64(DATA + 8));
        assertEquals(60_000, m.gpa.read32(DATA + 16));
        assertEquals(60_000, m.gpa.read32(DATA + 32), "the counter under the lock");
    }

    @Test
    void splitLocksAndSixteenByteExchangesLoseNothing() throws InterruptedException {
        TestMachine m = new TestMachine(2);
        String program = """
                mov esi, 0x90000
                mov ebp, 20000
                1: lock inc dword ptr [rsi+0xffe]
                lock inc dword ptr [rsi+0x7e]
                mov rax, [rsi+0x100]
                mov rdx, [rsi+0x108]
                2: mov rbx, rax
                mov rcx, rdx
                add rbx, 1
                sub rcx, 1
                lock cmpxchg16b [rsi+0x100]
                jne 2b
                dec ebp
                jnz 1b
                """;
        runAll(m, program, program);
        assertEquals(40_000, m.gpa.read32(DATA + 0xFFE), "across pages");
        assertEquals(40_000, m.gpa.read32(DATA + 0x7E), "across cache lines");
        assertEquals(40_000, m.gpa.read64(DATA + 0x100));
        assertEquals(-40_000, m.gpa.read64(DATA + 0x108));
    }

    @ParameterizedTest
    @ValueSource(strings = {"mfence", "lock or dword ptr [rsp-64], 0", "xchg [rsp-64], ebp", "mov rbp, cr3; mov cr3, rbp",
            "mov ebp, ebx; xor eax, eax; cpuid; mov ebx, ebp"})
    void barriersKeepALoadBehindAStore(String barrier) throws InterruptedException {
        TestMachine m = new TestMachine(2);
        // Both store to their own word and read the other's: with a barrier between, not both can read the old value.
        String program = """
                mov ebx, 0x90000
                mov esi, 8000
                1: mov edi, esi
                lock dec dword ptr [rbx+256]
                2: pause
                mov eax, [rbx+256]
                lea ecx, [rsi+rsi]
                add eax, 2
                cmp eax, ecx
                ja 2b
                mov [rbx+MINE], esi
                BARRIER
                mov eax, [rbx+OTHERS]
                mov [rsi*8+0x400000+RESULT], eax
                lock dec dword ptr [rbx+320]
                3: pause
                mov eax, [rbx+320]
                lea ecx, [rsi+rsi]
                add eax, 2
                cmp eax, ecx
                ja 3b
                dec esi
                jnz 1b
                """.replace("BARRIER", barrier);
        m.gpa.write(DATA + 256, new byte[] {(byte) 0x80, 0x3E, 0, 0});
        m.gpa.write(DATA + 320, new byte[] {(byte) 0x80, 0x3E, 0, 0});
        m.gpa.write(DATA, new byte[] {-1, -1, -1, 0});
        m.gpa.write(DATA + 128, new byte[] {-1, -1, -1, 0});
        runAll(m, program.replace("MINE", "0").replace("OTHERS", "128").replace("RESULT", "0"),
                program.replace("MINE", "128").replace("OTHERS", "0").replace("RESULT", "4"));
        int old = 0;
        for (int n = 1; n <= 8_000; n++) {
            if (m.gpa.read32(0x400000 + 8 * n) > n && m.gpa.read32(0x400004 + 8 * n) > n) {
                old++;
            }
        }
        assertEquals(0, old, "both read the value of before the round");
    }

    @Test
    void storesAreSeenInTheirOrder() throws InterruptedException {
        TestMachine m = new TestMachine(2);
        List<VpState> s = runAll(m, """
                mov ebx, 0x90000
                xor ecx, ecx
                1: inc ecx
                mov [rbx], ecx
                mov [rbx+64], ecx
                cmp ecx, 300000
                jne 1b
                """, """
                mov ebx, 0x90000
                xor esi, esi
                1: mov eax, [rbx+64]
                mov edx, [rbx]
                cmp edx, eax
                jae 2f
                inc esi
                2: cmp eax, 300000
                jne 1b
                """);
        assertEquals(0, s.get(1).gpr[RSI], "the second store was seen before the first");
    }

    @Test
    void accessedAndDirtyBitsDoNotBringAClearedEntryBack() throws InterruptedException {
        TestMachine m = new TestMachine(2);
        m.gate(14, TestMachine.CODE + 0x8000);
        // The fault just tries again, unless the other VP is done.
        m.gpa.write(TestMachine.CODE + 0x8000, GnuAs.assemble(64, """
                add rsp, 8
                cmp dword ptr [0x90000], 0
                je 1f
                mov qword ptr [rsp], 0x110800
                1: iretq
                """));
        m.gpa.write(0x110800, GnuAs.assemble(64, "hlt"));
        m.w64(WINDOW_ENTRY, 0);
        List<VpState> s = runAll(m, """
                mov ebx, ENTRY
                mov ecx, 300000
                xor esi, esi
                xor ebp, ebp
                1: mov qword ptr [rbx], 0x91003
                mov edi, ecx
                and edi, 15
                2: dec edi
                jns 2b
                xor eax, eax
                xchg [rbx], rax
                mov edx, eax
                and edx, 0x60
                cmp edx, 0x60
                jne 3f
                inc ebp
                3: mov edi, 8
                4: cmp qword ptr [rbx], 0
                jne 5f
                dec edi
                jns 4b
                jmp 6f
                5: inc esi
                mov qword ptr [rbx], 0
                6: dec ecx
                jns 1b
                cmp ebp, 100
                jb 1b
                mov dword ptr [0x90000], 1
                """.replace("ENTRY", Long.toString(WINDOW_ENTRY)), """
                1: invlpg [0x70000]
                mov dword ptr [0x70000], eax
                cmp dword ptr [0x90000], 0
                je 1b
                """);
        assertEquals(0, s.get(0).gpr[RSI], "a cleared entry got bits");
        assertTrue(s.get(0).gpr[RBP] >= 100, "the other VP has used the page");
    }

    @Test
    void codeWrittenByAnotherIsSeenWhenItsAcknowledgementIs() throws InterruptedException {
        TestMachine m = new TestMachine(2);
        m.gpa.write(0x140000, GnuAs.assemble(64, "mov eax, 0; ret"));
        m.gpa.write(0x140100, GnuAs.assemble(64, "nop; ret"));
        // VP 0 changes the constant of a function and, to make it hard, throws its own translation of the page out at once.
        List<VpState> s = runAll(m, """
                mov ebx, 0x90000
                mov ecx, 1
                1: mov [0x140001], ecx
                mov eax, [0x540000]
                jmp 2f
                2: mov [rbx], ecx
                3: pause
                cmp [rbx+64], ecx
                jne 3b
                inc ecx
                cmp ecx, 8000
                jbe 1b
                """, """
                mov ebx, 0x90000
                mov ecx, 1
                xor esi, esi
                mov ebp, 0x140000
                1: lea rdx, [rbp+0x100]
                call rdx
                pause
                cmp [rbx], ecx
                jne 1b
                call rbp
                cmp eax, ecx
                je 2f
                inc esi
                2: mov [rbx+64], ecx
                inc ecx
                cmp ecx, 8000
                jbe 1b
                """);
        assertEquals(0, s.get(1).gpr[RSI], "old code was run");
    }

    @Test
    void dirtyLogMissesNoWriteOfARunningProcessor() throws InterruptedException {
        TestMachine m = new TestMachine(2);
        String program = """
                mov ebx, BASE
                1: mov ecx, 63
                2: mov edx, ecx
                shl edx, 12
                inc dword ptr [rbx+rdx]
                add [rbx+rdx+8], rcx
                dec ecx
                jns 2b
                jmp 1b
                """;
        List<Thread> threads = new ArrayList<>();
        for (int k = 0; k < 2; k++) {
            VpState s = TestMachine.long64();
            s.rip = TestMachine.CODE + k * CODE_STEP;
            m.gpa.write(s.rip, GnuAs.assemble(64, program.replace("BASE", k == 0 ? "0x400000" : "0x440000")));
            BackendVp vp = m.vps.get(k);
            vp.setState(s);
            threads.add(new Thread(() -> vp.run(m)));
        }
        GpaRegion ram = m.gpa.regions().getFirst();
        int pages = (int) (ram.size() >>> 12);
        byte[] copy = new byte[TestMachine.RAM];
        threads.forEach(Thread::start);
        m.gpa.setDirtyLog(true);
        copy(m, copy, 0, pages);
        for (int round = 0; round < 300; round++) {
            collect(m, ram, copy, pages);
        }
        m.vps.forEach(BackendVp::kick);
        for (Thread t : threads) {
            t.join();
        }
        collect(m, ram, copy, pages);
        byte[] now = new byte[0x80000];
        byte[] then = new byte[0x80000];
        for (int k = 0; k < now.length; k++) {
            now[k] = (byte) m.gpa.read8(0x400000 + k);
            then[k] = copy[0x400000 + k];
        }
        assertTrue(m.gpa.read32(0x400000) > 0 && m.gpa.read32(0x440000) > 0, "a VP never ran");
        assertArrayEquals(now, then);
    }

    private static void collect(TestMachine m, GpaRegion ram, byte[] copy, int pages) {
        long[] dirty = new long[pages / 64];
        m.gpa.collectDirty(ram, dirty);
        for (int p = 0; p < pages; p++) {
            if ((dirty[p >>> 6] >>> p & 1) != 0) {
                copy(m, copy, p, 1);
            }
        }
    }

    private static void copy(TestMachine m, byte[] copy, int page, int count) {
        m.gpa.host().asByteBuffer().get(page << 12, copy, page << 12, count << 12);
    }

    @Test
    void queueOfPagesDoesNotGrowWithoutEnd() {
        PageQueue q = new PageQueue();
        for (int k = 0; k < PageQueue.MOST; k++) {
            q.add(k);
        }
        assertEquals(PageQueue.MOST - 1, q.poll());
        q.add(5);
        q.add(6);
        assertEquals(-1, q.poll());
        assertTrue(q.takeOverflow());
        q.add(7);
        assertEquals(7, q.poll());
    }
}
