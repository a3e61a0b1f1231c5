package dev.jvisor.vmm.x86.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.jvisor.vmm.x86.cpu.Cpu;
import dev.jvisor.vmm.x86.cpu.GuestFault;
import dev.jvisor.vmm.x86.cpu.Uop;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** FXSAVE, XSAVE and their relatives, and the conditions under which SIMD instructions fault. */
class StateOpsTest {
    private static final int AREA = 0x2000;
    private static final ValueLayout.OfLong LE64 = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final SoftwareRun run = new SoftwareRun();
    private final Cpu c = run.cpu;

    @BeforeEach
    void fill() {
        Random random = new Random(7);
        for (int k = 0; k < 32; k++) {
            c.xmm[k] = random.nextLong();
            c.ymmHigh[k] = random.nextLong();
        }
        for (int k = 0; k < 8; k++) {
            c.fpMant[k] = random.nextLong();
            c.fpExp[k] = random.nextInt(0x10000);
        }
        c.fcw = 0x27F;
        c.fsw = 0x4100;
        c.fpTop = 5;
        c.fpUsed = 0xE0;
        c.fop = 0x123;
        c.fip = 0x1122334455667788L;
        c.fdp = 0x99AABBCCDDEEFF00L;
        c.mxcsr = 0x1FA0;
        c.r[Cpu.RSI] = AREA;
        c.r[Cpu.RAX] = -1;
        c.r[Cpu.RDX] = -1;
    }

    /** Executes with ModRM naming (RSI) and the given extension. */
    private void group(int op, int ext, boolean wide) {
        byte modrm = (byte) (ext << 3 | 6);
        exec(wide ? new byte[] {0x48, 0x0F, (byte) op, modrm} : new byte[] {0x0F, (byte) op, modrm});
    }

    private void exec(byte... code) {
        for (Uop u : SoftwareRun.translate(code)) {
            u.exec(c);
        }
    }

    private void assertFault(int vector, Runnable r) {
        assertThrows(GuestFault.class, r::run);
        assertEquals(vector, c.faultVector);
    }

    private long[] state() {
        long[] s = new long[90];
        System.arraycopy(c.xmm, 0, s, 0, 32);
        System.arraycopy(c.ymmHigh, 0, s, 32, 32);
        System.arraycopy(c.fpMant, 0, s, 64, 8);
        for (int k = 0; k < 8; k++) {
            s[72 + k] = c.fpExp[k];
        }
        long[] rest = {c.fcw, c.fsw, c.fpTop, c.fpUsed, c.fop, c.fip, c.fdp, c.mxcsr};
        System.arraycopy(rest, 0, s, 80, rest.length);
        return s;
    }

    private void scramble() {
        for (int k = 0; k < 32; k++) {
            c.xmm[k] = ~c.xmm[k];
            c.ymmHigh[k] = ~c.ymmHigh[k];
        }
        for (int k = 0; k < 8; k++) {
            c.fpMant[k] = 1;
            c.fpExp[k] = 2;
        }
        c.fcw = 0x37F;
        c.fsw = 0;
        c.fpTop = 1;
        c.fpUsed = 3;
        c.fop = 0;
        c.fip = 0;
        c.fdp = 0;
        c.mxcsr = 0x1F80;
    }

    @Test
    void fxsaveImageHasTheArchitecturesLayout() {
        group(0xAE, 0, true);
        MemorySegment m = run.ram.asSlice(AREA, 512);
        assertEquals(0x27F, m.get(LE16, 0));
        assertEquals(0x4100 | 5 << 11, m.get(LE16, 2) & 0xFFFF);
        assertEquals((byte) 0xE0, m.get(ValueLayout.JAVA_BYTE, 4));
        assertEquals(0x123, m.get(LE16, 6));
        assertEquals(c.fip, m.get(LE64, 8));
        assertEquals(c.fdp, m.get(LE64, 16));
        assertEquals(0x1FA0, m.get(LE32, 24));
        assertEquals(0xFFFF, m.get(LE32, 28));
        assertEquals(c.fpMant[5], m.get(LE64, 32), "ST0 is the physical register that TOP names");
        assertEquals(c.fpExp[4], m.get(LE16, 32 + 7 * 16 + 8) & 0xFFFF);
        assertEquals(c.xmm[31], m.get(LE64, 160 + 31 * 8));
    }

    @Test
    void fxrstorBringsBackWhatFxsaveSaved() {
        long[] before = state();
        group(0xAE, 0, true);
        long[] high = c.ymmHigh.clone();
        scramble();
        System.arraycopy(high, 0, c.ymmHigh, 0, 32);
        group(0xAE, 1, true);
        assertArrayEquals(before, state());
    }

    @Test
    void xrstorBringsBackWhatEachKindOfXsaveSaved() {
        for (int[] save : new int[][] {{0xAE, 4}, {0xAE, 6}, {0xC7, 4}}) {
            fill();
            long[] before = state();
            run.ram.asSlice(AREA, 1024).fill((byte) 0);
            group(save[0], save[1], true);
            assertEquals(7, run.ram.get(LE64, AREA + 512));
            scramble();
            group(0xAE, 5, true);
            assertArrayEquals(before, state());
        }
    }

    @Test
    void xrstorInitializesWhatTheImageDoesNotHold() {
        run.ram.asSlice(AREA, 1024).fill((byte) 0);
        run.ram.set(LE32, AREA + 24, 0x1F81);
        group(0xAE, 5, false);
        assertEquals(0, c.xmm[3]);
        assertEquals(0, c.ymmHigh[5]);
        assertEquals(0x37F, c.fcw);
        assertEquals(0, c.fpUsed);
        assertEquals(0x1F81, c.mxcsr, "the standard format always loads MXCSR");
    }

    @Test
    void xrstorOfOneComponentLeavesTheOthers() {
        run.ram.asSlice(AREA, 1024).fill((byte) 0);
        long[] before = state();
        c.r[Cpu.RAX] = 4;
        c.r[Cpu.RDX] = 0;
        group(0xAE, 5, true);
        long[] after = state();
        for (int k = 0; k < before.length - 10; k++) {
            assertEquals(k >= 32 && k < 64 ? 0 : before[k], after[k], "k=" + k);
        }
    }

    @Test
    void xsaveoptDoesNotClaimInitialComponents() {
        run.ram.asSlice(AREA, 1024).fill((byte) 0);
        java.util.Arrays.fill(c.ymmHigh, 0);
        group(0xAE, 6, true);
        assertEquals(3, run.ram.get(LE64, AREA + 512));
    }

    @Test
    void xrstorRefusesBadHeaders() {
        run.ram.asSlice(AREA, 1024).fill((byte) 0);
        run.ram.set(LE64, AREA + 512, 8);
        assertFault(Cpu.GP, () -> group(0xAE, 5, true));
        run.ram.set(LE64, AREA + 512, 0);
        run.ram.set(LE64, AREA + 520, 1);
        assertFault(Cpu.GP, () -> group(0xAE, 5, true));
        run.ram.set(LE64, AREA + 520, 0);
        run.ram.set(LE32, AREA + 24, 0x10000);
        assertFault(Cpu.GP, () -> group(0xAE, 5, true));
    }

    @Test
    void misalignedAreasFault() {
        c.r[Cpu.RSI] = AREA + 8;
        assertFault(Cpu.GP, () -> group(0xAE, 0, true));
        c.r[Cpu.RSI] = AREA + 16;
        group(0xAE, 0, true);
        assertFault(Cpu.GP, () -> group(0xAE, 4, true));
    }

    @Test
    void mxcsrIsLoadedStoredAndChecked() {
        run.ram.set(LE32, AREA, 0x9FC0);
        group(0xAE, 2, false);
        assertEquals(0x9FC0, c.mxcsr);
        c.r[Cpu.RSI] = AREA + 2;
        group(0xAE, 3, false);
        assertEquals(0x9FC0, run.ram.get(LE32, AREA + 2));
        run.ram.set(LE32, AREA + 2, 0x1_0000);
        assertFault(Cpu.GP, () -> group(0xAE, 2, false));
        assertEquals(0x9FC0, c.mxcsr);
    }

    @Test
    void controlRegistersGateInstructions() {
        byte[] pxor = {0x66, 0x0F, (byte) 0xEF, (byte) 0xC1};
        byte[] paddMmx = {0x0F, (byte) 0xFC, (byte) 0xC1};
        c.cr0 |= Cpu.CR0_TS;
        assertFault(Cpu.NM, () -> exec(pxor));
        assertFault(Cpu.NM, () -> exec(paddMmx));
        assertFault(Cpu.NM, () -> group(0xAE, 0, true));
        c.cr0 |= Cpu.CR0_EM;
        assertFault(Cpu.UD, () -> exec(pxor));
        assertFault(Cpu.UD, () -> exec(paddMmx));
        c.cr0 = Cpu.CR0_PE | Cpu.CR0_NE;
        c.cr4 &= ~Cpu.CR4_OSFXSR;
        assertFault(Cpu.UD, () -> exec(pxor));
        exec(paddMmx);
        c.fsw = 0x8081;
        c.fcw = 0x37E;
        assertFault(Cpu.MF, () -> exec(paddMmx));
    }

    @Test
    void mmxInstructionsTakeOverTheX87AndEmmsGivesItBack() {
        exec((byte) 0x0F, (byte) 0xFC, (byte) 0xC1);
        assertEquals(0, c.fpTop);
        assertEquals(0xFF, c.fpUsed);
        assertEquals(0xFFFF, c.fpExp[0]);
        exec((byte) 0x0F, (byte) 0x77);
        assertEquals(0, c.fpUsed);
    }

    @Test
    void storeThatRunsIntoUnmappedPagesChangesNothing() {
        // 32-bit paging: linear page 1 is mapped writable, page 2 read-only.
        run.ram.set(LE32, 0x4000, 0x5000 | 7);
        run.ram.set(LE32, 0x5000 + 4, 0x1000 | 7);
        run.ram.set(LE32, 0x5000 + 8, 0x2000 | 5);
        c.cr3 = 0x4000;
        c.cr0 |= Cpu.CR0_PG | Cpu.CR0_WP;
        run.ram.set(LE64, 0x1FF8, 0x5555555555555555L);
        c.r[Cpu.RSI] = 0x1FF8;
        // MOVUPS (RSI),XMM0
        assertFault(Cpu.PF, () -> exec((byte) 0x0F, (byte) 0x11, (byte) 0x06));
        assertEquals(0x2000, c.faultAddress);
        assertEquals(0x5555555555555555L, run.ram.get(LE64, 0x1FF8));
        // MOVUPS XMM1,(RSI) may.
        exec((byte) 0x0F, (byte) 0x10, (byte) 0x0E);
        assertEquals(0x5555555555555555L, c.xmm[2]);
    }

    @Test
    void segmentsApplyToMemoryOperands() {
        run.ram.set(LE64, AREA, 0x1234567890ABCDEFL);
        c.segBase[Cpu.FS] = 0x500;
        c.r[Cpu.RSI] = AREA - 0x500;
        // MOVUPS XMM1,FS:(RSI)
        exec((byte) 0x64, (byte) 0x0F, (byte) 0x10, (byte) 0x0E);
        assertEquals(0x1234567890ABCDEFL, c.xmm[2]);
        c.xmm[2] = 0;
        int segmented = 1 | Cpu.MODE_STACK32;
        c.mode = segmented;
        c.segBase[Cpu.DS] = 0x1000;
        c.segLimit[Cpu.DS] = 0x100F;
        c.segAttr[Cpu.DS] = 0xC093;
        c.r[Cpu.RSI] = 0xF_0000_1000L;
        Uop[] ops = SoftwareRun.translate(new byte[] {0x0F, 0x10, 0x0E}, segmented);
        for (Uop u : ops) {
            u.exec(c);
        }
        assertEquals(0x1234567890ABCDEFL, c.xmm[2]);
        c.r[Cpu.RSI]++;
        assertFault(Cpu.GP, () -> {
            for (Uop u : ops) {
                u.exec(c);
            }
        });
    }
}
