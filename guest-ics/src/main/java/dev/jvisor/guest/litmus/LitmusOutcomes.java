package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;

/** What was observed of a test: counted for each outcome, then printed with what it means. The test's descriptor is at R12. */
final class LitmusOutcomes {
    private static final int COUNTERS = 1 << 2 * LitmusTest.MOST_OBSERVED;

    private final BootPrologue boot;
    private final Assembler a;
    private final Label failed;
    private final Label histogram;
    private final Label count;

    LitmusOutcomes(BootPrologue boot) {
        this.boot = boot;
        a = boot.assembler();
        failed = a.label("failed");
        histogram = a.label("histogram");
        count = a.label("count");
    }

    /** Emits a jump to where it is told if any test had a forbidden outcome. */
    void jumpIfFailed(Label target) {
        a.cmp(mem(failed).qword(), 0);
        a.j(Cond.NE, target);
    }

    /** Emits the beginning of a count. Changes RAX, RCX and RDI. */
    void clear() {
        a.cld();
        a.lea(RDI, mem(histogram));
        a.xor(EAX, EAX);
        a.mov(ECX, COUNTERS);
        a.rep().stos(8);
    }

    /** {@return the counting of what the instance observed that RSI tells: a routine that changes RAX, RCX and RDX} */
    Label count() {
        return count;
    }

    /** Emits the routine. Not to be run into. */
    void emitRoutine() {
        // The index of an outcome: two bits a value, the first lowest.
        a.bind(count);
        a.xor(EAX, EAX);
        a.mov(RCX, mem(R12).disp(LitmusPrograms.SLOTS));
        Label value = a.bind("value");
        Label small = a.label("small");
        a.dec(RCX);
        a.mov(RDX, RCX);
        a.shl(RDX, 6);
        a.mov(RDX, mem(RSI).index(RDX, 1));
        a.cmp(RDX, 3);
        a.jShort(Cond.BE, small);
        a.mov(EDX, 3);
        a.bind(small);
        a.shl(EAX, 2);
        a.or(EAX, EDX);
        a.test(RCX, RCX);
        a.j(Cond.NE, value);
        a.lea(RDX, mem(histogram));
        a.inc(mem(RDX).index(RAX, 8).qword());
        a.ret();
    }

    /** Emits the printing of the test's line. */
    void print() {
        boot.serial().print("litmus: ");
        a.mov(RSI, mem(R12).disp(LitmusPrograms.NAME));
        boot.serial().printText();
        boot.serial().print(" ");
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(LitmusPrograms.THREADS).qword());
        a.imul(RAX, mem(R12).disp(LitmusPrograms.INSTANCES));
        a.imul(RAX, boot.parameter(1));
        boot.serial().printDecimal();
        boot.serial().print(" runs:");
        Label next = a.label("nextOutcome");
        Label skip = a.label("skipOutcome");
        Label plain = a.label("plain");
        Label relaxed = a.label("relaxed");
        a.xor(R8D, R8D);
        a.bind(next);
        a.lea(RDX, mem(histogram));
        a.mov(R9, mem(RDX).index(R8, 8));
        a.test(R9, R9);
        a.j(Cond.E, skip);
        boot.serial().print(" ");
        a.mov(R10, R8);
        a.mov(R11, mem(R12).disp(LitmusPrograms.SLOTS));
        Label digit = a.bind("digit");
        a.mov(EAX, R10D);
        a.and(EAX, 3);
        a.add(EAX, '0');
        boot.serial().printCharacter();
        a.shr(R10, 2);
        a.dec(R11);
        a.j(Cond.NE, digit);
        boot.serial().print("=");
        a.mov(RAX, R9);
        boot.serial().printDecimal();
        a.mov(RDX, mem(R12).disp(LitmusPrograms.VERDICTS));
        a.movzx(EAX, mem(RDX).index(R8, 1).byte_());
        a.cmp(EAX, LitmusTest.Verdict.RELAXED.ordinal());
        a.j(Cond.B, plain);
        a.j(Cond.E, relaxed);
        boot.serial().print(" FORBIDDEN");
        a.mov(mem(failed).qword(), 1);
        a.jmp(plain);
        a.bind(relaxed);
        boot.serial().print("*");
        a.bind(plain);
        a.bind(skip);
        a.inc(R8);
        a.mov(RCX, mem(R12).disp(LitmusPrograms.SLOTS));
        a.add(ECX, ECX);
        a.mov(EAX, 1);
        a.shl(EAX, CL);
        a.cmp(R8, RAX);
        a.j(Cond.B, next);
        boot.serial().printLine("");
    }

    /** Emits the variables. */
    void emitData() {
        a.align(8);
        a.bind(failed);
        a.dq(0);
        a.bind(histogram);
        a.zeros(8 * COUNTERS);
    }
}
