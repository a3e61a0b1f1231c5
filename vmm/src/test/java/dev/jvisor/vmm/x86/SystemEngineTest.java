package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole system programs, as machine code through decoder and engine: changes of mode, user mode and back, debugging, virtual-8086 mode. */
class SystemEngineTest {
    private static final long BASE = 0x50000;
    private static final long TSS = 0x22000;
    private static final long TRAPPED = 0x23000;

    private static final String TO_LONG_MODE = """
            .macro gate vector, handler, type=0x8E00
            mov edi, \\vector
            lea rsi, [rip + \\handler]
            mov edx, \\type
            call set_gate
            .endm

            .macro syscalls entry, mask
            mov ecx, 0xC0000081
            xor eax, eax
            mov edx, 0x001B0008
            wrmsr
            inc ecx
            lea rax, [rip + \\entry]
            xor edx, edx
            wrmsr
            mov ecx, 0xC0000084
            mov eax, \\mask
            wrmsr
            .endm

            start:
            cli
            mov ax, cs
            mov ds, ax
            lgdt [gdtr - start]
            mov eax, cr0
            or al, 1
            mov cr0, eax
            .byte 0x66, 0xEA
            .long pm - start + 0x50000
            .word 0x18
            gdtr: .word 0xFF
            .long 0x20000
            idtr: .word 0xFFF
            .quad 0x21000

            .code32
            pm:
            mov ax, 0x10
            mov ds, ax
            mov ss, ax
            mov es, ax
            mov esp, 0x80000
            mov eax, 0x6A0
            mov cr4, eax
            mov eax, 0x10000
            mov cr3, eax
            mov ecx, 0xC0000080
            rdmsr
            or eax, 0x901
            wrmsr
            mov eax, cr0
            or eax, 0x80010000
            mov cr0, eax
            .byte 0xEA
            .long lm - start + 0x50000
            .word 0x08

            .code64
            set_gate:
            shl edi, 4
            add edi, 0x21000
            mov [rdi], si
            mov word ptr [rdi + 2], 8
            mov [rdi + 4], dx
            shr rsi, 16
            mov [rdi + 6], si
            mov qword ptr [rdi + 8], 0
            ret

            lm:
            lidt [rip + idtr]
            mov ax, 0x30
            ltr ax
            """;

    private static final String ENTER_USER = """
            push 0x23
            push 0x70000
            push 0x202
            push 0x2B
            lea rax, [rip + user]
            push rax
            iretq
            """;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
        m.w64(TestMachine.GDT + 0x20, 0x00CFF3000000FFFFL);
        m.w64(TestMachine.GDT + 0x28, 0x00AFFB000000FFFFL);
        m.w64(TestMachine.GDT + 0x30, 0x0000890000000067L | TSS << 16);
        m.w64(TestMachine.GDT + 0x38, 0);
        m.w64(TSS + 4, 0x7F000);
    }

    private VpState boot(String source) {
        VpState s = TestMachine.real16();
        s.seg[VpState.CS] = new SegmentState((int) BASE >> 4, BASE, 0xFFFF, 0x9B);
        return m.run(s, GnuAs.assemble(16, source));
    }

    @Test
    void realModeToUserModeAndAllWaysIntoTheKernel() {
        m.w64(TestMachine.PT + 8 * 0x60, 0);
        VpState s = boot(TO_LONG_MODE + """
                syscalls syscall_entry, 0x700
                gate 0x80, int80, 0xEE00
                gate 14, pagefault
                gate 6, undefined
                """ + ENTER_USER + """
                user:
                mov edi, 'u'
                syscall
                mov edi, 'i'
                int 0x80
                mov byte ptr [0x60000], 'f'
                movzx edi, byte ptr [0x60000]
                syscall
                mov edi, cs
                and edi, 3
                add edi, '0'
                syscall
                ud2

                syscall_entry:
                mov eax, edi
                out 0xE9, al
                sysretq

                int80:
                mov eax, edi
                out 0xE9, al
                iretq

                pagefault:
                push rax
                mov al, 'P'
                out 0xE9, al
                mov qword ptr [0x13000 + 0x60 * 8], 0x60007
                mov rax, cr2
                invlpg [rax]
                pop rax
                add rsp, 8
                iretq

                undefined:
                mov al, 'U'
                out 0xE9, al
                mov rax, [rsp]
                movzx eax, word ptr [rax]
                mov rbx, [rsp + 8]
                mov rcx, [rsp + 24]
                hlt
                """);
        assertEquals("uiPf3U", m.output.toString());
        // UD2 at the saved RIP, from user mode, with the user's stack.
        assertEquals(0x0B0F, s.gpr[0]);
        assertEquals(0x2B, s.gpr[3]);
        assertEquals(0x70000, s.gpr[1]);
        assertEquals(0x7F000 - 40, s.gpr[4]);
    }

    @Test
    void trapFlagStepsThroughUserCode() {
        boot(TO_LONG_MODE + """
                gate 1, step
                push 0x23
                push 0x70000
                push 0x102
                push 0x2B
                lea rax, [rip + user]
                push rax
                iretq

                user:
                xor eax, eax
                mov ecx, 2
                1: dec ecx
                jnz 1b
                nop
                nop

                step:
                push rax
                mov rax, dr6
                shr eax, 14
                and al, 1
                add al, '0'
                out 0xE9, al
                mov eax, 0xFFFF0FF0
                mov dr6, rax
                pop rax
                inc r8d
                cmp r8d, 7
                je 1f
                iretq
                1: hlt
                """);
        assertEquals("1111111", m.output.toString());
    }

    @Test
    void singleStepByBranchesStoppedAfterEveryInstruction() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, step
                mov ecx, 0x1D9
                xor edx, edx
                mov eax, 2
                wrmsr
                mov edi, 0x90000
                mov ecx, 3
                xor ebx, ebx
                pushfq
                or dword ptr [rsp], 0x100
                popfq
                inc ebx
                rep stosb
                cmp ebx, 5
                je 1f
                inc ebx
                jmp 2f
                1: hlt
                2: inc ebx
                inc ebx

                step:
                lea rsi, [rip + 2b]
                sub rsi, [rsp]
                inc r8d
                mov ecx, 0x1D9
                rdmsr
                cmp r8d, 2
                je 1f
                iretq
                1: hlt
                """);
        assertEquals(3, s.gpr[3], "INC twice before the jump, and once more after the first trap, which cleared BTF");
        assertEquals(-2, s.gpr[6], "the second trap is that of the INC at the jump's target");
        assertEquals(0, s.gpr[0], "IA32_DEBUGCTL");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 0x100})
    void stepOverSyscallThatLeavesTheTrapFlagEndedAnInstructionTooLate(int mask) {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, step
                syscalls syscall_entry, %d
                xor esi, esi
                pushfq
                or dword ptr [rsp], 0x100
                popfq
                syscall

                syscall_entry:
                inc esi
                inc esi
                hlt

                step:
                or esi, 0x100
                hlt
                """.formatted(mask));
        assertEquals(mask == 0 ? 0x100 : 2, s.gpr[6]);
    }

    @Test
    void stepsInsideARepeatedStringArePushedWithTheResumeFlag() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, step
                mov ecx, 3
                mov edi, 0x90000
                pushfq
                or qword ptr [rsp], 0x100
                popfq
                rep stosb
                nop
                hlt

                step:
                mov rax, [rsp + 16]
                shr eax, 16
                and al, 1
                add al, '0'
                out 0xE9, al
                inc r8d
                cmp r8d, 4
                je 1f
                iretq
                1: hlt
                """);
        assertEquals("1100", m.output.toString(), "after two elements; after the last; after NOP");
        assertEquals(0, s.gpr[1]);
    }

    @Test
    void breakpointAtARepeatedStringStopsOnceAlthoughAnInterruptComesBetweenItsElements() {
        m.interrupts.getFirst().vector.set(0x40);
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                gate 0x40, interrupt
                lea rax, [rip + target]
                mov dr0, rax
                mov eax, 0x401
                mov dr7, rax
                mov ecx, 5
                mov edi, 0x90000
                target:
                rep stosb
                xor eax, eax
                mov dr7, rax
                hlt

                debug:
                mov al, 'b'
                out 0xE9, al
                or dword ptr [rsp + 16], 0x10200
                iretq

                interrupt:
                mov al, 'i'
                out 0xE9, al
                iretq
                """);
        assertEquals("bi", m.output.toString());
        assertEquals(0x90005, s.gpr[7]);
    }

    @Test
    void breakpointRegistersStopAtInstructionsAndData() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                lea rax, [rip + target]
                mov dr0, rax
                mov eax, 0x90000
                mov dr1, rax
                mov eax, 0x000D0000
                shl eax, 4
                or eax, 0x5
                mov dr7, rax
                mov rbx, [0x90000]
                mov [0x90008], rbx
                mov [0x90002], bl
                nop
                target:
                nop
                xor eax, eax
                mov dr7, rax
                hlt

                debug:
                mov rax, dr6
                and eax, 15
                add eax, '0'
                out 0xE9, al
                xor eax, eax
                mov dr6, rax
                or dword ptr [rsp + 16], 0x10000
                iretq
                """);
        assertEquals("21", m.output.toString());
        assertEquals(0x400, s.dr7);
    }

    @Test
    void breakpointBitsOfDr6TellOfTheLastOneOnly() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                lea rax, [rip + target]
                mov dr2, rax
                mov eax, 0x4003
                mov dr6, rax
                mov eax, 0x420
                mov dr7, rax
                target:
                nop
                hlt

                debug:
                mov rbx, dr6
                or dword ptr [rsp + 16], 0x10000
                iretq
                """);
        assertEquals(0xFFFF4FF4L, s.gpr[3], "breakpoint 2; BS stays until software clears it");
    }

    @Test
    void generalDetectIsAFaultThatPushedTheResumeFlagClear() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, detected
                mov eax, 0x2400
                mov dr7, rax
                access:
                mov rcx, dr3
                hlt

                detected:
                mov rbx, dr6
                mov rdx, dr7
                lea rsi, [rip + access]
                sub rsi, [rsp]
                mov rdi, [rsp + 16]
                iretq
                """);
        assertEquals(0xFFFF2FF0L, s.gpr[3]);
        assertEquals(0x400, s.gpr[2], "DR7 lets the handler at the registers");
        assertEquals(0, s.gpr[6], "the access comes again");
        assertEquals(0x10000, s.gpr[7] & 0x10000, "RF");
    }

    @Test
    void watchpointHeldOffByALoadOfSsComesWithTheIntOneAfterIt() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                mov dword ptr [0x90000], 0x10
                mov eax, 0x90000
                mov dr1, rax
                mov eax, 0x00F00408
                mov dr7, rax
                xor ecx, ecx
                mov ss, [0x90000]
                .byte 0xF1
                hlt

                debug:
                mov rbx, dr6
                inc ecx
                iretq
                """);
        assertEquals(1, s.gpr[1], "one exception for both");
        assertEquals(0xFFFF0FF2L, s.gpr[3]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0x7FFF8", "0x20010"})
    void watchpointHitByTheProcessorItselfWasMissed(String watched) {
        // The word of SS on the stack that INT 3 pushes on; the data segment's descriptor, which MOV to DS reads.
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                gate 3, breakpoint
                mov esp, 0x80000
                mov eax, 0x10
                mov ecx, %s
                mov dr1, rcx
                mov ecx, 0x00F00408
                mov dr7, rcx
                xor ecx, ecx
                mov ds, eax
                after:
                int3

                breakpoint:
                nop
                hlt

                debug:
                mov rdx, [rsp]
                mov rbx, dr6
                lea rsi, [rip + after]
                lea rdi, [rip + breakpoint]
                hlt
                """.formatted(watched));
        assertEquals(0xFFFF0FF2L, s.gpr[3]);
        assertEquals(watched.equals("0x20010") ? s.gpr[6] : s.gpr[7], s.gpr[2], "return address");
    }

    @Test
    void breakpointAfterALoadOfSsDoesNotStop() {
        VpState s = boot(TO_LONG_MODE + """
                gate 1, debug
                lea rax, [rip + target]
                mov dr0, rax
                mov eax, 0x401
                mov dr7, rax
                mov ebx, 0x10
                mov ecx, '1'
                mov ss, ebx
                target:
                nop
                lea rax, [rip + second]
                mov dr0, rax
                mov ecx, '2'
                cli
                sti
                second:
                nop
                hlt

                debug:
                mov al, cl
                out 0xE9, al
                cli
                xor eax, eax
                mov dr7, rax
                iretq
                """);
        assertEquals("2", m.output.toString(), "held off after MOV SS, not after STI");
    }

    /** Puts a 32-bit TSS of flat segments, with its trap bit set, and the descriptors of both tasks. */
    private void taskThatTraps(long entry) {
        m.w64(TestMachine.GDT + 0x30, 0x0000890000000067L | TSS << 16);
        m.w64(TestMachine.GDT + 0x38, 0x0000890000000067L | TRAPPED << 16);
        m.w64(TRAPPED + 0x20, 2L << 32 | entry);
        m.w64(TRAPPED + 0x38, 0x70000);
        for (int k = 0; k < 6; k++) {
            m.w64(TRAPPED + 0x48 + 4 * k, k == 1 ? 24 : 16);
        }
        m.w64(TRAPPED + 0x64, 0x0068_0001);
        m.gpa.write(entry, GnuAs.assemble(32, "inc esi; inc esi; hlt"));
        long handler = TestMachine.CODE + 0x800;
        m.gate32(1, handler);
        m.gpa.write(handler, GnuAs.assemble(32, "mov edx, [esp]; mov eax, dr6; hlt"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"call 0x38:0", "jmp 0x38:0", "int 0x21", "mov ebp, ss; mov ss, ebp; jmp 0x38:0"})
    void trapBitOfATaskStoppedAfterItsFirstInstruction(String way) {
        long entry = TestMachine.CODE + 0x400;
        taskThatTraps(entry);
        m.w64(TestMachine.IDT + 8 * 0x21, 0x38L << 16 | 0x8500L << 32);
        VpState end = m.run(TestMachine.flat32(), GnuAs.assemble(32, "mov ax, 0x30; ltr ax; " + way));
        assertEquals(entry, end.gpr[2], "return address");
        assertEquals(0, end.gpr[6], "instructions of the new task executed");
        assertEquals(0xFFFF8FF0L, end.gpr[0], "DR6: task switch");
    }

    @Test
    void virtual8086CodeIsInterruptedAndResumed() {
        VpState s = TestMachine.flat32();
        s.gdtLimit = 0xFF;
        m.w64(TestMachine.GDT + 0x30, 0x0000890000000067L | TSS << 16);
        m.w64(TSS + 4, 0x0000_0010_0007_F000L);
        // INT 21h by an interrupt gate of DPL 3 in the 32-bit code segment.
        VpState end = m.run(s, GnuAs.assemble(32, """
                mov ax, 0x30
                ltr ax
                call 1f
                1: pop ebx
                lea eax, [ebx + handler - 1b]
                mov word ptr [0x21000 + 0x21 * 8], ax
                mov word ptr [0x21000 + 0x21 * 8 + 2], 0x18
                mov word ptr [0x21000 + 0x21 * 8 + 4], 0xEE00
                shr eax, 16
                mov word ptr [0x21000 + 0x21 * 8 + 6], ax
                mov dword ptr [0x30000], 0x21CD41B0
                mov dword ptr [0x30004], 0x21CD42B0
                push 0
                push 0
                push 0x4000
                push 0x4000
                push 0x3800
                push 0x1000
                push 0x23002
                push 0x3000
                push 0
                iretd

                handler:
                out 0xE9, al
                inc esi
                mov edx, [esp + 8]
                mov edi, [esp + 24]
                mov cx, ds
                cmp esi, 2
                je 1f
                iretd
                1: hlt
                """));
        assertEquals("AB", m.output.toString());
        assertTrue((end.gpr[2] & 0x20000) != 0);
        assertEquals(0, end.gpr[1] & 0xFFFF);
        // DS as the interrupted code had it.
        assertEquals(0x4000, end.gpr[7]);
    }
}
