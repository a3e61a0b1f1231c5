package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.LocalApic;
import dev.jvisor.guest.baremetal.OtherProcessors;
import dev.jvisor.guest.baremetal.Pics;
import dev.jvisor.guest.baremetal.PowerOff;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The guest that runs litmus tests. For each test that there are enough processors for, it runs as many copies as fit, each on instances of
 * its own, in batches: the first processor clears the instances, all meet at a barrier, each runs its program on one instance after another,
 * waiting for its partners before each for as long as it takes to spin a little; they meet again, and the first counts what was observed.
 *
 * <p>Output: a line a test, {@code litmus: MP 6400 runs: 00=5000 01=700 11=700}, where an outcome's digits are the values observed and
 * {@code *} marks one that shows reordering, {@code FORBIDDEN} one that must not be. Then {@code litmus: OK}, with exit code 0, or
 * {@code litmus: FAIL} with 1; 3 when a processor does not start.
 *
 * <p>Parameters: 0 processors (1 to 16), 1 batches a test (at least 1). Needs 16 MiB of RAM.
 */
public final class LitmusGuest {
    /** Exit code after a forbidden outcome. */
    public static final int FAILED = 1;

    /** GPA of the instances, half a MiB for each copy of a test. */
    static final int AREA = 0x80_0000;
    /** Binary logarithm of a large instance's size. */
    static final int LARGE_SHIFT = 13;
    /** Linear address of the windows of all large instances: one page table full. */
    static final int WINDOW = 0x4000_0000;
    /** GPA of the page table that maps the windows. */
    static final int WINDOW_TABLE = 0x50_0000;
    private static final int VECTOR_SHOOTDOWN = 0x60;
    /** Interrupt command of a shootdown. */
    static final int SHOOTDOWN_COMMAND = LocalApic.ICR_FIXED | VECTOR_SHOOTDOWN;

    private static final int COPY_SHIFT = 19;
    private static final int OBSERVED = 0x4_0000;
    private static final int OBSERVED_BYTES = 512;
    private static final int SMALL_BYTES = 1024;
    private static final int SMALL_INSTANCES = 64;
    private static final int LARGE_INSTANCES = 32;
    /** Turns that a program waits for its partners before an instance; they may have no host CPU at the moment. */
    private static final int PATIENCE = 60_000;
    /** Turns that it waits when it has waited in vain before, until it meets them again. */
    private static final int LOST_PATIENCE = 100;
    private static final int VECTOR_PAGE_FAULT = 14;
    private static final int VECTOR_BREAKPOINT = 3;
    private static final int WINDOW_DIRECTORY = 3 * 4096;

    // A processor's job, 64 bytes.
    private static final int JOB_SHIFT = 6;
    private static final int JOB_PROGRAM = 0;
    private static final int JOB_PROGRESS = 8;
    private static final int JOB_AREA = 16;

    // What the guest knows of a test.
    private static final int NAME = 0;
    private static final int THREADS = 8;
    private static final int SLOTS = 16;
    private static final int INSTANCE_BYTES = 24;
    private static final int INSTANCES = 32;
    private static final int BEFORE = 40;
    private static final int AFTER = 48;
    private static final int VERDICTS = 56;
    private static final int PROGRAMS = 64;

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final OtherProcessors others = new OtherProcessors(boot);
    private final boolean user;
    private final List<LitmusTest> tests;
    private final List<Label> descriptors = new ArrayList<>();
    private final Label arrived = a.label("arrived");
    private final Label generation = a.label("generation");
    private final Label failed = a.label("failed");
    private final Label batches = a.label("batches");
    private final Label histogram = a.label("histogram");
    private final Label jobs = a.label("jobs");
    private final Label progress = a.label("progress");
    private final Label barrier = a.label("barrier");
    private final Label runTest = a.label("runTest");
    private final Label runJob = a.label("runJob");
    private final Label eachInstance = a.label("eachInstance");
    private final Label worker = a.label("worker");
    private final Label end = a.label("end");

    private LitmusGuest(List<LitmusTest> tests, boolean user) {
        this.tests = tests;
        this.user = user;
    }

    /** {@return every test there is} */
    public static List<LitmusTest> allTests() {
        List<LitmusTest> all = new ArrayList<>(OrderTests.all());
        all.addAll(AtomicityTests.all());
        all.addAll(SystemTests.all());
        return all;
    }

    /**
     * Makes the guest that runs programs at CPL3, where even a host that interprets supervisor code runs them natively. Tests that need CPL0
     * are left out.
     *
     * @param processors how many the partition has, 1 to 16
     * @param batches rounds of each test, at least 1
     */
    public static GuestProgram user(int processors, int batches, List<LitmusTest> tests) {
        return program(processors, batches, tests.stream().filter(t -> !t.needsSupervisor()).toList(), true);
    }

    /**
     * Makes the guest that runs programs at CPL0.
     *
     * @param processors how many the partition has, 1 to 16
     * @param batches rounds of each test, at least 1
     */
    public static GuestProgram supervisor(int processors, int batches, List<LitmusTest> tests) {
        return program(processors, batches, tests, false);
    }

    private static GuestProgram program(int processors, int batches, List<LitmusTest> tests, boolean user) {
        if (processors < 1 || processors > OtherProcessors.MOST || batches < 1) {
            throw new IllegalArgumentException("1 to " + OtherProcessors.MOST + " processors, at least 1 batch: processors=" + processors
                    + ", batches=" + batches);
        }
        return new LitmusGuest(tests, user).build().withParameter(0, processors).withParameter(1, batches);
    }

    private GuestProgram build() {
        boot.start();
        boot.enterLongMode(true);
        others.enableLocalApic();
        startOthers();
        if (!user) {
            mapWindows();
        }
        enterPrograms();
        a.xor(R15D, R15D);
        a.xor(EBP, EBP);
        for (LitmusTest test : tests) {
            Label descriptor = a.label(test.name());
            descriptors.add(descriptor);
            a.lea(RDX, mem(descriptor));
            a.call(runTest);
        }
        if (user) {
            a.int3();
        } else {
            a.jmp(end);
        }
        emitEnd();

        others.emitRoutines();
        others.emitArrival();
        a.mov(R15D, EAX);
        enterPrograms();
        a.xor(EBP, EBP);
        emitWorker();
        emitBarrier();
        emitRunJob();
        emitEachInstance();
        emitRunTest();
        List<List<Label>> programs = new ArrayList<>();
        for (LitmusTest test : tests) {
            programs.add(emitPrograms(test));
        }
        emitHandlers();
        emitData(programs);
        boot.emitTables();
        others.emitTrampoline();
        return boot.program(user ? "litmus-user" : "litmus-supervisor");
    }

    private void startOthers() {
        Label next = a.label("nextProcessor");
        Label done = a.label("allProcessors");
        Label missing = a.label("missing");
        // What an earlier run may have left of the PICs' set-up must not interrupt.
        Pics.maskAll(a);
        others.placeTrampoline();
        a.mov(R13D, 1);
        a.bind(next);
        a.cmp(R13, boot.parameter(0));
        a.j(Cond.AE, done);
        others.start(missing);
        a.inc(R13);
        a.jmp(next);
        a.bind(missing);
        boot.serial().printLine("litmus: FAIL a processor did not start");
        PowerOff.emit(a, 3);
        a.bind(done);
    }

    /** Has a page table, empty, stand for the windows in the directory of the second GiB. */
    private void mapWindows() {
        a.cld();
        a.mov(EDI, WINDOW_TABLE);
        a.xor(EAX, EAX);
        a.mov(ECX, 512);
        a.rep().stos(8);
        a.mov(EAX, boot.pageTables());
        a.mov(mem(RAX).disp(WINDOW_DIRECTORY).qword(), WINDOW_TABLE | 3);
        a.mov(RAX, Cr.CR3);
        a.mov(Cr.CR3, RAX);
    }

    /** Goes down to CPL3, on the same stack, if that is where programs run. */
    private void enterPrograms() {
        if (!user) {
            return;
        }
        Label there = a.label("there");
        a.mov(RCX, RSP);
        a.push(BootPrologue.USER_DS);
        a.push(RCX);
        a.push(2);
        a.push(BootPrologue.USER_CS);
        a.lea(RAX, mem(there));
        a.push(RAX);
        a.iretq();
        a.bind(there);
    }

    private void emitEnd() {
        a.bind(end);
        Label bad = a.label("bad");
        a.cmp(mem(failed).qword(), 0);
        a.j(Cond.NE, bad);
        boot.serial().printLine("litmus: OK");
        PowerOff.emit(a, 0);
        a.bind(bad);
        boot.serial().printLine("litmus: FAIL");
        PowerOff.emit(a, FAILED);
    }

    /** What all but the first do: from barrier to barrier, with the job of the day between. */
    private void emitWorker() {
        a.bind(worker);
        a.call(barrier);
        a.call(runJob);
        a.call(barrier);
        a.jmp(worker);
    }

    /** Waits until all processors have come. RBP counts a processor's barriers. Changes RAX. */
    private void emitBarrier() {
        a.bind(barrier);
        a.inc(RBP);
        a.mov(EAX, 1);
        a.lock().xadd(mem(arrived).qword(), RAX);
        a.inc(RAX);
        a.cmp(RAX, boot.parameter(0));
        Label wait = a.label("wait");
        Label on = a.label("on");
        a.j(Cond.NE, wait);
        a.mov(mem(arrived).qword(), 0);
        a.mov(mem(generation), RBP);
        a.ret();
        a.bind(wait);
        a.cmp(mem(generation), RBP);
        a.jShort(Cond.AE, on);
        a.pause();
        a.jmp(wait);
        a.bind(on);
        a.ret();
    }

    private Mem job(int field) {
        return mem(RAX).disp(field).qword();
    }

    /** Runs the program of the processor's job, if it has one. */
    private void emitRunJob() {
        a.bind(runJob);
        Label idle = a.label("idle");
        a.mov(RDX, R15);
        a.shl(RDX, JOB_SHIFT);
        a.lea(RAX, mem(jobs));
        a.add(RAX, RDX);
        a.mov(R14, job(JOB_PROGRESS));
        a.mov(R13, job(JOB_AREA));
        a.mov(RAX, job(JOB_PROGRAM));
        a.test(RAX, RAX);
        a.j(Cond.E, idle);
        a.jmp(RAX);
        a.bind(idle);
        a.ret();
    }

    /**
     * Calls the routine in R11, if there is one, for each instance of each copy of the test whose descriptor is at R12, with RBX and RSI set.
     * R8 and R9 count; the routine may change what a program may, so they go to the stack.
     */
    private void emitEachInstance() {
        a.bind(eachInstance);
        Label none = a.label("none");
        a.test(R11, R11);
        a.j(Cond.E, none);
        // Copies: processors over threads.
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(THREADS).qword());
        a.mov(R9, RAX);
        a.mov(R13D, AREA);
        Label copy = a.bind("copy");
        a.xor(R8D, R8D);
        a.mov(RBX, R13);
        a.lea(RSI, mem(R13).disp(OBSERVED));
        Label instance = a.bind("instance");
        a.push(R8);
        a.push(R9);
        a.call(R11);
        a.pop(R9);
        a.pop(R8);
        a.add(RBX, mem(R12).disp(INSTANCE_BYTES));
        a.add(RSI, OBSERVED_BYTES);
        a.inc(R8);
        a.cmp(R8, mem(R12).disp(INSTANCES));
        a.j(Cond.B, instance);
        a.add(R13, 1 << COPY_SHIFT);
        a.dec(R9);
        a.j(Cond.NE, copy);
        a.bind(none);
        a.ret();
    }

    /** Runs the test whose descriptor is at RDX, on the first processor. */
    private void emitRunTest() {
        Label count = a.label("count");
        a.bind(runTest);
        Label enough = a.label("enough");
        a.mov(R12, RDX);
        a.mov(RAX, mem(R12).disp(THREADS));
        a.cmp(boot.parameter(0), RAX);
        a.j(Cond.AE, enough);
        a.ret();
        a.bind(enough);
        a.cld();
        a.lea(RDI, mem(histogram));
        a.xor(EAX, EAX);
        a.mov(ECX, 1 << 2 * LitmusTest.MOST_OBSERVED);
        a.rep().stos(8);
        assignJobs();
        a.mov(RAX, boot.parameter(1));
        a.mov(mem(batches), RAX);
        Label batch = a.bind("batch");
        a.mov(R11, mem(R12).disp(BEFORE));
        a.call(eachInstance);
        a.lea(RDI, mem(progress));
        a.xor(EAX, EAX);
        a.mov(ECX, OtherProcessors.MOST * LitmusCode.LINE / 8);
        a.rep().stos(8);
        a.push(R12);
        a.call(barrier);
        a.call(runJob);
        a.call(barrier);
        a.pop(R12);
        a.mov(R11, mem(R12).disp(AFTER));
        a.call(eachInstance);
        a.lea(R11, mem(count));
        a.call(eachInstance);
        a.dec(mem(batches).qword());
        a.j(Cond.NE, batch);
        printResult();
        a.ret();

        // The index of an outcome: two bits a value, the first lowest.
        a.bind(count);
        a.xor(EAX, EAX);
        a.mov(RCX, mem(R12).disp(SLOTS));
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

    /** Gives each processor its program, the copies one after another; those left over get none. */
    private void assignJobs() {
        Label next = a.label("nextJob");
        Label idle = a.label("idleJob");
        Label done = a.label("jobsDone");
        Label sameCopy = a.label("sameCopy");
        // R8 processor, R9 program of the test, R10 copies to begin after this one, R13 area, R14 progress of the copy, RCX job.
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(THREADS).qword());
        a.mov(R10, RAX);
        a.xor(R8D, R8D);
        a.xor(R9D, R9D);
        a.mov(R13D, AREA);
        a.lea(R14, mem(progress));
        a.lea(RCX, mem(jobs));
        a.bind(next);
        a.cmp(R8, boot.parameter(0));
        a.j(Cond.AE, done);
        a.xor(EAX, EAX);
        a.test(R10, R10);
        a.j(Cond.E, idle);
        a.mov(RAX, mem(R12).index(R9, 8).disp(PROGRAMS));
        a.bind(idle);
        a.mov(mem(RCX).disp(JOB_PROGRAM), RAX);
        a.mov(mem(RCX).disp(JOB_PROGRESS), R14);
        a.mov(mem(RCX).disp(JOB_AREA), R13);
        a.add(RCX, 1 << JOB_SHIFT);
        a.inc(R8);
        a.inc(R9);
        a.cmp(R9, mem(R12).disp(THREADS));
        a.j(Cond.NE, sameCopy);
        a.xor(R9D, R9D);
        a.add(R13, 1 << COPY_SHIFT);
        a.mov(RAX, mem(R12).disp(THREADS));
        a.shl(RAX, 6);
        a.add(R14, RAX);
        Label none = a.label("noMore");
        a.test(R10, R10);
        a.j(Cond.E, none);
        a.dec(R10);
        a.bind(none);
        a.bind(sameCopy);
        a.jmp(next);
        a.bind(done);
    }

    private void printResult() {
        boot.serial().print("litmus: ");
        a.mov(RSI, mem(R12).disp(NAME));
        boot.serial().printText();
        boot.serial().print(" ");
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(THREADS).qword());
        a.imul(RAX, mem(R12).disp(INSTANCES));
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
        a.mov(R11, mem(R12).disp(SLOTS));
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
        a.mov(RDX, mem(R12).disp(VERDICTS));
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
        a.mov(RCX, mem(R12).disp(SLOTS));
        a.add(ECX, ECX);
        a.mov(EAX, 1);
        a.shl(EAX, CL);
        a.cmp(R8, RAX);
        a.j(Cond.B, next);
        boot.serial().printLine("");
    }

    /** {@return the labels of a test's programs, then of what comes before them and after them} */
    private List<Label> emitPrograms(LitmusTest test) {
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
            routine.accept(new LitmusCode(a, 0, others.sendIpi()));
            a.ret();
        }
        return labels;
    }

    /** One program for all instances: R12 counts them, R13 is the first, R14 the copy's progress, R11 a random number. */
    private Label emitProgram(LitmusTest test, int thread) {
        int bytes = test.isLarge() ? 1 << LARGE_SHIFT : SMALL_BYTES;
        int instances = test.isLarge() ? LARGE_INSTANCES : SMALL_INSTANCES;
        a.align(16);
        Label entry = a.bind(test.name() + "-" + thread);
        a.xor(R12D, R12D);
        a.mov(RBX, R13);
        a.lea(RSI, mem(R13).disp(OBSERVED));
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
        test.threads().get(thread).accept(new LitmusCode(a, thread, others.sendIpi()));
        a.add(RBX, bytes);
        a.add(RSI, OBSERVED_BYTES);
        a.cmp(R12, instances);
        a.j(Cond.B, instance);
        a.pop(RCX);
        a.ret();
        return entry;
    }

    private void emitHandlers() {
        Label shootdown = a.bind("shootdown");
        a.invlpg(mem(RDI));
        a.mov(mem(RBX).disp(LitmusCode.LINE).qword(), 1);
        a.push(RAX);
        LocalApic.endOfInterrupt(a);
        a.pop(RAX);
        // One interrupt for each instance: back with interrupts off.
        a.and(mem(RSP).disp(16).qword(), ~0x200);
        a.iretq();
        if (user) {
            boot.onInterrupt(VECTOR_BREAKPOINT, end, true);
        } else {
            boot.onInterrupt(VECTOR_SHOOTDOWN, shootdown, false);
            Label fault = a.bind("fault");
            a.add(RSP, 8);
            a.mov(mem(RSP), R10);
            a.iretq();
            boot.onInterrupt(VECTOR_PAGE_FAULT, fault, false);
        }
    }

    private void emitData(List<List<Label>> programs) {
        a.align(LitmusCode.LINE);
        a.bind(arrived);
        a.zeros(LitmusCode.LINE);
        a.bind(generation);
        a.zeros(LitmusCode.LINE);
        a.bind(failed);
        a.dq(0);
        a.bind(batches);
        a.dq(0);
        a.align(LitmusCode.LINE);
        a.bind(progress);
        a.zeros(OtherProcessors.MOST * LitmusCode.LINE);
        a.bind(jobs);
        a.zeros(OtherProcessors.MOST << JOB_SHIFT);
        a.bind(histogram);
        a.zeros(8 << 2 * LitmusTest.MOST_OBSERVED);
        for (int k = 0; k < tests.size(); k++) {
            LitmusTest test = tests.get(k);
            Label name = a.bind("name");
            a.asciz(test.name());
            Label verdicts = a.bind("verdicts");
            a.bytes(test.verdicts());
            a.align(8);
            a.bind(descriptors.get(k));
            a.dq(name);
            a.dq(test.processors(), test.observed(), test.isLarge() ? 1 << LARGE_SHIFT : SMALL_BYTES,
                    test.isLarge() ? LARGE_INSTANCES : SMALL_INSTANCES);
            List<Label> labels = programs.get(k);
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
