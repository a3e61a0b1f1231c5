package dev.jvisor.guest.litmus;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.OtherProcessors;

/**
 * How the guest's processors work together: a barrier where all meet, a job for each of them between two barriers, and for each copy of the
 * test a line of progress where its programs wait for each other. All processors keep their APIC ID in R15 and count barriers in RBP.
 */
final class LitmusJobs {
    // A processor's job, 64 bytes.
    private static final int JOB_SHIFT = 6;
    private static final int JOB_PROGRAM = 0;
    private static final int JOB_PROGRESS = 8;
    private static final int JOB_AREA = 16;

    private final BootPrologue boot;
    private final Assembler a;
    private final Label arrived;
    private final Label generation;
    private final Label jobs;
    private final Label progress;
    private final Label barrier;
    private final Label runJob;

    LitmusJobs(BootPrologue boot) {
        this.boot = boot;
        a = boot.assembler();
        arrived = a.label("arrived");
        generation = a.label("generation");
        jobs = a.label("jobs");
        progress = a.label("progress");
        barrier = a.label("barrier");
        runJob = a.label("runJob");
    }

    /** Emits what all but the first processor do for ever: from barrier to barrier, with the job of the day between. */
    void emitWorker() {
        Label worker = a.bind("worker");
        runAll();
        a.jmp(worker);
    }

    /** Emits the way from one barrier to the next, with the processor's job between. Changes RAX and what programs may, R12 too. */
    void runAll() {
        a.call(barrier);
        a.call(runJob);
        a.call(barrier);
    }

    /** Emits the routines. Not to be run into. */
    void emitRoutines() {
        emitBarrier();
        emitRunJob();
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

    /** Emits, for the test whose descriptor is at R12, the giving of jobs: the copies one after another; processors left over get none. */
    void assign() {
        Label next = a.label("nextJob");
        Label idle = a.label("idleJob");
        Label done = a.label("jobsDone");
        Label sameCopy = a.label("sameCopy");
        // R8 processor, R9 program of the test, R10 copies to begin after this one, R13 area, R14 progress of the copy, RCX job.
        a.mov(RAX, boot.parameter(0));
        a.xor(EDX, EDX);
        a.div(mem(R12).disp(LitmusPrograms.THREADS).qword());
        a.mov(R10, RAX);
        a.xor(R8D, R8D);
        a.xor(R9D, R9D);
        a.mov(R13D, LitmusArea.GPA);
        a.lea(R14, mem(progress));
        a.lea(RCX, mem(jobs));
        a.bind(next);
        a.cmp(R8, boot.parameter(0));
        a.j(Cond.AE, done);
        a.xor(EAX, EAX);
        a.test(R10, R10);
        a.j(Cond.E, idle);
        a.mov(RAX, mem(R12).index(R9, 8).disp(LitmusPrograms.PROGRAMS));
        a.bind(idle);
        a.mov(mem(RCX).disp(JOB_PROGRAM), RAX);
        a.mov(mem(RCX).disp(JOB_PROGRESS), R14);
        a.mov(mem(RCX).disp(JOB_AREA), R13);
        a.add(RCX, 1 << JOB_SHIFT);
        a.inc(R8);
        a.inc(R9);
        a.cmp(R9, mem(R12).disp(LitmusPrograms.THREADS));
        a.j(Cond.NE, sameCopy);
        a.xor(R9D, R9D);
        a.add(R13, 1 << LitmusArea.COPY_SHIFT);
        a.mov(RAX, mem(R12).disp(LitmusPrograms.THREADS));
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

    /** Emits the clearing of all copies' progress. Changes RAX, RCX and RDI. */
    void clearProgress() {
        a.lea(RDI, mem(progress));
        a.xor(EAX, EAX);
        a.mov(ECX, OtherProcessors.MOST * LitmusCode.LINE / 8);
        a.rep().stos(8);
    }

    /** Emits the variables. */
    void emitData() {
        a.align(LitmusCode.LINE);
        a.bind(arrived);
        a.zeros(LitmusCode.LINE);
        a.bind(generation);
        a.zeros(LitmusCode.LINE);
        a.bind(progress);
        a.zeros(OtherProcessors.MOST * LitmusCode.LINE);
        a.bind(jobs);
        a.zeros(OtherProcessors.MOST << JOB_SHIFT);
    }
}
