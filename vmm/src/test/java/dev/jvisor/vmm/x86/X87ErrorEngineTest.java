package dev.jvisor.vmm.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jvisor.vmm.backend.BackendVp;
import dev.jvisor.vmm.backend.InterceptHandler;
import dev.jvisor.vmm.backend.VpExit;
import dev.jvisor.vmm.state.VpState;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What x87 errors do with CR0.NE clear, as far as the processor goes: its pins FERR# and IGNNE#. */
class X87ErrorEngineTest {
    private static final long CR0_NE = 0x20;
    private static final int PENDING = 0x8080;
    private static final int NOP = 0x90;
    private static final long HANDLER = 0x110000;
    private static final int VECTOR = 0x75;

    private final TestMachine m = new TestMachine();
    private final BackendVp vp = m.vps.getFirst();
    private final Pins pins = new Pins();

    /** The chipset's end. */
    private static final class Pins implements InterceptHandler {
        boolean ferr;
        boolean ignne;
        int reports;

        @Override
        public boolean coprocessorError(int vp) {
            ferr = true;
            reports++;
            return ignne;
        }

        @Override
        public void coprocessorErrorOver(int vp) {
            ferr = false;
            ignne = false;
        }
    }

    @BeforeAll
    static void assembler() {
        assumeTrue(GnuAs.available(), "no GNU assembler");
    }

    /** {@return a state in which a division by zero, which is not masked, waits} */
    private static VpState failed() {
        VpState s = TestMachine.avx64();
        s.cr0 &= ~CR0_NE;
        s.fcw = 0x37B;
        s.fsw = PENDING | 4;
        s.ftw = 0;
        s.gpr[3] = TestMachine.DATA;
        s.gpr[0] = 3;
        return s;
    }

    private VpExit start(VpState s, String source) {
        m.gpa.write(TestMachine.CODE, GnuAs.assemble(64, source + "\nhlt"));
        vp.setState(s);
        return vp.run(pins);
    }

    private VpState state() {
        VpState s = new VpState();
        vp.getState(s);
        return s;
    }

    @ParameterizedTest
    @ValueSource(strings = {"fwait", "fnop", "fld1", "fadd st, st(1)", "fld dword ptr [rbx]", "fldcw [rbx]", "fldenv [rbx]", "frstor [rbx]",
        "fincstp", "ffree st(1)", "fcomi st, st(1)", "fst dword ptr [rbx]", "fist word ptr [rbx]", "emms", "paddb mm0, mm1", "movd mm0, eax",
        "movq [rbx], mm0", "psllw mm0, 3", "movq2dq xmm0, mm0", "movdq2q mm0, xmm0", "cvtps2pi mm0, xmm0", "cvtpi2ps xmm0, mm1"})
    void aWaitingInstructionFreezesAndGoesOnOnceTheErrorIsCleared(String instruction) {
        m.gate(VECTOR, HANDLER);
        m.gpa.write(HANDLER, GnuAs.assemble(64, "mov rdi, [rsp]\nfnclex\niretq"));
        VpState s = failed();
        s.rflags |= 0x200;
        String before = "nop\nnop\n";
        assertEquals(VpExit.HALT, start(s, before + instruction));
        VpState frozen = state();
        assertEquals(TestMachine.CODE + 2, frozen.rip, "stands at the instruction");
        assertEquals(VpState.Activity.HALTED, frozen.activity);
        assertEquals(PENDING | 4, frozen.fsw);
        assertTrue(pins.ferr);
        assertFalse(vp.wakeable());

        m.interrupts.getFirst().vector.set(VECTOR);
        vp.interruptsChanged();
        assertTrue(vp.wakeable());
        assertEquals(VpExit.HALT, vp.run(pins));
        VpState after = state();
        assertEquals(TestMachine.CODE + 2, after.gpr[7], "the handler returns to the instruction");
        assertEquals(TestMachine.CODE + GnuAs.assemble(64, before + instruction + "\nhlt").length, after.rip);
        assertFalse(pins.ferr);
        assertEquals(1, pins.reports);
    }

    @ParameterizedTest
    @ValueSource(strings = {"fnstsw ax", "fnstsw [rbx]", "fnstcw [rbx]", "fxsave [rbx]", "xsave [rbx]", "addps xmm0, xmm1", "cvttsd2si eax, xmm0"})
    void whatDoesNotWaitDoesNotAssertFerr(String instruction) {
        VpState s = failed();
        assertEquals(VpExit.HALT, start(s, instruction));
        assertEquals(TestMachine.CODE + GnuAs.assemble(64, instruction + "\nhlt").length, state().rip);
        assertEquals(0, pins.reports);
        assertEquals(PENDING | 4, state().fsw);
    }

    @ParameterizedTest
    @ValueSource(strings = {"fnclex", "fninit", "fnsave [rbx]", "fnstenv [rbx]", "fxrstor [rbx]", "xrstor [rbx]", "fldcw [rbx + 0x280]",
        "fldenv [rbx + 0x200]", "frstor [rbx + 0x200]"})
    void whateverClearsTheErrorReleasesFerr(String instruction) {
        pins.ignne = true;
        // For FXRSTOR a control word and MXCSR; XRSTOR initializes.
        m.gpa.write(TestMachine.DATA, new byte[0x300]);
        m.w64(TestMachine.DATA, 0x37F);
        m.w64(TestMachine.DATA + 24, 0x1F80);
        m.w64(TestMachine.DATA + 0x280, 0x37F);
        VpState s = failed();
        assertEquals(VpExit.HALT, start(s, "fwait\n" + instruction));
        assertTrue(pins.reports > 0);
        assertFalse(pins.ferr);
        assertEquals(0, state().fsw & PENDING);
    }

    @Test
    void withIgnneTheErrorIsIgnoredAndStays() {
        pins.ignne = true;
        assertEquals(VpExit.HALT, start(failed(), "fwait\nfld1\nfld1\nfaddp"));
        VpState s = state();
        assertEquals(TestMachine.CODE + 8, s.rip);
        assertEquals(PENDING | 4, s.fsw & 0x80FF);
        assertEquals(4, pins.reports);
        assertTrue(pins.ferr);
    }

    @Test
    void withNeTheErrorIsAnExceptionAndThePinsAreLeftAlone() {
        m.gate(16, HANDLER);
        m.gpa.write(HANDLER, GnuAs.assemble(64, "mov rdi, [rsp]\nhlt"));
        VpState s = failed();
        s.cr0 |= CR0_NE;
        assertEquals(VpExit.HALT, start(s, "nop\nfwait"));
        assertEquals(TestMachine.CODE + 1, state().gpr[7]);
        assertEquals(0, pins.reports);
    }

    @Test
    void whereNobodyListensToThePinsErrorsAreIgnored() {
        assertEquals(TestMachine.CODE + 4, m.run(failed(), GnuAs.assemble(64, "fwait\nfld1\nhlt")).rip);
    }

    @Test
    void otherInterruptsLookAtTheInstructionAgain() {
        m.gate(0x20, HANDLER);
        m.gpa.write(HANDLER, GnuAs.assemble(64, "inc rdi\niretq"));
        VpState s = failed();
        s.gpr[7] = 0;
        s.rflags |= 0x200;
        assertEquals(VpExit.HALT, start(s, "fwait"));
        m.interrupts.getFirst().vector.set(0x20);
        assertEquals(VpExit.HALT, vp.run(pins));
        assertEquals(TestMachine.CODE, state().rip, "frozen again");
        assertEquals(1, state().gpr[7]);
        // IGNNE# is noticed when the next one has come.
        pins.ignne = true;
        m.interrupts.getFirst().vector.set(0x20);
        assertEquals(VpExit.HALT, vp.run(pins));
        assertEquals(TestMachine.CODE + 2, state().rip);
        assertEquals(3, pins.reports);
    }

    @Test
    void inTheShadowOfStiItFreezesAndTheInterruptComesIn() {
        m.gate(VECTOR, HANDLER);
        m.gpa.write(HANDLER, GnuAs.assemble(64, "mov rdi, [rsp]\nfnclex\niretq"));
        m.interrupts.getFirst().vector.set(VECTOR);
        assertEquals(VpExit.HALT, start(failed(), "sti\nfwait"));
        assertEquals(TestMachine.CODE + 1, state().gpr[7]);
        assertEquals(TestMachine.CODE + 3, state().rip);
    }

    @Test
    void aVpThatIsFrozenMovesToAnotherEngineAndFerrIsReleasedThere() {
        assertEquals(VpExit.HALT, start(failed(), "fwait"));
        VpState moved = state();
        TestMachine other = new TestMachine();
        other.gpa.write(TestMachine.CODE, GnuAs.assemble(64, "fwait\nhlt"));
        other.gate(VECTOR, HANDLER);
        other.gpa.write(HANDLER, GnuAs.assemble(64, "fnclex\niretq"));
        moved.rflags |= 0x200;
        other.vps.getFirst().setState(moved);
        other.interrupts.getFirst().vector.set(VECTOR);
        assertEquals(VpExit.HALT, other.vps.getFirst().run(pins));
        assertFalse(pins.ferr);
        assertEquals(1, pins.reports);
    }

    @Test
    void anErrorClearedElsewhereReleasesFerrWhenTheVpRunsAgain() {
        assertEquals(VpExit.HALT, start(failed(), "fwait"));
        VpState s = state();
        s.fsw = 0;
        s.rip = TestMachine.CODE + 1;
        s.activity = VpState.Activity.RUNNING;
        vp.setState(s);
        assertTrue(pins.ferr);
        assertEquals(VpExit.HALT, vp.run(pins));
        assertFalse(pins.ferr);
    }

    @Test
    void aDebuggersStepOverAFrozenInstructionStaysThere() {
        m.gpa.write(TestMachine.CODE, new byte[] {(byte) NOP, (byte) 0x9B, (byte) 0xF4});
        vp.setState(failed());
        vp.debug(new long[0], true);
        assertEquals(VpExit.DEBUG, vp.run(pins));
        assertEquals(VpExit.DEBUG, vp.run(pins));
        assertEquals(TestMachine.CODE + 1, state().rip);
        assertTrue(pins.ferr);
    }
}
