package dev.jvisor.guest.disk;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.baremetal.BootPrologue;
import dev.jvisor.guest.baremetal.GuestProgram;
import dev.jvisor.guest.baremetal.PowerOff;
import dev.jvisor.guest.baremetal.Supervisor;
import dev.jvisor.guest.baremetal.TimeStampCounter;
import dev.jvisor.guest.disk.DiskWorkload.Operation;
import dev.jvisor.guest.vsc.Failure;

/**
 * Keeps a disk busy: a workload's transfers over one of the three ways there are to a disk, and a flush now and then. It measures the time
 * of each transfer by RDTSC, and says so to the host in memory that both know:
 *
 * <pre>
 * CONTROL +0   phase (4), written by the host: 0 warming up, 1 measuring, 2 stop
 *         +8   transfers that were measured (8)
 *         +16  flushes in the same time (8)
 *         +24  sum of all 8-byte words that were read and checked (8)
 *         +32  sectors that held something else (8)
 *         +40  TSC when measuring began (8)    +48  when it ended (8)
 * LATENCIES    TSC ticks of each measured transfer (4 each), the first {@link #MAX_LATENCIES} of them
 * BUFFERS      one for each transfer on its way
 * </pre>
 *
 * <p>To port {@link #MARK_PORT} it writes {@link #READY} when the disk is found, {@link #BEGIN} and {@link #END} around what is measured. With
 * a count it measures all, and ends by itself. It prints how many transfers were done and, when contents are verified, their sum.
 */
public final class DiskGuest {
    /** Where marks go. */
    public static final int MARK_PORT = 0x80;
    /** Mark: about to begin. */
    public static final int READY = 3;
    /** Mark: measuring from here. */
    public static final int BEGIN = 1;
    /** Mark: measured until here. */
    public static final int END = 2;
    /** GPA of what host and guest tell each other. */
    public static final int CONTROL = 0x0120_0000;
    /** Offsets in it. */
    public static final int PHASE = 0, DONE = 8, FLUSHES = 16, SUM = 24, MISMATCHES = 32, TSC_BEGIN = 40, TSC_END = 48;
    /** Values of {@link #PHASE}. */
    public static final int WARMING_UP = 0, MEASURING = 1, STOP = 2;
    /** GPA of the transfers' times. */
    public static final int LATENCIES = 0x0200_0000;
    /** How many there is room for. */
    public static final int MAX_LATENCIES = 0x0200_0000 / 4;
    /** Exit code when a sector did not hold what it should. */
    public static final int WRONG_CONTENT = 14;

    static final int SHARED = 0x0100_0000;
    static final int BUFFERS = 0x0400_0000;
    private static final int PAGE = 4096;
    private static final long LCG_FACTOR = 6364136223846793005L;
    private static final long LCG_TERM = 1442695040888963407L;

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final DiskWorkload w;
    private final String name;
    private final Supervisor supervisor = new Supervisor(boot);
    private final Failure failure;
    private final DiskTransport transport;
    private final Label issue = a.label("issue");
    private final Label completed = a.label("completed");
    private final Label forEachWord = a.label("words");
    private final Label freeSlots = a.label("freeSlots");
    private final Label slotStart = a.label("slotStart");
    private final Label slotSector = a.label("slotSector");
    private final Label nextBlock = a.label("nextBlock");
    private final Label issued = a.label("issued");
    private final Label untilFlush = a.label("untilFlush");
    private final Label measuring = a.label("measuring");

    private DiskGuest(DiskPath path, DiskWorkload workload) {
        w = workload;
        name = "disk-" + path.text();
        failure = new Failure(boot, name);
        transport = switch (path) {
            case SYNTHETIC -> new SyntheticTransport(boot, supervisor, failure, w);
            case IDE_DMA -> new IdeTransport(boot, supervisor, failure, w, true);
            case IDE_PIO -> new IdeTransport(boot, supervisor, failure, w, false);
        };
    }

    /**
     * Makes the guest.
     *
     * @param path how it gets to the disk: the first unit of the synthetic controller, or drive 0 of the primary IDE channel
     * @throws IllegalArgumentException when the path cannot do it: IDE has one transfer at a time
     */
    public static GuestProgram program(DiskPath path, DiskWorkload workload) {
        return new DiskGuest(path, workload).build();
    }

    /** {@return the RAM it needs, in bytes} */
    public static long memoryBytes(DiskWorkload w) {
        long buffers = (long) w.depth() * bufferBytes(w);
        return (BUFFERS + buffers + (16 << 20) - 1) / (16 << 20) * (16 << 20);
    }

    static int bufferBytes(DiskWorkload w) {
        return Math.max(PAGE, w.blockBytes());
    }

    private Mem control(int field) {
        return mem((long) CONTROL + field).qword();
    }

    private GuestProgram build() {
        boot.start();
        boot.enterLongMode(true);
        supervisor.start();
        a.mov(EDI, CONTROL);
        a.mov(ECX, PAGE / 8);
        a.xor(EAX, EAX);
        a.rep().stos(8);
        transport.prepare();
        supervisor.enterUser();
        boot.serial().printLine(name + ": start");
        transport.connect();
        for (int i = 0; i < w.depth(); i++) {
            a.mov(mem(freeSlots).disp(i).byte_(), i);
        }
        a.mov(R14D, w.depth());
        a.mov(R15, w.seed());
        mark(READY);
        if (w.count() > 0) {
            begin();
        }
        mainLoop();
        if (w.count() > 0) {
            end();
        }
        report();

        emitIssue();
        emitCompleted();
        if (w.verify()) {
            emitWords();
        }
        transport.emit();
        supervisor.emit();
        a.align(8);
        for (Label variable : new Label[] {nextBlock, issued, untilFlush, measuring}) {
            a.bind(variable);
            a.dq(variable == untilFlush ? w.flushEvery() : 0);
        }
        for (Label table : new Label[] {freeSlots, slotStart, slotSector}) {
            a.bind(table);
            a.zeros(8 * DiskWorkload.MAX_DEPTH);
        }
        return boot.finish(name);
    }

    private void mark(int value) {
        a.mov(AL, value);
        a.out(MARK_PORT, AL);
    }

    /** R14 is the number of free slots, R15 the state of the generator, EBP whether something was issued. */
    private void mainLoop() {
        Label loop = a.bind("loop");
        Label nothing = a.label("nothingDone");
        Label refill = a.label("refill");
        Label full = a.label("full");
        Label over = a.label("over");
        transport.poll(nothing);
        a.call(completed);
        a.jmp(loop);
        a.bind(nothing);
        a.xor(EBP, EBP);
        a.bind(refill);
        a.test(R14D, R14D);
        a.j(Cond.E, full);
        if (w.count() > 0) {
            a.mov(RAX, w.count());
            a.cmp(mem(issued), RAX);
            a.j(Cond.AE, full);
        } else {
            // As it was noted with the last one that was done: else the guest could end without having said that it measured.
            a.cmp(mem(measuring).qword(), STOP);
            a.j(Cond.E, full);
        }
        a.inc(mem(issued).qword());
        a.dec(R14D);
        a.movzx(ESI, mem(R14).at(freeSlots).byte_());
        a.call(issue);
        a.inc(EBP);
        a.jmp(refill);
        a.bind(full);
        a.test(EBP, EBP);
        Label idle = a.label("idle");
        a.j(Cond.E, idle);
        transport.publish();
        a.jmp(loop);
        a.bind(idle);
        a.cmp(R14D, w.depth());
        a.j(Cond.E, over);
        transport.sleep();
        a.jmp(loop);
        a.bind(over);
    }

    /** Issues an operation in slot ESI. */
    private void emitIssue() {
        a.bind(issue);
        a.push(RSI);
        if (w.flushEvery() > 0) {
            Label data = a.label("issueData");
            a.dec(mem(untilFlush).qword());
            a.j(Cond.NE, data);
            a.mov(mem(untilFlush).qword(), w.flushEvery());
            a.mov(mem(slotSector).index(RSI, 8).qword(), -1);
            transport.flush();
            a.pop(RSI);
            a.ret();
            a.bind(data);
        }
        if (w.random()) {
            a.movabs(RAX, LCG_FACTOR);
            a.imul(R15, RAX);
            a.movabs(RAX, LCG_TERM);
            a.add(R15, RAX);
            a.mov(RAX, R15);
            a.shr(RAX, 33);
            a.xor(EDX, EDX);
            a.mov(ECX, w.blocks());
            a.div(ECX);
        } else {
            a.mov(RDX, mem(nextBlock));
            a.lea(EAX, mem(RDX).disp(1));
            a.xor(ECX, ECX);
            a.cmp(EAX, w.blocks());
            a.cmov(Cond.AE, EAX, ECX);
            a.mov(mem(nextBlock), RAX);
        }
        a.shl(RDX, Integer.numberOfTrailingZeros(w.blockBytes() / w.sectorBytes()));
        a.mov(mem(slotSector).index(RSI, 8), RDX);
        if (w.verify() && w.operation() == Operation.WRITE) {
            a.mov(EDI, 0);
            a.call(forEachWord);
            a.mov(RSI, mem(RSP));
            a.mov(RDX, mem(slotSector).index(RSI, 8));
        }
        a.mov(RCX, RDX);
        TimeStampCounter.read(a);
        a.mov(mem(slotStart).index(RSI, 8), RAX);
        a.mov(RDX, RCX);
        transport.transfer();
        a.pop(RSI);
        a.ret();
    }

    /** Slot EAX is done: its time, its contents, and it is free. */
    private void emitCompleted() {
        a.bind(completed);
        Label transfer = a.label("transferDone");
        Label free = a.label("slotFree");
        a.mov(ESI, EAX);
        if (w.count() == 0) {
            // What was still on its way at the end does not count.
            a.cmp(mem(measuring).qword(), STOP);
            a.j(Cond.E, free);
            notePhase();
        }
        a.cmp(mem(slotSector).index(RSI, 8).qword(), -1);
        a.j(Cond.NE, transfer);
        a.inc(control(FLUSHES));
        a.jmp(free);
        a.bind(transfer);
        TimeStampCounter.read(a);
        a.sub(RAX, mem(slotStart).index(RSI, 8));
        a.mov(RCX, control(DONE));
        Label full = a.label("timesFull");
        a.cmp(RCX, MAX_LATENCIES);
        a.j(Cond.AE, full);
        a.mov(mem(LATENCIES).index(RCX, 4), EAX);
        a.bind(full);
        a.inc(control(DONE));
        if (w.verify() && w.operation() == Operation.READ) {
            a.push(RSI);
            a.mov(RDX, mem(slotSector).index(RSI, 8));
            a.mov(EDI, 1);
            a.call(forEachWord);
            a.pop(RSI);
        }
        a.bind(free);
        a.mov(RAX, RSI);
        a.mov(mem(R14).at(freeSlots), AL);
        a.inc(R14D);
        a.ret();
    }

    /** Looks whether the host has gone on to another phase. Keeps RSI. */
    private void notePhase() {
        Label same = a.label("samePhase");
        Label stop = a.label("phaseStop");
        a.mov(EAX, control(PHASE).dword());
        a.cmp(RAX, mem(measuring));
        a.j(Cond.E, same);
        a.mov(mem(measuring), RAX);
        a.cmp(EAX, STOP);
        a.j(Cond.E, stop);
        a.xor(EAX, EAX);
        a.mov(control(DONE), RAX);
        a.mov(control(FLUSHES), RAX);
        begin();
        a.jmp(same);
        a.bind(stop);
        end();
        a.bind(same);
    }

    private void begin() {
        TimeStampCounter.read(a);
        a.mov(control(TSC_BEGIN), RAX);
        mark(BEGIN);
    }

    private void end() {
        TimeStampCounter.read(a);
        a.mov(control(TSC_END), RAX);
        mark(END);
    }

    /** For slot ESI at sector RDX: EDI 0, writes each word of the buffer; 1, checks and sums them. */
    private void emitWords() {
        a.bind(forEachWord);
        a.imul(RSI, RSI, bufferBytes(w));
        a.add(RSI, BUFFERS);
        a.shl(RDX, Integer.numberOfTrailingZeros(w.sectorBytes() / 8));
        a.movabs(R8, DiskWorkload.CONTENT_FACTOR);
        a.movabs(R9, w.seed());
        a.imul(RDX, R8);
        a.mov(ECX, w.blockBytes() / 8);
        Label check = a.label("wordCheck");
        Label fill = a.label("wordFill");
        a.test(EDI, EDI);
        a.j(Cond.NE, check);
        a.bind(fill);
        a.mov(RAX, RDX);
        a.xor(RAX, R9);
        a.mov(mem(RSI), RAX);
        a.add(RDX, R8);
        a.add(RSI, 8);
        a.dec(ECX);
        a.j(Cond.NE, fill);
        a.ret();
        a.bind(check);
        a.xor(R10D, R10D);
        a.xor(R11D, R11D);
        Label each = a.bind("wordEach");
        Label equal = a.label("wordEqual");
        a.mov(RAX, mem(RSI));
        a.add(R10, RAX);
        a.xor(RAX, R9);
        a.cmp(RAX, RDX);
        a.j(Cond.E, equal);
        a.inc(R11);
        a.bind(equal);
        a.add(RDX, R8);
        a.add(RSI, 8);
        a.dec(ECX);
        a.j(Cond.NE, each);
        a.add(control(SUM), R10);
        a.add(control(MISMATCHES), R11);
        a.ret();
    }

    private void report() {
        boot.serial().print(name + ": ");
        boot.serial().printDecimal(control(DONE));
        boot.serial().print(" transfers, ");
        boot.serial().printDecimal(control(FLUSHES));
        boot.serial().printLine(" flushes");
        if (w.verify() && w.operation() == Operation.READ) {
            boot.serial().print(name + ": sum 0x");
            a.mov(RAX, control(SUM));
            boot.serial().printHex();
            boot.serial().print(", wrong words ");
            boot.serial().printDecimal(control(MISMATCHES));
            boot.serial().printLine("");
            a.cmp(control(MISMATCHES), 0);
            failure.unless(Cond.E, "the disk holds something else", WRONG_CONTENT);
        }
        boot.serial().printLine(name + ": OK");
        PowerOff.emit(a, 0);
    }
}
