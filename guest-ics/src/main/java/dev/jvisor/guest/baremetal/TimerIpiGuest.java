package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static dev.jvisor.guest.baremetal.LocalApic.*;
import static dev.jvisor.guest.baremetal.OtherProcessors.MILLISECOND;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;

/**
 * Timers and interprocessor interrupts, each counted and reported by a line: local APIC timer one-shot and periodic, PIT
 * through the PIC (LINT0 as ExtINT), PIT through the I/O APIC (pin 2), an IPI to oneself, then for each further
 * processor INIT-SIPI-SIPI and ten IPIs each way. The local APIC is used in xAPIC mode at 0xFEE00000.
 *
 * <p>Parameters: 0 number of processors (1 to 16), with APIC IDs from 0 without gaps; the first runs the guest. A line
 * "timer-ipi: FAIL ..." and exit code 3 say that a processor did not start; a timer that never fires hangs the guest.
 */
public final class TimerIpiGuest {
    /** Highest number of processors. */
    public static final int MAX_PROCESSORS = OtherProcessors.MOST;

    private static final int PIT_PIN = 2;

    private static final int VECTOR_PIC_TIMER = 0x20;
    private static final int VECTOR_LOCAL_TIMER = 0x40;
    private static final int VECTOR_IO_APIC_TIMER = 0x41;
    private static final int VECTOR_PING = 0x50;
    private static final int VECTOR_PONG = 0x51;
    private static final int VECTOR_SELF = 0x52;

    private static final int TICKS = 10;
    private static final int PIT_DIVISOR_100_HZ = 11_932;

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final Label localTicks = a.label("localTicks");
    private final Label picTicks = a.label("picTicks");
    private final Label ioApicTicks = a.label("ioApicTicks");
    private final Label selfIpis = a.label("selfIpis");
    private final Label pings = a.label("pings");
    private final Label pongs = a.label("pongs");
    private final OtherProcessors others = new OtherProcessors(boot);

    private TimerIpiGuest() {
    }

    /**
     * Makes the guest.
     *
     * @param processors how many the partition has, 1 to 16
     * @return the guest
     */
    public static GuestProgram program(int processors) {
        if (processors < 1 || processors > MAX_PROCESSORS) {
            throw new IllegalArgumentException("1 to " + MAX_PROCESSORS + " processors: processors=" + processors);
        }
        return new TimerIpiGuest().build().withParameter(0, processors);
    }

    private GuestProgram build() {
        boot.start();
        boot.enterLongMode(false);
        boot.serial().print("timer-ipi: start, processors ");
        boot.serial().printDecimal(boot.parameter(0));
        boot.serial().printLine("");
        others.enableLocalApic();
        maskPic(0xFF, true);
        localTimer();
        pitThroughPic();
        pitThroughIoApic();
        selfIpi();
        otherProcessors();
        boot.serial().printLine("timer-ipi: OK");
        PowerOff.emit(a, 0);

        others.emitRoutines();
        others.emitArrival();
        Label idle = a.bind("idle");
        a.sti();
        a.hlt();
        a.jmp(idle);
        handler(VECTOR_LOCAL_TIMER, localTicks, () -> endOfInterrupt(a));
        handler(VECTOR_IO_APIC_TIMER, ioApicTicks, () -> endOfInterrupt(a));
        handler(VECTOR_SELF, selfIpis, () -> endOfInterrupt(a));
        handler(VECTOR_PONG, pongs, () -> endOfInterrupt(a));
        handler(VECTOR_PIC_TIMER, picTicks, () -> {
            a.mov(AL, 0x20);
            a.out(Pics.MASTER_COMMAND, AL);
        });
        handler(VECTOR_PING, pings, () -> {
            endOfInterrupt(a);
            // The answer goes to the first processor, whose APIC ID is zero.
            a.push(RDI);
            a.push(RSI);
            a.xor(EDI, EDI);
            a.mov(ESI, ICR_FIXED | VECTOR_PONG);
            a.call(others.sendIpi());
            a.pop(RSI);
            a.pop(RDI);
        });
        Label spurious = a.bind("spurious");
        a.iretq();
        boot.onInterrupt(VECTOR_SPURIOUS, spurious, false);
        // IRQ 7 of an emulated PIC may be spurious.
        boot.onInterrupt(VECTOR_PIC_TIMER + 7, spurious, false);

        a.align(8);
        for (Label counter : new Label[] {localTicks, picTicks, ioApicTicks, selfIpis, pings, pongs}) {
            a.bind(counter);
            a.dq(0);
        }
        boot.emitTables();
        others.emitTrampoline();
        return boot.program("timer-ipi");
    }

    private Mem apic(int register) {
        return others.apic(register);
    }

    /** Sets the two PICs up at vectors 0x20 and 0x28 with a mask for the first. */
    private void maskPic(int mask, boolean initialize) {
        if (initialize) {
            Pics.initialize(a, VECTOR_PIC_TIMER, VECTOR_PIC_TIMER + 8);
            Pics.write(a, Pics.SLAVE_MASK, 0xFF);
        }
        Pics.write(a, Pics.MASTER_MASK, mask);
    }

    private void localTimer() {
        a.mov(apic(LVT_TIMER), VECTOR_LOCAL_TIMER);
        a.mov(apic(TIMER_INITIAL), 5 * MILLISECOND);
        waitFor(localTicks, 1);
        // A one-shot timer fires once: were it still running, its count would say so.
        a.mov(EAX, apic(TIMER_CURRENT));
        Label fired = a.label("fired");
        a.test(EAX, EAX);
        a.j(Cond.E, fired);
        fail("one-shot timer still counts");
        a.bind(fired);
        boot.serial().printLine("timer-ipi: OK local APIC timer, one-shot");
        a.mov(apic(LVT_TIMER), LVT_PERIODIC | VECTOR_LOCAL_TIMER);
        a.mov(apic(TIMER_INITIAL), 5 * MILLISECOND);
        waitFor(localTicks, 1 + TICKS);
        a.mov(apic(LVT_TIMER), LVT_MASKED);
        a.mov(apic(TIMER_INITIAL), 0);
        boot.serial().printLine("timer-ipi: OK local APIC timer, periodic, 10 ticks");
    }

    private void startPit() {
        // Channel 0, both bytes, mode 2 (Intel 8254 datasheet).
        a.mov(AL, 0x34);
        a.out(0x43, AL);
        a.mov(AL, PIT_DIVISOR_100_HZ & 0xFF);
        a.out(0x40, AL);
        a.mov(AL, PIT_DIVISOR_100_HZ >> 8);
        a.out(0x40, AL);
    }

    private void pitThroughPic() {
        a.mov(apic(LVT_LINT0), LVT_EXTINT);
        startPit();
        maskPic(0xFE, false);
        waitFor(picTicks, TICKS);
        maskPic(0xFF, false);
        a.mov(apic(LVT_LINT0), LVT_MASKED);
        boot.serial().printLine("timer-ipi: OK PIT through PIC, 10 ticks");
    }

    private void pitThroughIoApic() {
        a.mov(R14D, IoApic.GPA);
        IoApic.redirectToFirst(a, R14, PIT_PIN);
        IoApic.redirect(a, R14, PIT_PIN, VECTOR_IO_APIC_TIMER);
        startPit();
        waitFor(ioApicTicks, TICKS);
        IoApic.redirect(a, R14, PIT_PIN, IoApic.MASKED);
        boot.serial().printLine("timer-ipi: OK PIT through I/O APIC, 10 ticks");
    }

    private void selfIpi() {
        a.mov(apic(ICR_LOW), ICR_SELF | ICR_FIXED | VECTOR_SELF);
        waitFor(selfIpis, 1);
        boot.serial().printLine("timer-ipi: OK IPI to self");
    }

    private void otherProcessors() {
        Label next = a.label("nextProcessor");
        Label done = a.label("allProcessors");
        Label missing = a.label("missing");
        others.placeTrampoline();
        // R13 is the APIC ID of the processor at hand, R12 the number of pongs to wait for.
        a.mov(R13D, 1);
        a.xor(R12D, R12D);
        a.bind(next);
        a.cmp(R13, boot.parameter(0));
        a.j(Cond.AE, done);
        others.start(missing);
        Label round = a.label("round");
        a.mov(EBX, TICKS);
        a.bind(round);
        a.mov(RDI, R13);
        a.mov(ESI, ICR_FIXED | VECTOR_PING);
        a.call(others.sendIpi());
        a.inc(R12);
        waitFor(pongs, R12);
        a.dec(EBX);
        a.j(Cond.NE, round);
        a.cmp(mem(pings), R12);
        Label counted = a.label("counted");
        a.j(Cond.E, counted);
        fail("IPIs received are not as many as sent");
        a.bind(counted);
        boot.serial().print("timer-ipi: OK processor ");
        a.mov(RAX, R13);
        boot.serial().printDecimal();
        boot.serial().printLine(", 10 IPIs each way");
        a.inc(R13);
        a.jmp(next);
        a.bind(missing);
        fail("processor did not start");
        a.bind(done);
    }

    private void fail(String what) {
        boot.serial().printLine("timer-ipi: FAIL " + what);
        PowerOff.emit(a, 3);
    }

    /** Sleeps with interrupts on until a counter reaches a number. STI's shadow makes the test and the HLT one step. */
    private void waitFor(Label counter, int count) {
        a.mov(EAX, count);
        waitFor(counter, RAX);
    }

    private void waitFor(Label counter, Gpr count) {
        Label again = a.bind("again");
        Label reached = a.label("reached");
        a.cli();
        a.cmp(mem(counter), count);
        a.jShort(Cond.AE, reached);
        a.sti();
        a.hlt();
        a.jmp(again);
        a.bind(reached);
    }

    private void handler(int vector, Label counter, Runnable more) {
        Label handler = a.bind("handler" + vector);
        a.push(RAX);
        a.lock().inc(mem(counter).qword());
        more.run();
        a.pop(RAX);
        a.iretq();
        boot.onInterrupt(vector, handler, false);
    }
}
