package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.VpState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What running beside the real processor once found wrong, a test each; further ones, where they belong to a feature, are in
 * {@link AvxEngineTest}, {@link FaultAtomicityTest} and {@link SystemEngineTest}.
 */
class DifferencesFoundTest {
    private static final int RAX = 0, RCX = 1, RDX = 2, RSP = 4;
    private static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, STACK_FAULT = 64, PENDING = 0x8080;
    private static final int C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000;
    private static final int FLAGS = 0xFF | 0x8000;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    /** Runs x87 code after FNINIT, with some constants at RBX. */
    private VpState x87(String source) {
        long[] constants = {
            1, // [rbx]: a float and a double that are denormal
            0xBFFF_FFFF_FFFF_FFFFL, 0x7FFE, // 8: a huge extended number
            0x8000_0000_0000_0000L, 0x0001, // 24: the smallest normal extended number
            0x8000_0000_0000_0000L, 0xC03E, // 40: -2^63
            0x4000_0000_0000_0000L, 0, // 56: an extended denormal
        };
        for (int k = 0; k < constants.length; k++) {
            m.w64(TestMachine.DATA + 8 * k, constants[k]);
        }
        return m.runAvx("mov ebx, 0x90000\nfninit\n" + source);
    }

    private static String eight(String instruction) {
        return (instruction + "\n").repeat(8);
    }

    /** Sets C0, C1, C2 and C3. */
    private static final String ALL_CONDITIONS = """
            fnstenv [rsp - 64]
            or word ptr [rsp - 60], 0x4700
            fldenv [rsp - 64]
            """;

    @Test
    void pushWithBoth66AndRexWPushedTwoBytes() {
        VpState s = m.run64("mov rax, 0x1122334455667788\n.byte 0x66, 0x48, 0x50");
        assertEquals(TestMachine.STACK - 8, s.gpr[RSP]);
        assertEquals(0x1122334455667788L, m.gpa.read64(s.gpr[RSP]));
    }

    @Test
    void failedCompareExchangeOf32BitRegistersClearedTheUpperHalfOfTheDestination() {
        VpState s = m.run64("mov rcx, 0x1122334455667788\nmov eax, 5\ncmpxchg ecx, edx");
        assertEquals(0x1122334455667788L, s.gpr[RCX]);
        assertEquals(0x55667788, s.gpr[RAX]);
    }

    @Test
    void exchangeWithR8AfterF3WasTakenForPause() {
        VpState s = m.run64("mov eax, 1\nmov r8d, 2\n.byte 0xF3, 0x41, 0x90");
        assertEquals(2, s.gpr[RAX]);
        assertEquals(1, s.gpr[8]);
    }

    @Test
    void sseOperandThatIsNeitherAlignedNorAnAddressWasGpOnTheStackToo() {
        for (int v : new int[] {12, 13}) {
            m.gate(v, TestMachine.CODE + 0x800 + 16 * v);
            m.gpa.write(TestMachine.CODE + 0x800 + 16 * v, GnuAs.assemble(64, "mov edx, " + v + "\nhlt"));
        }
        String address = "mov rbp, 0x1000000000000001\nmov rsi, rbp\n";
        assertEquals(12, m.run64(address + "addps xmm0, [rbp]").gpr[RDX]);
        assertEquals(13, m.run64(address + "addps xmm0, [rsi]").gpr[RDX]);
    }

    @Test
    void conditionalMovesAndComparisonsToFlagsClearedC1() {
        assertEquals(C1, x87("fld1\nfld1\n" + ALL_CONDITIONS + "fcomi st, st(1)").fsw & C1);
        assertEquals(C1, x87("fld1\nfld1\n" + ALL_CONDITIONS + "fcmove st, st(1)").fsw & C1);
        assertEquals(IE | STACK_FAULT, x87("fld1\n" + ALL_CONDITIONS + "fcomi st, st(1)").fsw & (FLAGS | C1), "but a stack fault does");
    }

    @Test
    void ffreeLeftC1() {
        assertEquals(0, x87("fld1\n" + ALL_CONDITIONS + "ffree st(0)").fsw & C1);
    }

    @Test
    void d9d8FaultedOnAnEmptyRegister() {
        VpState s = x87("fldz\nfstp st(0)\n.byte 0xD9, 0xDB");
        assertEquals(0, s.fsw & FLAGS);
        assertEquals(0, s.ftw);
    }

    @Test
    void denormalThatNoRegisterIsFreeForWasCounted() {
        assertEquals(IE | STACK_FAULT | C1, x87(eight("fldz") + "fld dword ptr [rbx]").fsw & (FLAGS | C1));
    }

    @Test
    void denormalDividedByZeroWasCounted() {
        assertEquals(ZE, x87("fldz\nfdivr dword ptr [rbx]").fsw & FLAGS);
        assertEquals(DE, x87("fld1\nfmul dword ptr [rbx]").fsw & FLAGS);
    }

    @Test
    void emptyRegisterOnAnOtherwiseFullStackWasAnOverflow() {
        for (String i : new String[] {"fxtract", "fptan", "fsincos"}) {
            assertEquals(IE | STACK_FAULT, x87(eight("fld1") + "ffree st(0)\n" + i).fsw & (FLAGS | C1), i);
            assertEquals(IE | STACK_FAULT | C1, x87(eight("fld1") + i).fsw & (FLAGS | C1), i);
        }
    }

    @Test
    void remainderWithoutAQuotientClearedC0AndC3() {
        assertEquals(C0 | C3, x87("fldz\nfld1\n" + ALL_CONDITIONS + "fprem").fsw & (C0 | C1 | C2 | C3), "1 by 0");
    }

    @Test
    void unmaskedExceptionsFoundEarlyWereJoinedByThoseOfAResultThatIsNotThere() {
        // FCW 37D: denormals are not masked. The sum would be inexact.
        String unmask = "mov word ptr [rsp - 8], 0x37D\nfldcw [rsp - 8]\n";
        VpState s = x87(unmask + "fld1\nfadd qword ptr [rbx]");
        assertEquals(DE | PENDING, s.fsw & (FLAGS | C1));
        assertEquals(0x3FFF, s.x87Exponent[7], "nor is anything stored");
    }

    @Test
    void storeThatIsRefusedSetC1() {
        // FCW B6F: underflow is not masked, rounding upwards. The float would be rounded to a denormal.
        String unmask = "mov word ptr [rsp - 8], 0xB6F\nfldcw [rsp - 8]\n";
        m.w64(TestMachine.DATA + 0x100, 0x5A5A5A5A);
        VpState s = x87(unmask + "fld tbyte ptr [rbx + 24]\nfst dword ptr [rbx + 0x100]");
        assertEquals(UE | PENDING, s.fsw & (FLAGS | C1));
        assertEquals(0x5A5A5A5A, m.gpa.read32(TestMachine.DATA + 0x100));
    }

    @Test
    void packedDecimalOfTheMostNegativeIntegerWasStored() {
        VpState s = x87("fld tbyte ptr [rbx + 40]\nfbstp [rbx + 0x100]");
        assertEquals(IE, s.fsw & FLAGS);
        assertEquals(0xC000000000000000L, m.gpa.read64(TestMachine.DATA + 0x100));
        assertEquals(0xFFFF, m.gpa.read16(TestMachine.DATA + 0x108));
    }

    @Test
    void scaleSoFarThatTheWrappedExponentCannotSayItWasWrapped() {
        String unmask = "mov word ptr [rsp - 8], 0x367\nfldcw [rsp - 8]\n";
        VpState s = x87(unmask + "push 0x10000\nfild dword ptr [rsp]\nfld tbyte ptr [rbx + 8]\nfscale");
        assertEquals(OE | PE | PENDING | C1, s.fsw & (FLAGS | C1));
        assertEquals(0x7FFF, s.x87Exponent[6]);
        s = x87(unmask + "push -0x10000\nfild dword ptr [rsp]\nfld tbyte ptr [rbx + 24]\nfscale");
        assertEquals(UE | PE | PENDING, s.fsw & (FLAGS | C1));
        assertEquals(0, s.x87Mantissa[6]);
    }

    @Test
    void conversionToMmxFaultedOnItsOperandBeforeWhatWaitsInTheX87() {
        for (int v : new int[] {14, 16}) {
            m.gate(v, TestMachine.CODE + 0x800 + 16 * v);
            m.gpa.write(TestMachine.CODE + 0x800 + 16 * v, GnuAs.assemble(64, "mov edx, " + v + "\nhlt"));
        }
        m.w64(TestMachine.PT + 8 * 0x91, 0);
        VpState s = x87("mov word ptr [rsp - 8], 0x37B\nfldcw [rsp - 8]\nfld1\nfldz\nfdivp\ncvtps2pi mm0, [rbx + 0x1000]");
        assertEquals(16, s.gpr[RDX]);
    }
}
