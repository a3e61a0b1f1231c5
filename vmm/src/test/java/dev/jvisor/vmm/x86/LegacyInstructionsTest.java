package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.math.BigInteger;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What no 64-bit host can judge: instructions that exist in 16- and 32-bit code only; and division, against exact arithmetic. */
class LegacyInstructionsTest {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    private static final int CF = 1, AF = 16, ZF = 64, SF = 128;

    private final TestMachine m = new TestMachine();

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    private VpState run32(String source) {
        return m.run(TestMachine.flat32(), GnuAs.assemble(32, source + "\nhlt"));
    }

    private VpState run16(String source) {
        return m.run(TestMachine.real16(), GnuAs.assemble(16, source + "\nhlt"));
    }

    @Test
    void decimalAdjustments() {
        // 79 + 35 = 114; 35 - 47 = 88 with a borrow (Intel SDM vol 2A, DAA and DAS).
        VpState s = run32("mov al,0x79; add al,0x35; daa");
        assertEquals(0x14, s.gpr[RAX]);
        assertEquals(CF | AF, s.rflags & (CF | AF | ZF | SF));
        s = run32("mov al,0x35; sub al,0x47; das");
        assertEquals(0x88, s.gpr[RAX]);
        assertEquals(CF | AF | SF, s.rflags & (CF | AF | ZF | SF));
        s = run32("mov ax,0x0208; add al,7; aaa");
        assertEquals(0x305, s.gpr[RAX]);
        assertEquals(CF | AF, s.rflags & (CF | AF));
        s = run32("mov ax,0x0203; sub al,7; aas");
        assertEquals(0x106, s.gpr[RAX]);
        s = run32("mov al,63; aam");
        assertEquals(0x603, s.gpr[RAX]);
        s = run32("mov ax,0x0603; aad");
        assertEquals(63, s.gpr[RAX]);
    }

    @Test
    void undocumentedSalcSpreadsTheCarry() {
        assertEquals(0x12FF, run32("mov eax,0x1234; stc; .byte 0xD6").gpr[RAX]);
        assertEquals(0x1200, run16("mov ax,0x1234; clc; .byte 0xD6").gpr[RAX]);
    }

    @Test
    void pushAllAndPopAll() {
        VpState s = run32("""
                mov eax,1; mov ecx,2; mov edx,3; mov ebx,4; mov ebp,6; mov esi,7; mov edi,8
                pusha
                mov eax,[esp+12]
                mov [0x90000],eax
                xor eax,eax; xor ecx,ecx; xor edx,edx; xor ebx,ebx; xor ebp,ebp; xor esi,esi; xor edi,edi
                popa
                """);
        for (int k : new int[] {RAX, RCX, RDX, RBX}) {
            assertEquals(k + 1, s.gpr[k]);
        }
        assertEquals(6, s.gpr[RBP]);
        assertEquals(7, s.gpr[RSI]);
        assertEquals(8, s.gpr[RDI]);
        assertEquals(TestMachine.STACK, s.gpr[RSP]);
        assertEquals(TestMachine.STACK, m.gpa.read32(0x90000));
    }

    @Test
    void popAllThatRunsIntoTheEndOfItsStackChangedWhatItHadPopped() {
        long handler = TestMachine.CODE + 0x800;
        m.gate32(12, handler);
        m.gpa.write(handler, GnuAs.assemble(32, "hlt"));
        VpState s = TestMachine.flat32();
        // The fourth word, at FFFFh, is cut in two; the stack goes on at 0.
        s.seg[VpState.SS] = new SegmentState(16, 0x80000, 0xFFFF, 0x93);
        for (int r = 0; r < 8; r++) {
            s.gpr[r] = 0x1111 * r;
        }
        s.gpr[RSP] = 0xFFF9;
        VpState after = m.run(s, GnuAs.assemble(32, "popaw\nhlt"));
        for (int r = 0; r < 8; r++) {
            if (r != RSP) {
                assertEquals(s.gpr[r], after.gpr[r], "register " + r);
            }
        }
    }

    @Test
    void shortIncrementsAndSixteenBitAddresses() {
        VpState s = run32("mov eax,0xFFFFFFFF; inc eax; mov ecx,5; dec ecx; dec cx; mov ebx,0x12340010; mov word ptr [bx+si+2],7; mov dx,[0x12]");
        assertEquals(0, s.gpr[RAX]);
        assertEquals(3, s.gpr[RCX]);
        assertEquals(7, s.gpr[RDX]);
    }

    @Test
    void boundChecksBothEnds() {
        long handler = TestMachine.CODE + 0x800;
        m.gate32(5, handler);
        m.gpa.write(handler, GnuAs.assemble(32, "pop esi; hlt"));
        VpState s = run32("mov dword ptr [0x90000],-2; mov dword ptr [0x90004],5; mov eax,-2; bound eax,[0x90000]; mov eax,5; bound eax,[0x90000]; mov eax,6; bound eax,[0x90000]");
        assertEquals(6, s.gpr[RAX]);
        assertEquals(TestMachine.CODE + 47, s.gpr[RSI]);
    }

    @Test
    void stringsWrapAtSixtyFourKilobytesInRealMode() {
        VpState s = run16("mov ax,0x3000; mov es,ax; mov al,0x5A; mov di,0xFFFC; mov cx,8; rep stosb");
        assertEquals(4, s.gpr[RDI]);
        assertEquals(0, s.gpr[RCX]);
        assertEquals(0x5A5A5A5A, m.gpa.read32(0x3FFFC));
        assertEquals(0x5A5A5A5A, m.gpa.read32(0x30000));
        assertEquals(0, m.gpa.read8(0x40000));
    }

    @Test
    void realModeStackWrapsAndKeepsTheUpperHalf() {
        VpState s = run16("mov esp,0x00050002; push 0x1111; push 0x2222; pop ax; pop bx");
        assertEquals(0x50002, s.gpr[RSP]);
        assertEquals(0x2222, s.gpr[RAX]);
        assertEquals(0x1111, s.gpr[RBX] & 0xFFFF);
        assertEquals(0x2222, m.gpa.read16(0x2FFFE));
    }

    @Test
    void wideFrameOnANarrowStackKeepsTheUpperHalf() {
        VpState s = run16("mov esp, 0x18000; mov ebp, 0x55555555; .byte 0x66, 0xC8, 0x10, 0, 1; mov ax, ss; mov es, ax; mov ebx, es:[0x7ff8]");
        assertEquals(0x17FFC, s.gpr[5]);
        assertEquals(0x17FE8, s.gpr[4]);
        assertEquals(0x17FFC, s.gpr[3], "the frame pointer is pushed whole");
    }

    @Test
    void thirtyTwoBitOperandsInSixteenBitCode() {
        VpState s = run16("mov eax,0x12345678; mov ebx,0x10; mov dword ptr [ebx+4],eax; mov cx,[0x16]; push eax; pop edx");
        assertEquals(0x12345678, m.gpa.read32(0x20014));
        assertEquals(0x1234, s.gpr[RCX]);
        assertEquals(0x12345678, s.gpr[RDX]);
    }

    @Test
    void divisionOf128BitsIsExact() {
        long seed = Long.getLong("jvisor.seed", 20261122L);
        System.out.println("LegacyInstructionsTest seed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        byte[] unsigned = GnuAs.assemble(64, "div rcx; hlt");
        byte[] signed = GnuAs.assemble(64, "idiv rcx; hlt");
        BigInteger word = BigInteger.ONE.shiftLeft(64);
        for (int k = 0; k < 2000; k++) {
            VpState s = TestMachine.long64();
            BigInteger divisor = new BigInteger(64, new Random(random.nextLong())).shiftRight(random.nextInt(63)).setBit(0);
            BigInteger quotient = new BigInteger(63, new Random(random.nextLong())).shiftRight(random.nextInt(63));
            BigInteger remainder = new BigInteger(64, new Random(random.nextLong())).mod(divisor);
            boolean minus = k % 2 == 1;
            if (minus) {
                divisor = divisor.mod(BigInteger.ONE.shiftLeft(63)).setBit(0);
                remainder = remainder.mod(divisor);
            }
            BigInteger dividend = divisor.multiply(quotient).add(remainder);
            BigInteger expectedQuotient = quotient;
            BigInteger expectedRemainder = remainder;
            if (minus) {
                dividend = dividend.negate();
                expectedQuotient = quotient.negate();
                expectedRemainder = remainder.negate();
            }
            s.gpr[RAX] = dividend.longValue();
            s.gpr[RDX] = dividend.shiftRight(64).longValue();
            s.gpr[RCX] = divisor.longValue();
            VpState out = m.run(s, minus ? signed : unsigned);
            assertEquals(expectedQuotient.mod(word).longValue(), out.gpr[RAX], dividend + " / " + divisor);
            assertEquals(expectedRemainder.mod(word).longValue(), out.gpr[RDX], dividend + " % " + divisor);
        }
    }
}
