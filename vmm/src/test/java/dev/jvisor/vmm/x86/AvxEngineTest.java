package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VEX prefixes in all modes, what control registers do to them, the upper halves of YMM registers, faults in the middle. */
class AvxEngineTest {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSI = 6, RDI = 7;
    private static final long HANDLER = TestMachine.CODE + 0x800;
    private static final int UD = 6, NM = 7, GP = 13, PF = 14;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
        // RBX: the vector; RDX: the RIP of the frame.
        for (int v : new int[] {UD, NM, GP, PF}) {
            m.gate(v, HANDLER + 0x40 * v);
            String error = v == GP || v == PF ? "pop rdi;" : "";
            m.gpa.write(HANDLER + 0x40 * v, GnuAs.assemble(64, error + "mov ebx, " + v + "; pop rdx; hlt"));
        }
    }

    private VpState run(VpState s, int... code) {
        byte[] b = new byte[code.length + 1];
        for (int k = 0; k < code.length; k++) {
            b[k] = (byte) code[k];
        }
        b[code.length] = (byte) 0xF4;
        return m.run(s, b);
    }

    private void assertVector(int vector, VpState s) {
        assertEquals(vector, s.gpr[RBX]);
        assertEquals(TestMachine.CODE, s.gpr[RDX]);
    }

    private static long[] ymm(VpState s, int n) {
        return Arrays.copyOfRange(s.ymm, 4 * n, 4 * n + 4);
    }

    // ---- prefixes and modes

    @Test
    void prefixesBeforeVexAreUndefined() {
        // VADDPS XMM0,XMM1,XMM2; after 67 and after a segment override it still is one.
        int[] vaddps = {0xC5, 0xF0, 0x58, 0xC2};
        for (int prefix : new int[] {0x66, 0xF2, 0xF3, 0xF0, 0x40, 0x48}) {
            assertVector(UD, run(TestMachine.avx64(), prefix, vaddps[0], vaddps[1], vaddps[2], vaddps[3]));
        }
        for (int prefix : new int[] {0x67, 0x2E, 0x65}) {
            assertEquals(0, run(TestMachine.avx64(), prefix, vaddps[0], vaddps[1], vaddps[2], vaddps[3]).gpr[RBX]);
        }
        // A REX that does not stand last counts for nothing.
        assertEquals(0, run(TestMachine.avx64(), 0x48, 0x65, vaddps[0], vaddps[1], vaddps[2], vaddps[3]).gpr[RBX]);
    }

    @Test
    void mapsAboveThreeAreUndefined() {
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE4, 0x70, 0x58, 0xC2));
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE0, 0x70, 0x58, 0xC2));
    }

    @Test
    void inProtectedModeVexIsTheFormOfLdsThatHasNoMemory() {
        VpState s = TestMachine.flat32();
        s.cr4 = 0x40600;
        s.xcr0 = 7;
        Arrays.fill(s.ymm, 0x3F8000003F800000L);
        // VADDPS YMM0,YMM1,YMM2
        VpState after = run(s, 0xC5, 0xF4, 0x58, 0xC2);
        assertArrayEquals(new long[] {0x4000000040000000L, 0x4000000040000000L, 0x4000000040000000L, 0x4000000040000000L}, ymm(after, 0));
        // LDS EAX,[ESI] loads a pointer still.
        s = TestMachine.flat32();
        s.gpr[RSI] = TestMachine.DATA;
        m.w64(TestMachine.DATA, 0x0010_1234_5678L);
        assertEquals(0x12345678, run(s, 0xC5, 0x06).gpr[RAX]);
    }

    @Test
    void registersEightToFifteenAreOutOfReachOutside64BitMode() {
        VpState s = TestMachine.flat32();
        s.cr4 = 0x40600;
        s.xcr0 = 7;
        s.ymm[4] = 5;
        s.ymm[8 * 4 + 4] = 7;
        // VPADDQ XMM0,XMM9,XMM1 in 64-bit mode: bit 3 of vvvv means nothing here. Registers 1 and 1.
        assertEquals(10, ymm(run(s, 0xC4, 0xE1, 0x31, 0xD4, 0xC1), 0)[0]);
        // VPBLENDVB XMM0,XMM0,XMM1,XMM9: nor does bit 7 of the immediate.
        s.ymm[4] = -1L;
        assertEquals(-1L, ymm(run(s, 0xC4, 0xE3, 0x79, 0x4C, 0xC1, 0x90), 0)[0]);
        // VZEROALL leaves what cannot be named.
        Arrays.fill(s.ymm, 9);
        VpState after = run(s, 0xC5, 0xFC, 0x77);
        assertArrayEquals(new long[4], ymm(after, 7));
        assertArrayEquals(new long[] {9, 9, 9, 9}, ymm(after, 8));
    }

    @Test
    void vexIsUndefinedInRealMode() {
        // The vector's entry at 0:18h leads to 2000:0100.
        m.w64(6 * 4, 0x2000_0100L);
        m.gpa.write(0x20100, GnuAs.assemble(16, "mov bx, 6; hlt"));
        VpState s = TestMachine.real16();
        s.cr4 = 0x40600;
        s.xcr0 = 7;
        assertEquals(6, run(s, 0xC5, 0xF0, 0x58, 0xC2).gpr[RBX] & 0xFFFF);
        assertEquals(6, run(s, 0xC4, 0xE2, 0x70, 0xF2, 0xC2).gpr[RBX] & 0xFFFF, "ANDN");
    }

    // ---- control registers

    @Test
    void controlRegistersGateAvx() {
        int[] vaddps = {0xC5, 0xF0, 0x58, 0xC2};
        VpState s = TestMachine.avx64();
        s.xcr0 = 3;
        assertVector(UD, run(s, vaddps));
        s = TestMachine.avx64();
        s.cr4 &= ~(1 << 18);
        assertVector(UD, run(s, vaddps));
        // CR0.TS gives #NM, but not before what is undefined anyhow.
        s = TestMachine.avx64();
        s.cr0 |= 8;
        assertVector(NM, run(s, vaddps));
        s.xcr0 = 1;
        assertVector(UD, run(s, vaddps));
        // CR0.EM is no matter, nor is CR4.OSFXSR.
        s = TestMachine.avx64();
        s.cr0 |= 4;
        s.cr4 &= ~0x200;
        assertEquals(0, run(s, vaddps).gpr[RBX]);
    }

    @Test
    void bitInstructionsBehindVexNeedNoState() {
        VpState s = TestMachine.long64();
        s.cr0 |= 8;
        s.gpr[RCX] = 0xF0;
        s.gpr[RDX] = 0xFF;
        // ANDN EAX,ECX,EDX
        assertEquals(0x0F, run(s, 0xC4, 0xE2, 0x70, 0xF2, 0xC2).gpr[RAX]);
    }

    @Test
    void blockThatEnablesStateSeesItAtOnce() {
        VpState s = TestMachine.avx64();
        s.xcr0 = 1;
        s = m.run(s, GnuAs.assemble(64, "xor ecx, ecx; xor edx, edx; mov eax, 7; xsetbv; vpcmpeqd ymm1, ymm1, ymm1; vmovmskps eax, ymm1; hlt"));
        assertEquals(0, s.gpr[RBX]);
        assertEquals(0xFF, s.gpr[RAX]);
    }

    // ---- upper halves

    @Test
    void legacyInstructionsKeepUpperHalvesAndVexClearsThem() {
        VpState s = m.runAvx("""
                vpcmpeqd ymm1, ymm1, ymm1
                vmovdqa ymm2, ymm1
                vmovdqa ymm3, ymm1
                pxor xmm1, xmm1
                vpxor xmm2, xmm2, xmm2
                movd xmm3, eax
                vmovdqa ymm4, ymm3
                vmovd xmm4, eax
                """);
        assertArrayEquals(new long[] {0, 0, -1, -1}, ymm(s, 1));
        assertArrayEquals(new long[4], ymm(s, 2));
        assertArrayEquals(new long[] {0, 0, -1, -1}, ymm(s, 3));
        assertArrayEquals(new long[4], ymm(s, 4));
    }

    @Test
    void vzeroupperAndVzeroallReachAllSixteen() {
        VpState start = TestMachine.avx64();
        Arrays.fill(start.ymm, 3);
        VpState s = m.run(start, GnuAs.assemble(64, "vzeroupper; hlt"));
        for (int k = 0; k < 16; k++) {
            assertArrayEquals(new long[] {3, 3, 0, 0}, ymm(s, k));
        }
        assertArrayEquals(new long[64], m.run(start, GnuAs.assemble(64, "vzeroall; hlt")).ymm);
    }

    @Test
    void xgetbvTellsWhatIsInUse() {
        VpState s = m.runAvx("""
                mov ecx, 1
                vzeroall
                xgetbv
                mov esi, eax
                vpcmpeqd ymm1, ymm1, ymm1
                xgetbv
                mov edi, eax
                vzeroupper
                xgetbv
                """);
        assertEquals(0, s.gpr[RSI] & 6);
        assertEquals(6, s.gpr[RDI] & 6);
        assertEquals(2, s.gpr[RAX] & 6);
    }

    @Test
    void sizeOfTheXsaveAreaFollowsXcr0() {
        VpState s = m.runAvx("mov eax, 13; xor ecx, ecx; cpuid; mov esi, ebx; mov edi, ecx; mov eax, 13; mov ecx, 2; cpuid");
        assertEquals(832, s.gpr[RSI]);
        assertEquals(832, s.gpr[RDI]);
        assertEquals(256, s.gpr[RAX]);
        assertEquals(576, s.gpr[RBX]);
        VpState start = TestMachine.avx64();
        start.xcr0 = 3;
        s = m.run(start, GnuAs.assemble(64, "mov eax, 13; xor ecx, ecx; cpuid; mov esi, ebx; mov eax, 13; mov ecx, 1; cpuid; hlt"));
        assertEquals(576, s.gpr[RSI]);
        assertEquals(576, s.gpr[RBX]);
        assertEquals(7, s.gpr[RAX], "XSAVEOPT, XSAVEC, XGETBV1");
    }

    // ---- memory

    private void unmap(long page) {
        m.w64(TestMachine.PT + 8 * (page >> 12), 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"xsave", "xsavec", "xsaveopt", "xrstor"})
    void upperHalvesOfAnXsaveAreaWereTakenBeyondTheLimitOfTheirSegment(String instruction) {
        m.gate32(GP, HANDLER);
        m.gpa.write(HANDLER, GnuAs.assemble(32, "mov ebx, 1; hlt"));
        for (int[] k : new int[][] {{7, 830, 1}, {7, 831, 0}, {3, 575, 0}, {3, 574, 1}}) {
            VpState s = TestMachine.flat32();
            s.cr4 = 1 << 18 | 1 << 9;
            s.xcr0 = 7;
            s.seg[VpState.DS] = new SegmentState(16, TestMachine.DATA, k[1], 0x4093);
            s.gpr[RAX] = k[0];
            assertEquals(k[2], m.run(s, GnuAs.assemble(32, instruction + " [0]; hlt")).gpr[RBX], "mask " + k[0] + ", limit " + k[1]);
        }
    }

    @Test
    void vexOperandsNeedNotBeAligned() {
        for (int k = 0; k < 8; k++) {
            m.w64(TestMachine.DATA + 1 + 8 * k, 0x0101010101010101L * (k + 1));
        }
        VpState s = m.runAvx("mov esi, 0x90001; vpaddb ymm1, ymm1, [rsi]; vmovups [rsi+64], ymm1; vaddps ymm2, ymm2, [rsi+9]; vmovdqu ymm3, [rsi+64]");
        assertEquals(0, s.gpr[RBX]);
        assertArrayEquals(new long[] {0x0101010101010101L, 0x0202020202020202L, 0x0303030303030303L, 0x0404040404040404L}, ymm(s, 3));
        for (String aligned : new String[] {"vmovaps ymm1, [rsi]", "vmovdqa xmm1, [rsi]", "vmovapd [rsi], ymm1", "vmovntdqa ymm1, [rsi]",
            "vmovntps [rsi], xmm1", "vmovdqa ymm1, [rsi+15]"}) {
            assertEquals(GP, m.runAvx("mov esi, 0x90001; " + aligned).gpr[RBX], aligned);
        }
        assertEquals(GP, m.runAvx("mov esi, 0x90010; vmovaps ymm1, [rsi]").gpr[RBX], "16 is not 32");
    }

    @Test
    void storeAcrossPagesIsAllOrNothing() {
        unmap(0x91000);
        m.w64(0x90FF0, 0x77);
        VpState s = m.runAvx("vpcmpeqd ymm1, ymm1, ymm1; mov esi, 0x90ff0; vmovdqu [rsi], ymm1");
        assertEquals(PF, s.gpr[RBX]);
        assertEquals(0x91000, s.cr2);
        assertEquals(0x77, m.gpa.read64(0x90FF0));
    }

    @Test
    void maskedMovesDoNotTouchWhatTheirMaskLeavesOut() {
        unmap(0x91000);
        for (int k = 0; k < 4; k++) {
            m.w64(0x90FE8 + 8 * k - 8, k + 1);
        }
        VpState s = m.runAvx("""
                vpcmpeqd ymm1, ymm1, ymm1
                vextracti128 xmm2, ymm1, 0
                mov esi, 0x90ff0
                vmaskmovpd ymm3, ymm2, [rsi]
                vpmaskmovd [rsi-16], ymm2, ymm1
                """);
        assertEquals(0, s.gpr[RBX]);
        assertArrayEquals(new long[] {3, 4, 0, 0}, ymm(s, 3));
        assertEquals(-1L, m.gpa.read64(0x90FE0));
        assertEquals(-1L, m.gpa.read64(0x90FE8));
        assertEquals(3, m.gpa.read64(0x90FF0), "left out");
        // All are wanted: the fault is that of the first element on the missing page, and nothing was stored.
        s = m.runAvx("vpcmpeqd ymm1, ymm1, ymm1; mov esi, 0x90ff0; vpmaskmovq [rsi], ymm1, ymm1");
        assertEquals(PF, s.gpr[RBX]);
        assertEquals(0x91000, s.cr2);
        assertEquals(3, m.gpa.read64(0x90FF0));
    }

    @Test
    void gatherThatFaultsGoesOnWhereItStopped() {
        for (int k = 0; k < 16; k++) {
            m.w64(TestMachine.DATA + 8 * k, 100 + k);
        }
        unmap(0x91000);
        m.w64(0x91000, 777);
        // The handler maps the page, notes the mask as it stands, and returns.
        m.gpa.write(HANDLER + 0x40 * PF, GnuAs.assemble(64, """
                vmovdqa [0x92000], ymm2
                vmovdqa [0x92020], ymm0
                mov rax, 0x91007
                mov [0x13488], rax
                inc ebx
                add rsp, 8
                iretq
                """));
        m.w64(TestMachine.DATA + 0x100, 0);
        m.w64(TestMachine.DATA + 0x108, 3);
        m.w64(TestMachine.DATA + 0x110, 0x200);
        m.w64(TestMachine.DATA + 0x118, 5);
        VpState s = m.runAvx("""
                xor ebx, ebx
                mov esi, 0x90000
                vmovdqu ymm1, [rsi+0x100]
                vpcmpeqd ymm2, ymm2, ymm2
                vpgatherqq ymm0, [rsi+ymm1*8], ymm2
                """);
        assertEquals(1, s.gpr[RBX], "faults");
        assertArrayEquals(new long[] {100, 103, 777, 105}, ymm(s, 0));
        assertArrayEquals(new long[4], ymm(s, 2));
        assertEquals(0, m.gpa.read64(0x92000), "mask of what was loaded before the fault");
        assertEquals(0, m.gpa.read64(0x92008));
        assertEquals(-1L, m.gpa.read64(0x92010));
        assertEquals(103, m.gpa.read64(0x92028));
    }

    @Test
    void gatherWantsThreeDifferentRegisters() {
        // VPGATHERDD XMM1,[RSI+XMM1],XMM2; XMM1,[RSI+XMM2],XMM1; XMM1,[RSI+XMM2],XMM2
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE2, 0x69, 0x90, 0x0C, 0x0E));
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE2, 0x71, 0x90, 0x0C, 0x16));
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE2, 0x69, 0x90, 0x0C, 0x16));
        // Without a SIB byte there is no index.
        assertVector(UD, run(TestMachine.avx64(), 0xC4, 0xE2, 0x69, 0x90, 0x0E));
    }

    @Test
    void limitsOfSegmentsCountForEachElementOfAMaskedMove() {
        VpState s = TestMachine.flat32();
        s.cr4 = 0x40600;
        s.xcr0 = 7;
        s.seg[VpState.DS] = new SegmentState(16, TestMachine.DATA, 0x0F, 0x4093);
        m.w64(TestMachine.DATA + 8, 0x1234);
        // VMASKMOVPD YMM3,YMM2,[ESI]: bytes 8 to 15 are the last in the segment.
        s.gpr[RSI] = 8;
        s.ymm[8] = -1L;
        VpState after = run(s, 0xC4, 0xE2, 0x6D, 0x2D, 0x1E);
        assertArrayEquals(new long[] {0x1234, 0, 0, 0}, ymm(after, 3));
    }

    @Test
    void blockAbortOfAStoreIntoItsOwnPageRunsItAlone() {
        VpState s = m.runAvx("""
                vpcmpeqd ymm1, ymm1, ymm1
                lea rsi, [rip + 1f]
                vmovdqu [rsi], ymm1
                vmovdqu ymm2, [rsi]
                jmp 2f
                .balign 64
                1: .skip 64
                2:
                """);
        assertArrayEquals(new long[] {-1, -1, -1, -1}, ymm(s, 2));
    }

    // ---- exceptions

    @Test
    void pageFaultOfAConversionStoreLeavesMxcsr() {
        unmap(0x91000);
        m.w64(TestMachine.DATA, 0x0000000100000001L);
        VpState s = m.runAvx("mov esi, 0x90000; vmovq xmm1, [rsi]; mov esi, 0x91000; vcvtps2ph [rsi], xmm1, 0");
        assertEquals(PF, s.gpr[RBX]);
        assertEquals(0x1F80, s.mxcsr);
    }

    @Test
    void unmaskedExceptionOfOneLaneChangesNeither() {
        m.gate(19, HANDLER + 0x600);
        m.gpa.write(HANDLER + 0x600, GnuAs.assemble(64, "mov ebx, 19; hlt"));
        VpState start = TestMachine.avx64();
        start.mxcsr = 0x1F80 & ~0x200;
        Arrays.fill(start.ymm, 4, 8, Double.doubleToRawLongBits(1));
        start.ymm[8 + 3] = Double.doubleToRawLongBits(0);
        Arrays.fill(start.ymm, 8, 11, Double.doubleToRawLongBits(2));
        Arrays.fill(start.ymm, 0, 4, 5);
        VpState s = m.run(start, GnuAs.assemble(64, "vdivpd ymm0, ymm1, ymm2; hlt"));
        assertEquals(19, s.gpr[RBX]);
        assertArrayEquals(new long[] {5, 5, 5, 5}, ymm(s, 0));
        assertEquals(4, s.mxcsr & 63);
    }

    @Test
    void unmaskedExceptionOfAConversionToMmxTakesOverTheX87AllTheSame() {
        m.gate(19, HANDLER + 0x600);
        m.gpa.write(HANDLER + 0x600, GnuAs.assemble(64, "mov ebx, 19; hlt"));
        for (String convert : new String[] {"cvtps2pi mm0, xmm1", "cvttpd2pi mm0, xmm1", "cvtpd2pi mm0, xmm1"}) {
            VpState start = TestMachine.avx64();
            start.mxcsr = 0;
            start.ftw = 0x81;
            start.fsw = 3 << 11;
            start.ymm[4] = 0x7FF7_FFFF_7F80_1111L;
            VpState s = m.run(start, GnuAs.assemble(64, convert + "; hlt"));
            assertEquals(19, s.gpr[RBX], convert);
            assertEquals(0, s.fsw, convert);
            assertEquals(0xFF, s.ftw, convert);
            assertEquals(0, s.x87Mantissa[0], convert);
        }
    }

    @Test
    void stepsOfADotProductAreTakenByBothLanesTogether() {
        m.gate(19, HANDLER + 0x600);
        m.gpa.write(HANDLER + 0x600, GnuAs.assemble(64, "mov ebx, 19; hlt"));
        VpState start = TestMachine.avx64();
        start.mxcsr = 0x500;
        // The lower lane underflows, the upper one multiplies infinity by zero: found before any result is.
        start.ymm[4] = 0x0080_0000L;
        start.ymm[8] = 0x0080_0000L;
        start.ymm[6] = 0x7F80_0000L;
        VpState s = m.run(start, GnuAs.assemble(64, "vdpps ymm0, ymm1, ymm2, 0xff; hlt"));
        assertEquals(19, s.gpr[RBX]);
        assertEquals(1, s.mxcsr & 63);
    }
}
