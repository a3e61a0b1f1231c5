package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.LocalApic;
import dev.jvisor.guest.baremetal.OtherProcessors;
import dev.jvisor.guest.baremetal.Pics;
import dev.jvisor.guest.baremetal.PowerOff;
import java.util.ArrayList;
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

    private static final int VECTOR_SHOOTDOWN = 0x60;
    /** Interrupt command of a shootdown. */
    static final int SHOOTDOWN_COMMAND = LocalApic.ICR_FIXED | VECTOR_SHOOTDOWN;

    private static final int VECTOR_PAGE_FAULT = 14;
    private static final int VECTOR_BREAKPOINT = 3;
    private static final int WINDOW_DIRECTORY = 3 * 4096;

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final OtherProcessors others = new OtherProcessors(boot);
    private final LitmusJobs jobs = new LitmusJobs(boot);
    private final LitmusOutcomes outcomes = new LitmusOutcomes(boot);
    private final LitmusPrograms programs;
    private final boolean user;
    private final Label batches = a.label("batches");
    private final Label runTest = a.label("runTest");
    private final Label end = a.label("end");

    private LitmusGuest(List<LitmusTest> tests, boolean user) {
        programs = new LitmusPrograms(boot, tests, others.sendIpi());
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
        for (Label descriptor : programs.descriptors()) {
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
        jobs.emitWorker();
        jobs.emitRoutines();
        programs.emitEachInstance();
        emitRunTest();
        outcomes.emitRoutine();
        programs.emitPrograms();
        emitHandlers();
        jobs.emitData();
        outcomes.emitData();
        a.bind(batches);
        a.dq(0);
        programs.emitData();
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
        a.mov(EDI, LitmusArea.WINDOW_TABLE);
        a.xor(EAX, EAX);
        a.mov(ECX, 512);
        a.rep().stos(8);
        a.mov(EAX, boot.pageTables());
        a.mov(mem(RAX).disp(WINDOW_DIRECTORY).qword(), LitmusArea.WINDOW_TABLE | 3);
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
        outcomes.jumpIfFailed(bad);
        boot.serial().printLine("litmus: OK");
        PowerOff.emit(a, 0);
        a.bind(bad);
        boot.serial().printLine("litmus: FAIL");
        PowerOff.emit(a, FAILED);
    }

    /** Runs the test whose descriptor is at RDX, on the first processor. */
    private void emitRunTest() {
        a.bind(runTest);
        Label enough = a.label("enough");
        a.mov(R12, RDX);
        a.mov(RAX, mem(R12).disp(LitmusPrograms.THREADS));
        a.cmp(boot.parameter(0), RAX);
        a.j(Cond.AE, enough);
        a.ret();
        a.bind(enough);
        outcomes.clear();
        jobs.assign();
        a.mov(RAX, boot.parameter(1));
        a.mov(mem(batches), RAX);
        Label batch = a.bind("batch");
        a.mov(R11, mem(R12).disp(LitmusPrograms.BEFORE));
        a.call(programs.eachInstance());
        jobs.clearProgress();
        a.push(R12);
        jobs.runAll();
        a.pop(R12);
        a.mov(R11, mem(R12).disp(LitmusPrograms.AFTER));
        a.call(programs.eachInstance());
        a.lea(R11, mem(outcomes.count()));
        a.call(programs.eachInstance());
        a.dec(mem(batches).qword());
        a.j(Cond.NE, batch);
        outcomes.print();
        a.ret();
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
}
