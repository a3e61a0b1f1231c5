package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.state.SegmentState;
import dev.jvisor.vmm.state.VpState;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * 32-bit, PAE and 4-level paging as code sees it (Intel SDM 3A, chapter 4): what is mapped, which accesses fault and with what error code,
 * accessed and dirty bits, large pages, WP, NX, SMEP and SMAP.
 *
 * <p>The low 2 MiB are mapped one to one, and the window of 4 KiB pages at 400000h as each test says; a large page may stand there too.
 */
class PagingModesTest {
    enum Mode {
        BITS32(4, 22), PAE(8, 21), LEVELS4(8, 21);

        /** Bytes of an entry. */
        final int entry;
        /** Log2 of a large page. */
        final int largeShift;

        Mode(int entry, int largeShift) {
            this.entry = entry;
            this.largeShift = largeShift;
        }
    }

    private static final int RAX = 0, RBX = 3, RDX = 2, RSI = 6;
    private static final int P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100;
    private static final long NX = 1L << 63;
    private static final long CR0_WP = 1 << 16, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21;
    private static final long EFER_NXE = 0x800;
    private static final int RFLAGS_AC = 1 << 18;

    private static final long ROOT = 0x30000;
    private static final long PD = 0x31000;
    private static final long LOW_PT = 0x32000;
    private static final long WINDOW_PT = 0x33000;
    private static final long PDPT = 0x34000;
    private static final long TSS = 0x35000;
    private static final long HANDLER = TestMachine.CODE + 0x800;
    private static final long WINDOW = 0x400000;
    private static final long FRAME = 0x300000;
    private static final int MARK = 0x5A17B0C4;
    /** {@link #access} came through. */
    private static final int NO_FAULT = -1;

    private final TestMachine m = new TestMachine();
    /** State left by the last {@link #access}. */
    private VpState last;

    @BeforeEach
    void needsAssembler() {
        assumeTrue(GnuAs.available(), "the GNU assembler is not installed");
    }

    // ---- tables

    private void put(Mode mode, long table, int index, long value) {
        if (mode.entry == 4) {
            m.gpa.write(table + 4L * index, new byte[] {(byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)});
        } else {
            m.w64(table + 8L * index, value);
        }
    }

    private static long directory(Mode mode) {
        return mode == Mode.BITS32 ? ROOT : PD;
    }

    private static int windowSlot(Mode mode) {
        return (int) (WINDOW >>> mode.largeShift);
    }

    /** Sets the tables up; the low memory gets {@code lowFlags}, the first page of the window {@code windowEntry}. */
    private void tables(Mode mode, int lowFlags, long windowEntry) {
        m.gpa.write(ROOT, new byte[0x5000]);
        switch (mode) {
            case BITS32 -> { }
            case PAE -> put(mode, ROOT, 0, PD | P);
            case LEVELS4 -> {
                put(mode, ROOT, 0, PDPT | P | W | U);
                put(mode, PDPT, 0, PD | P | W | U);
            }
        }
        put(mode, directory(mode), 0, LOW_PT | P | W | U);
        put(mode, directory(mode), windowSlot(mode), WINDOW_PT | P | W | U);
        for (int k = 0; k < 512; k++) {
            put(mode, LOW_PT, k, (long) k << 12 | lowFlags);
        }
        put(mode, WINDOW_PT, 0, windowEntry);
        m.gpa.write(FRAME, new byte[] {(byte) 0xC4, (byte) 0xB0, 0x17, 0x5A});
    }

    private int windowFlags(Mode mode) {
        return m.gpa.read32(WINDOW_PT) & 0xFFF;
    }

    private int directoryFlags(Mode mode) {
        return m.gpa.read32(directory(mode) + (long) mode.entry * windowSlot(mode)) & 0xFFF;
    }

    // ---- running

    private VpState state(Mode mode, boolean user) {
        VpState s;
        int dpl = user ? 3 : 0;
        if (mode == Mode.LEVELS4) {
            s = TestMachine.long64();
            s.seg[VpState.CS] = new SegmentState(user ? 0x33 : 8, 0, -1, 0xA09B | dpl << 5);
            s.tr = new SegmentState(0x40, TSS, 0x67, 0x8B);
            m.w64(TSS + 4, TestMachine.STACK);
        } else {
            s = TestMachine.flat32();
            s.seg[VpState.CS] = new SegmentState(user ? 0x2B : 24, 0, -1, 0xC09B | dpl << 5);
            s.tr = new SegmentState(0x40, TSS, 0x67, 0x8B);
            m.w64(TSS, TestMachine.STACK << 32);
            m.w64(TSS + 8, 16);
            s.cr4 = mode == Mode.PAE ? CR4_PAE : CR4_PSE;
            s.cr0 |= 1L << 31;
        }
        s.cr0 |= CR0_WP;
        s.cr3 = ROOT;
        if (user) {
            for (int k = 0; k < 6; k++) {
                if (k != VpState.CS) {
                    s.seg[k] = new SegmentState(0x3B, 0, -1, 0xC0F3);
                }
            }
            s.gpr[4] = TestMachine.STACK - 0x1000;
        }
        return s;
    }

    private byte[] assemble(Mode mode, String source) {
        return GnuAs.assemble(mode == Mode.LEVELS4 ? 64 : 32, source);
    }

    /**
     * Executes code and leaves the state in {@link #last}: with RAX the error code and RBX the address of a page fault.
     *
     * @return the error code, or {@link #NO_FAULT} when the code reached its end
     */
    private int access(Mode mode, VpState s, String source) {
        String a = mode == Mode.LEVELS4 ? "r" : "e";
        m.w64(TestMachine.GDT + 0x28, 0x00CFFB000000FFFFL);
        m.w64(TestMachine.GDT + 0x30, 0x00AFFB000000FFFFL);
        m.w64(TestMachine.GDT + 0x38, 0x00CFF3000000FFFFL);
        if (mode == Mode.LEVELS4) {
            m.gate(14, HANDLER);
            m.gate(13, HANDLER + 0x100);
        } else {
            for (int vector = 13; vector <= 14; vector++) {
                long at = HANDLER + (vector == 13 ? 0x100 : 0);
                m.gate32(vector, at);
            }
        }
        m.gpa.write(HANDLER, assemble(mode, "pop " + a + "ax; mov " + a + "bx, cr2; mov esi, 14; hlt"));
        // The HLT at the end of user code, and whatever else is refused.
        m.gpa.write(HANDLER + 0x100, assemble(mode, "mov esi, 13; pop " + a + "bx; pop " + a + "bx; hlt"));
        byte[] code = assemble(mode, source + "\nhlt");
        last = m.run(s, code);
        if (last.gpr[RSI] == 14) {
            return (int) last.gpr[RAX];
        }
        boolean user = (s.seg[VpState.CS].selector() & 3) == 3;
        if (last.gpr[RSI] == 13) {
            assertEquals(TestMachine.CODE + code.length - 1, last.gpr[RBX], "#GP somewhere else: " + HexFormat.of().formatHex(code));
        }
        assertEquals(user ? 13 : 0, last.gpr[RSI]);
        return NO_FAULT;
    }

    private int access(Mode mode, boolean user, String source) {
        return access(mode, state(mode, user), source);
    }

    private static final String READ = "mov edx, [0x400000]";
    private static final String WRITE = "mov dword ptr [0x400000], 7";
    private static final String FETCH = "mov edx, 0x400000; call rdx";

    private static String fetch(Mode mode) {
        return mode == Mode.LEVELS4 ? FETCH : FETCH.replace("rdx", "edx");
    }

    // ---- what is mapped, and the faults

    @ParameterizedTest
    @EnumSource
    void pagesAreFoundThroughTheTables(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        assertEquals(NO_FAULT, access(mode, false, READ));
        assertEquals(MARK, (int) last.gpr[RDX]);
        assertEquals(NO_FAULT, access(mode, true, READ));
        assertEquals(MARK, (int) last.gpr[RDX]);
        assertEquals(NO_FAULT, access(mode, true, WRITE));
        assertEquals(7, m.gpa.read32(FRAME));
    }

    @ParameterizedTest
    @EnumSource
    void pagesNotPresentFault(Mode mode) {
        tables(mode, P | W | U, FRAME | W | U);
        assertEquals(0, access(mode, false, READ));
        assertEquals(WINDOW, last.gpr[RBX]);
        assertEquals(2, access(mode, false, WRITE));
        assertEquals(4, access(mode, true, READ));
        assertEquals(6, access(mode, true, WRITE));
        assertEquals(2, access(mode, false, "inc dword ptr [0x400000]"), "a read-modify-write faults as a write");
        put(mode, directory(mode), windowSlot(mode), 0);
        assertEquals(0, access(mode, false, READ), "no table");
    }

    @ParameterizedTest
    @EnumSource
    void rightsAreThoseOfBothLevels(Mode mode) {
        for (boolean inTable : new boolean[] {true, false}) {
            tables(mode, P | W | U, FRAME | P | W | (inTable ? 0 : U));
            put(mode, directory(mode), windowSlot(mode), WINDOW_PT | P | W | (inTable ? U : 0));
            assertEquals(NO_FAULT, access(mode, false, READ));
            assertEquals(5, access(mode, true, READ));
            assertEquals(7, access(mode, true, WRITE));

            tables(mode, P | W | U, FRAME | P | U | (inTable ? 0 : W));
            put(mode, directory(mode), windowSlot(mode), WINDOW_PT | P | U | (inTable ? W : 0));
            assertEquals(NO_FAULT, access(mode, true, READ));
            assertEquals(7, access(mode, true, WRITE));
            assertEquals(3, access(mode, false, WRITE));
            assertEquals(MARK, m.gpa.read32(FRAME));
        }
    }

    @ParameterizedTest
    @EnumSource
    void withoutWriteProtectTheSupervisorWritesReadOnlyPages(Mode mode) {
        tables(mode, P | W | U, FRAME | P | U);
        VpState s = state(mode, false);
        s.cr0 &= ~CR0_WP;
        assertEquals(NO_FAULT, access(mode, s, WRITE));
        assertEquals(7, m.gpa.read32(FRAME));
        assertEquals(P | U | A | D, windowFlags(mode));
        s = state(mode, true);
        s.cr0 &= ~CR0_WP;
        assertEquals(7, access(mode, s, WRITE));
    }

    @ParameterizedTest
    @EnumSource
    void switchingWriteProtectOnTakesEffectAtOnce(Mode mode) {
        tables(mode, P | W | U, FRAME | P | U);
        VpState s = state(mode, false);
        s.cr0 &= ~CR0_WP;
        String wide = mode == Mode.LEVELS4 ? "rax" : "eax";
        assertEquals(3, access(mode, s, WRITE + "; mov " + wide + ", cr0; or eax, 0x10000; mov cr0, " + wide
                + "; mov dword ptr [0x400000], 8"));
        assertEquals(7, m.gpa.read32(FRAME));
    }

    @ParameterizedTest
    @EnumSource
    void anAccessAcrossPagesNamesThePageThatIsMissing(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        assertEquals(0, access(mode, false, "mov edx, [0x400ffe]"));
        assertEquals(WINDOW + 0x1000, last.gpr[RBX]);
        assertEquals(2, access(mode, false, "mov dword ptr [0x400ffe], -1"));
        assertEquals(WINDOW + 0x1000, last.gpr[RBX]);
        assertEquals(0, m.gpa.read16(FRAME + 0xFFE), "nothing was written to the first page");
    }

    // ---- accessed and dirty

    @ParameterizedTest
    @EnumSource
    void readsSetAccessedAndWritesSetDirty(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        access(mode, false, READ);
        assertEquals(P | W | U | A, windowFlags(mode));
        assertEquals(P | W | U | A, directoryFlags(mode), "a directory entry has no dirty bit");
        access(mode, false, WRITE);
        assertEquals(P | W | U | A | D, windowFlags(mode));
        assertEquals(P | W | U | A, directoryFlags(mode));
    }

    @ParameterizedTest
    @EnumSource
    void theFirstWriteAfterReadsSetsDirty(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        access(mode, false, READ + "; mov ecx, [0x33000]; " + READ + "; " + WRITE);
        assertEquals(P | W | U | A, (int) last.gpr[1] & 0xFFF);
        assertEquals(P | W | U | A | D, windowFlags(mode));
    }

    @ParameterizedTest
    @EnumSource
    void bitsThatTheGuestClearedAreSetAgainAfterInvlpg(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        access(mode, false, WRITE + "; and dword ptr [0x33000], ~0x60; invlpg [0x400000]; " + READ);
        assertEquals(P | W | U | A, windowFlags(mode));
        access(mode, false, "invlpg [0x400000]; " + WRITE);
        assertEquals(P | W | U | A | D, windowFlags(mode));
    }

    @ParameterizedTest
    @EnumSource
    void aWriteThatFaultsSetsNoDirtyBit(Mode mode) {
        tables(mode, P | W | U, FRAME | P | U);
        assertEquals(3, access(mode, false, WRITE));
        assertEquals(0, windowFlags(mode) & D);
    }

    // ---- translations that are kept

    @ParameterizedTest
    @EnumSource
    void invlpgAndCr3BringNewEntriesIntoEffect(Mode mode) {
        String wide = mode == Mode.LEVELS4 ? "rax" : "eax";
        for (String flush : new String[] {"invlpg [0x400010]", "mov " + wide + ", cr3; mov cr3, " + wide}) {
            tables(mode, P | W | U, FRAME | P | W | U);
            m.gpa.write(FRAME + 0x1000, new byte[] {0x11, 0x22, 0x33, 0x44});
            assertEquals(NO_FAULT, access(mode, false, READ + "; add dword ptr [0x33000], 0x1000; " + flush + "; " + READ));
            assertEquals(0x44332211, (int) last.gpr[RDX], flush);
        }
    }

    @ParameterizedTest
    @EnumSource
    void globalPagesGoWithInvlpgAndWithPge(Mode mode) {
        String wide = mode == Mode.LEVELS4 ? "rax" : "eax";
        for (String flush : new String[] {"invlpg [0x400010]",
                "mov " + wide + ", cr4; xor eax, 0x80; mov cr4, " + wide + "; xor eax, 0x80; mov cr4, " + wide}) {
            tables(mode, P | W | U, FRAME | P | W | U | G);
            m.gpa.write(FRAME + 0x1000, new byte[] {0x11, 0x22, 0x33, 0x44});
            VpState s = state(mode, false);
            s.cr4 |= CR4_PGE;
            assertEquals(NO_FAULT, access(mode, s, READ + "; add dword ptr [0x33000], 0x1000; " + flush + "; " + READ));
            assertEquals(0x44332211, (int) last.gpr[RDX], flush);
        }
    }

    // ---- large pages

    @ParameterizedTest
    @EnumSource
    void largePagesMapAllOfThemAndHaveTheirOwnBits(Mode mode) {
        tables(mode, P | W | U, 0);
        long size = 1L << mode.largeShift;
        long frame = 3 * size;
        put(mode, directory(mode), windowSlot(mode), frame | P | W | U | PS);
        m.w64(frame + size - 8, 0x8877665544332211L);
        assertEquals(NO_FAULT, access(mode, false, "mov edx, [" + (WINDOW + size - 8) + "]"));
        assertEquals(0x44332211, (int) last.gpr[RDX]);
        assertEquals(P | W | U | PS | A, directoryFlags(mode));
        assertEquals(NO_FAULT, access(mode, true, WRITE));
        assertEquals(7, m.gpa.read32(frame));
        assertEquals(P | W | U | PS | A | D, directoryFlags(mode));
    }

    @ParameterizedTest
    @EnumSource
    void largePagesHaveRights(Mode mode) {
        tables(mode, P | W | U, 0);
        put(mode, directory(mode), windowSlot(mode), 1L << mode.largeShift | P | PS);
        assertEquals(3, access(mode, false, WRITE));
        assertEquals(5, access(mode, true, READ));
        assertEquals(7, access(mode, true, WRITE));
        assertEquals(P | PS, directoryFlags(mode) & ~A);
    }

    @ParameterizedTest
    @EnumSource
    void invlpgAnywhereInALargePageForgetsAllOfIt(Mode mode) {
        tables(mode, P | W | U, 0);
        long size = 1L << mode.largeShift;
        put(mode, directory(mode), windowSlot(mode), 3 * size | P | W | U | PS);
        m.w64(3 * size, 0x11);
        m.w64(4 * size, 0x22);
        long entry = directory(mode) + (long) mode.entry * windowSlot(mode);
        assertEquals(NO_FAULT, access(mode, false, READ + "; add dword ptr [" + entry + "], " + size + "; invlpg [0x5ff000]; " + READ));
        assertEquals(0x22, last.gpr[RDX]);
    }

    @ParameterizedTest
    @EnumSource
    void reservedBitsFault(Mode mode) {
        tables(mode, P | W | U, 0);
        long reserved = mode == Mode.BITS32 ? 1 << 21 : 1 << 13;
        put(mode, directory(mode), windowSlot(mode), 3L << mode.largeShift | P | W | U | PS | reserved);
        assertEquals(9, access(mode, false, READ));
        assertEquals(0xB, access(mode, false, WRITE));
        assertEquals(0xD, access(mode, true, READ));
        if (mode != Mode.BITS32) {
            tables(mode, P | W | U, FRAME | P | W | U | 1L << 50);
            assertEquals(9, access(mode, false, READ), "beyond the physical address width");
            tables(mode, P | W | U, FRAME | P | W | U | 1L << 55);
            assertEquals(mode == Mode.PAE ? 9 : NO_FAULT, access(mode, false, READ), "bits 52 to 58: reserved in PAE, ignored in 4-level");
        }
    }

    @Test
    void withoutPseALargeEntryIsATable() {
        tables(Mode.BITS32, P | W | U, FRAME | P | W | U);
        put(Mode.BITS32, ROOT, windowSlot(Mode.BITS32), WINDOW_PT | P | W | U | PS);
        VpState s = state(Mode.BITS32, false);
        s.cr4 = 0;
        assertEquals(NO_FAULT, access(Mode.BITS32, s, READ));
        assertEquals(MARK, (int) last.gpr[RDX]);
    }

    @Test
    void pse36ReachesBeyondFourGigabytes() {
        tables(Mode.BITS32, P | W | U, 0);
        // Bits 13 to 19 are address bits 32 to 38; nothing is mapped there, so the read is all ones.
        put(Mode.BITS32, ROOT, windowSlot(Mode.BITS32), 1 << 13 | P | W | PS);
        assertEquals(NO_FAULT, access(Mode.BITS32, false, READ));
        assertEquals(-1, (int) last.gpr[RDX]);
        put(Mode.BITS32, ROOT, windowSlot(Mode.BITS32), P | W | PS);
        assertEquals(NO_FAULT, access(Mode.BITS32, false, "mov edx, [0x700000]"));
        assertEquals(MARK, (int) last.gpr[RDX]);
    }

    // ---- PDPTEs

    @Test
    void pse36AddressBitsBeyondThePhysicalWidthWereTaken() {
        tables(Mode.BITS32, P | W | U, 0);
        put(Mode.BITS32, ROOT, windowSlot(Mode.BITS32), 1 << 19 | P | W | PS);
        assertEquals(NO_FAULT, access(Mode.BITS32, false, READ), "address bit 38");
        put(Mode.BITS32, ROOT, windowSlot(Mode.BITS32), 1 << 20 | P | W | PS);
        assertEquals(9, access(Mode.BITS32, false, READ), "address bit 39: CPUID tells of 39 bits, 0 to 38");
    }

    @Test
    void pdptesAreReadWhenCr3Is() {
        tables(Mode.PAE, P | W | U, FRAME | P | W | U);
        put(Mode.PAE, ROOT, 1, PD | P);
        assertEquals(NO_FAULT, access(Mode.PAE, false, """
                mov dword ptr [0x30008], 0
                invlpg [0x40400000]
                mov edx, [0x40400000]
                """));
        assertEquals(MARK, (int) last.gpr[RDX]);
        put(Mode.PAE, ROOT, 1, PD | P);
        assertEquals(0, access(Mode.PAE, false, """
                mov dword ptr [0x30008], 0
                mov eax, cr3
                mov cr3, eax
                mov edx, [0x40400000]
                """));
        assertEquals(0x40400000, last.gpr[RBX]);
    }

    @Test
    void badPdptesRefuseCr3() {
        for (long bad : new long[] {2, 4, 0x20, 0x100, 1L << 50, 1L << 55, NX}) {
            tables(Mode.PAE, P | W | U, FRAME | P | W | U);
            m.w64(0x38000, PD | P);
            m.w64(0x38018, PD | P | bad);
            VpState s = state(Mode.PAE, false);
            byte[] code = GnuAs.assemble(32, "mov eax, 0x38000; mov cr3, eax; mov edx, 1; hlt");
            long at = HANDLER + 0x100;
            m.gate32(13, at);
            m.gpa.write(at, GnuAs.assemble(32, "pop ebx; mov esi, cr3; hlt"));
            VpState out = m.run(s, code);
            assertEquals(0, out.gpr[RDX], "bit " + Long.toHexString(bad) + " was taken");
            assertEquals(0, out.gpr[RBX]);
            assertEquals(ROOT, out.gpr[RSI]);
        }
    }

    // ---- execute-disable, SMEP, SMAP

    @ParameterizedTest
    @EnumSource(names = {"PAE", "LEVELS4"})
    void executeDisableStopsFetchesOnly(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U | NX);
        m.gpa.write(FRAME, new byte[] {(byte) 0xC3});
        for (boolean user : new boolean[] {false, true}) {
            VpState s = state(mode, user);
            s.efer |= EFER_NXE;
            assertEquals(NO_FAULT, access(mode, s, READ));
            assertEquals(user ? 0x15 : 0x11, access(mode, s, fetch(mode)));
            assertEquals(WINDOW, last.gpr[RBX]);
        }
        VpState off = state(mode, false);
        off.efer &= ~EFER_NXE;
        assertEquals(9, access(mode, off, READ), "without NXE bit 63 is reserved");
    }

    @ParameterizedTest
    @EnumSource
    void fetchesAreNamedOnlyWhereTheyCanBeForbidden(Mode mode) {
        tables(mode, P | W | U, 0);
        VpState s = state(mode, false);
        s.efer &= ~EFER_NXE;
        assertEquals(0, access(mode, s, fetch(mode)));
        tables(mode, P | W, 0);
        s.cr4 |= CR4_SMEP;
        assertEquals(0x10, access(mode, s, fetch(mode)));
    }

    @ParameterizedTest
    @EnumSource
    void smepKeepsTheSupervisorFromUserCode(Mode mode) {
        tables(mode, P | W, FRAME | P | W | U);
        m.gpa.write(FRAME, new byte[] {(byte) 0xC3});
        VpState s = state(mode, false);
        assertEquals(NO_FAULT, access(mode, s, fetch(mode)));
        s.cr4 |= CR4_SMEP;
        assertEquals(0x11, access(mode, s, fetch(mode)));
    }

    @ParameterizedTest
    @EnumSource
    void smapKeepsTheSupervisorFromUserDataUnlessAcIsSet(Mode mode) {
        tables(mode, P | W, FRAME | P | W | U);
        VpState s = state(mode, false);
        s.cr4 |= CR4_SMAP;
        assertEquals(1, access(mode, s, READ));
        assertEquals(3, access(mode, s, WRITE));
        s.rflags |= RFLAGS_AC;
        assertEquals(NO_FAULT, access(mode, s, READ));
        assertEquals(1, access(mode, s, READ + "; clac; " + READ));
    }

    // ---- on and off

    @ParameterizedTest
    @EnumSource(names = {"BITS32", "PAE"})
    void pagingGoesOnAndOff(Mode mode) {
        tables(mode, P | W | U, FRAME | P | W | U);
        m.gpa.write(WINDOW, new byte[] {0x11, 0x22, 0x33, 0x44});
        VpState s = TestMachine.flat32();
        s.tr = new SegmentState(0x40, TSS, 0x67, 0x8B);
        assertEquals(NO_FAULT, access(mode, s, """
                mov edi, [0x400000]
                mov eax, CR4
                mov cr4, eax
                mov eax, 0x30000
                mov cr3, eax
                mov eax, cr0
                or eax, 0x80000000
                mov cr0, eax
                mov edx, [0x400000]
                mov eax, cr0
                and eax, 0x7fffffff
                mov cr0, eax
                mov ecx, [0x400000]
                """.replace("CR4", mode == Mode.PAE ? "0x20" : "0x10")));
        assertEquals(0x44332211, (int) last.gpr[7]);
        assertEquals(MARK, (int) last.gpr[RDX]);
        assertEquals(0x44332211, (int) last.gpr[1]);
    }
}
