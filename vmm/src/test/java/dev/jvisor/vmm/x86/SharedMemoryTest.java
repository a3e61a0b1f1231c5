package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What several VPs on several threads owe each other: atomic LOCK, stores seen in order, code changed by another. */
class SharedMemoryTest {
    private static final int RBX = 3;

    private final TestMachine m = new TestMachine(2);

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    /** Runs VP k at {@code CODE + 0x1000 k} until both have halted. {@return their states} */
    private List<VpState> run(String... sources) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        VpExit[] exits = new VpExit[sources.length];
        for (int k = 0; k < sources.length; k++) {
            VpState s = TestMachine.long64();
            s.rip = TestMachine.CODE + 0x1000L * k;
            s.gpr[4] = TestMachine.STACK - 0x1000L * k;
            m.gpa.write(s.rip, GnuAs.assemble(64, sources[k] + "\nhlt"));
            BackendVp vp = m.vps.get(k);
            vp.setState(s);
            int n = k;
            threads.add(new Thread(() -> exits[n] = vp.run(m), "vp-" + k));
        }
        threads.forEach(Thread::start);
        List<VpState> states = new ArrayList<>();
        for (int k = 0; k < sources.length; k++) {
            threads.get(k).join(60_000);
            assertEquals(VpExit.HALT, exits[k], () -> String.join("\n", m.vps.stream().map(BackendVp::explain).toList()));
            VpState s = new VpState();
            m.vps.get(k).getState(s);
            states.add(s);
        }
        return states;
    }

    @Test
    void lockedOperationsLoseNothing() throws InterruptedException {
        String source = """
                mov ecx, 100000
                mov edi, 0x90000
                1: lock inc dword ptr [rdi]
                lock add qword ptr [rdi+8], 3
                lock inc byte ptr [rdi+17]
                lock dec word ptr [rdi+19]
                lock inc dword ptr [rdi+62]
                mov edx, 2
                lock xadd [rdi+32], edx
                2: mov eax, [rdi+36]
                lea edx, [rax+1]
                lock cmpxchg [rdi+36], edx
                jnz 2b
                dec ecx
                jnz 1b
                """;
        run(source, source);
        assertEquals(200_000, m.gpa.read32(0x90000));
        assertEquals(600_000, m.gpa.read64(0x90008));
        assertEquals(200_000 & 0xFF, m.gpa.read8(0x90011));
        assertEquals(-200_000 & 0xFFFF, m.gpa.read16(0x90013));
        assertEquals(200_000, m.gpa.read32(0x9003E));
        assertEquals(400_000, m.gpa.read32(0x90020));
        assertEquals(200_000, m.gpa.read32(0x90024));
    }

    @Test
    void aSpinlockGuardsPlainWrites() throws InterruptedException {
        String source = """
                mov ecx, 50000
                mov edi, 0x90000
                1: mov al, 1
                xchg [rdi], al
                test al, al
                jz 2f
                pause
                jmp 1b
                2: inc dword ptr [rdi+8]
                mov byte ptr [rdi], 0
                dec ecx
                jnz 1b
                """;
        run(source, source);
        assertEquals(100_000, m.gpa.read32(0x90008));
    }

    @Test
    void storesAreSeenInTheirOrder() throws InterruptedException {
        m.w64(0x90000, 200_000);
        m.w64(0x90040, 200_000);
        List<VpState> s = run("""
                mov edi, 0x90000
                mov ecx, 200000
                1: mov [rdi], rcx
                mov [rdi+64], rcx
                dec rcx
                jnz 1b
                mov qword ptr [rdi+128], 1
                """, """
                mov edi, 0x90000
                1: mov rax, [rdi+64]
                mov rdx, [rdi]
                cmp rdx, rax
                setg cl
                movzx ecx, cl
                add rbx, rcx
                cmp qword ptr [rdi+128], 1
                jne 1b
                """);
        // The first word is always written first, and counts down.
        assertEquals(0, s.get(1).gpr[RBX], "later stores seen first");
    }

    @Test
    void codeChangedByAnotherProcessorIsSeen() throws InterruptedException {
        m.gpa.write(0x110000, GnuAs.assemble(64, "mov eax, 0; ret"));
        run("""
                mov ecx, 1
                1: mov [0x110001], ecx
                2: cmp [0x90000], ecx
                jne 2b
                inc ecx
                cmp ecx, 200
                jne 1b
                """, """
                mov edi, 0x110000
                1: call rdi
                mov [0x90000], eax
                cmp eax, 199
                jne 1b
                """);
        assertEquals(199, m.gpa.read32(0x90000));
    }
}
