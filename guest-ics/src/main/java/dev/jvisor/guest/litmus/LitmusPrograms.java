package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The tests as the guest has them: for each a descriptor, the programs of its processors, and what the first does before and after them to
 * each instance.
 */
final class LitmusPrograms {
    // Offsets in a descriptor, eight bytes each.
    /** Address of the name, a byte 0 behind it. */
    static final int NAME = 0;
    /** How many programs, 1 to {@link LitmusTest#MOST_THREADS}. */
    static final int THREADS = 8;
    /** How many values are observed. */
    static final int SLOTS = 16;
    /** Bytes of an instance. */
    static final int INSTANCE_BYTES = 24;
    /** How many instances a copy has. */
    static final int INSTANCES = 32;
    /** Address of the routine for each instance before the programs run, or 0. */
    static final int BEFORE = 40;
    /** Address of the routine for each instance after the programs have run, or 0. */
    static final int AFTER = 48;
    /** Address of {@link LitmusTest#verdicts}. */
    static final int VERDICTS = 56;
    /** Addresses of the programs, {@link LitmusTest#MOST_THREADS} of them. */
    static final int PROGRAMS = 64;

    /** Turns that a program waits for its partners before an instance; they may have no host CPU at the moment. */
    private static final int PATIENCE = 60_000;
    /** Turns that it waits when it has waited in vain before, until it meets them again. */
    private static final int LOST_PATIENCE = 100;

    private final BootPrologue boot;
    private final Assembler a;
    private final List<LitmusTest> tests;
    private final Label sendIpi;
    private final Label eachInstance;
    private final List<Label> descriptors;
    private final List<List<Label>> routines = new ArrayList<>();

    /** @param sendIpi as {@link dev.jvisor.guest.baremetal.OtherProcessors#sendIpi} gives it */
    LitmusPrograms(BootPrologue boot, List<LitmusTest> tests, Label sendIpi) {
        this.boot = boot;
        this.tests = tests;
        this.sendIpi = sendIpi;
        a = boot.assembler();
        eachInstance = a.label("eachInstance");
        descriptors = tests.stream().map(t -> a.label(t.name())).toList();
    }

    /** {@return the tests' descriptors} */
    List<Label> descriptors() {
        return descriptors;
    }

    /**
     * {@return a routine that calls the one in R11, if there is one, for each instance of each copy of the test whose descriptor is at R12,
     * with RBX and RSI set} It changes all that a program may, R11 and R13.
     */
    Label eachInstance() {
        return eachInstance;
    }

    /** Emits {@link #eachInstance}. R8 and R9 count; the routine called may change what a program may, so they go to the stack. */
    void emitEachInstance() {
        a.bind(eachInstance);
        Label none = a.label("none");
        a.test(R11, R11);
        a.j(Cond.E, none);
        // Copies: processors over threads.
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(THREADS).qword());
        a.mov(R9, RAX);
        a.mov(R13D, LitmusArea.GPA);
        Label copy = a.bind("copy");
        a.xor(R8D, R8D);
        a.mov(RBX, R13);
        a.lea(RSI, mem(R13).disp(LitmusArea.OBSERVED));
        Label instance = a.bind("instance");
        a.push(R8);
        a.push(R9);
        a.call(R11);
        a.pop(R9);
        a.pop(R8);
        a.add(RBX, mem(R12).disp(INSTANCE_BYTES));
        a.add(RSI, LitmusArea.OBSERVED_BYTES);
        a.inc(R8);
        a.cmp(R8, mem(R12).disp(INSTANCES));
        a.j(Cond.B, instance);
        a.add(R13, 1 << LitmusArea.COPY_SHIFT);
        a.dec(R9);
        a.j(Cond.NE, copy);
        a.bind(none);
        a.ret();
    }

    /** Emits the programs of all tests. */
    void emitPrograms() {
        for (LitmusTest test : tests) {
            routines.add(emitTest(test));
        }
    }

    /** {@return the labels of a test's programs, then of what comes before them and after them} */
    private List<Label> emitTest(LitmusTest test) {
        List<Label> labels = new ArrayList<>();
        for (int t = 0; t < test.processors(); t++) {
            labels.add(emitProgram(test, t));
        }
        for (var routine : new ArrayList<>(Arrays.asList(test.before(), test.after()))) {
            if (routine == null) {
                labels.add(null);
                continue;
            }
            labels.add(a.bind("routine"));
            routine.accept(new LitmusCode(a, 0, sendIpi));
            a.ret();
        }
        return labels;
    }

    /** One program for all instances: R12 counts them, R13 is the first, R14 the copy's progress, R11 a random number. */
    private Label emitProgram(LitmusTest test, int thread) {
        a.align(16);
        Label entry = a.bind(test.name() + "-" + thread);
        a.xor(R12D, R12D);
        a.mov(RBX, R13);
        a.lea(RSI, mem(R13).disp(LitmusArea.OBSERVED));
        a.lea(R11D, mem(RBP).index(R15, 8));
        a.push(PATIENCE);
        Label instance = a.bind("instance");
        a.inc(R12);
        a.mov(mem(R14).disp((long) LitmusCode.LINE * thread), R12);
        a.mov(RCX, mem(RSP));
        Label look = a.label("look");
        Label again = a.label("again");
        Label together = a.label("together");
        a.bind(look);
        for (int other = 0; other < test.processors(); other++) {
            if (other != thread) {
                a.cmp(mem(R14).disp((long) LitmusCode.LINE * other), R12);
                a.j(Cond.B, again);
            }
        }
        a.mov(mem(RSP).qword(), PATIENCE);
        a.jmp(together);
        a.bind(again);
        a.dec(RCX);
        a.j(Cond.NE, look);
        a.mov(mem(RSP).qword(), LOST_PATIENCE);
        a.bind(together);
        // Up to fifteen turns more or less, so that all meetings are tried.
        a.imul(R11D, R11D, 1103515245);
        a.add(R11D, 12345);
        a.mov(ECX, R11D);
        a.shr(ECX, 16);
        a.and(ECX, 15);
        Label delay = a.bind("delay");
        a.dec(ECX);
        a.j(Cond.NS, delay);
        test.threads().get(thread).accept(new LitmusCode(a, thread, sendIpi));
        a.add(RBX, LitmusArea.instanceBytes(test));
        a.add(RSI, LitmusArea.OBSERVED_BYTES);
        a.cmp(R12, LitmusArea.instances(test));
        a.j(Cond.B, instance);
        a.pop(RCX);
        a.ret();
        return entry;
    }

    /** Emits the descriptors, behind the programs. */
    void emitData() {
        for (int k = 0; k < tests.size(); k++) {
            LitmusTest test = tests.get(k);
            Label name = a.bind("name");
            a.asciz(test.name());
            Label verdicts = a.bind("verdicts");
            a.bytes(test.verdicts());
            a.align(8);
            a.bind(descriptors.get(k));
            a.dq(name);
            a.dq(test.processors(), test.observed(), LitmusArea.instanceBytes(test), LitmusArea.instances(test));
            List<Label> labels = routines.get(k);
            int threads = test.processors();
            reference(labels.get(threads));
            reference(labels.get(threads + 1));
            a.dq(verdicts);
            for (int t = 0; t < LitmusTest.MOST_THREADS; t++) {
                reference(t < threads ? labels.get(t) : null);
            }
        }
    }

    private void reference(Label label) {
        if (label == null) {
            a.dq(0);
        } else {
            a.dq(label);
        }
    }
}
