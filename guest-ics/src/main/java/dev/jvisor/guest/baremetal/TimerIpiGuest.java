package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Gpr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;

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
    public static final int MAX_PROCESSORS = 16;

    private static final int LOCAL_APIC = 0xFEE00000;
    private static final int ID = 0x20;
    private static final int TASK_PRIORITY = 0x80;
    private static final int EOI = 0xB0;
    private static final int SPURIOUS = 0xF0;
    private static final int ICR_LOW = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int LVT_TIMER = 0x320;
    private static final int LVT_LINT0 = 0x350;
    private static final int INITIAL_COUNT = 0x380;
    private static final int CURRENT_COUNT = 0x390;
    private static final int DIVIDE = 0x3E0;
    private static final int MASKED = 1 << 16;
    private static final int PERIODIC = 1 << 17;
    private static final int EXT_INT = 7 << 8;
    private static final int ICR_SELF = 1 << 18;
    private static final int ICR_INIT = 0x4500;
    private static final int ICR_STARTUP = 0x4600;
    private static final int ICR_FIXED = 0x4000;
    private static final int IO_APIC = 0xFEC00000;
    private static final int PIT_PIN = 2;

    private static final int VECTOR_PIC_TIMER = 0x20;
    private static final int VECTOR_LOCAL_TIMER = 0x40;
    private static final int VECTOR_IO_APIC_TIMER = 0x41;
    private static final int VECTOR_PING = 0x50;
    private static final int VECTOR_PONG = 0x51;
    private static final int VECTOR_SELF = 0x52;
    private static final int VECTOR_SPURIOUS = 0xFF;

    /** Timer counts at divide-by-16; a millisecond where the APIC bus runs at 1 GHz. */
    private static final int MILLISECOND = 62_500;
    private static final int TICKS = 10;
    private static final int PIT_DIVISOR_100_HZ = 11_932;
    private static final int TRAMPOLINE = 0x8000;
    private static final int TRAMPOLINE_BYTES = 256;
    private static final int AP_STACK_BYTES = 4096;

    private final BootPrologue boot = new BootPrologue();
    private final Assembler a = boot.assembler();
    private final Label localTicks = a.label("localTicks");
    private final Label picTicks = a.label("picTicks");
    private final Label ioApicTicks = a.label("ioApicTicks");
    private final Label selfIpis = a.label("selfIpis");
    private final Label pings = a.label("pings");
    private final Label pongs = a.label("pongs");
    private final Label running = a.label("running");
    private final Label nextStack = a.label("nextStack");
    private final Label delay = a.label("delay");
    private final Label sendIpi = a.label("sendIpi");
    private final Label apEntry = a.label("apEntry");
    private final Label trampoline = a.label("trampoline");

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
        enableLocalApic();
        maskPic(0xFF, true);
        localTimer();
        pitThroughPic();
        pitThroughIoApic();
        selfIpi();
        otherProcessors();
        boot.serial().printLine("timer-ipi: OK");
        PowerOff.emit(a, 0);

        emitDelay();
        emitSendIpi();
        emitApEntry();
        handler(VECTOR_LOCAL_TIMER, localTicks, this::endOfInterrupt);
        handler(VECTOR_IO_APIC_TIMER, ioApicTicks, this::endOfInterrupt);
        handler(VECTOR_SELF, selfIpis, this::endOfInterrupt);
        handler(VECTOR_PONG, pongs, this::endOfInterrupt);
        handler(VECTOR_PIC_TIMER, picTicks, () -> {
            a.mov(AL, 0x20);
            a.out(0x20, AL);
        });
        handler(VECTOR_PING, pings, () -> {
            endOfInterrupt();
            // The answer goes to the first processor, whose APIC ID is zero.
            a.push(RDI);
            a.push(RSI);
            a.xor(EDI, EDI);
            a.mov(ESI, ICR_FIXED | VECTOR_PONG);
            a.call(sendIpi);
            a.pop(RSI);
            a.pop(RDI);
        });
        Label spurious = a.bind("spurious");
        a.iretq();
        boot.onInterrupt(VECTOR_SPURIOUS, spurious, false);
        // IRQ 7 of an emulated PIC may be spurious.
        boot.onInterrupt(VECTOR_PIC_TIMER + 7, spurious, false);

        a.align(8);
        for (Label counter : new Label[] {localTicks, picTicks, ioApicTicks, selfIpis, pings, pongs, running, nextStack}) {
            a.bind(counter);
            a.dq(0);
        }
        boot.emitTables();
        // Processor n's stack ends n stacks below the trampoline.
        a.align(16);
        a.zeros(AP_STACK_BYTES * MAX_PROCESSORS);
        a.bind(trampoline);
        a.bytes(trampolineCode());
        return boot.program("timer-ipi");
    }

    private Mem apic(int register) {
        return mem(R15).disp(register).dword();
    }

    private void enableLocalApic() {
        a.mov(R15D, LOCAL_APIC);
        a.mov(apic(TASK_PRIORITY), 0);
        a.mov(apic(SPURIOUS), 0x100 | VECTOR_SPURIOUS);
        a.mov(apic(DIVIDE), 3);
        a.mov(apic(LVT_TIMER), MASKED);
    }

    /** Sets the two PICs up at vectors 0x20 and 0x28 (Intel 8259A datasheet, ICW1 to ICW4), with a mask for the first. */
    private void maskPic(int mask, boolean initialize) {
        int[][] writes = {{0x20, 0x11}, {0xA0, 0x11}, {0x21, VECTOR_PIC_TIMER}, {0xA1, VECTOR_PIC_TIMER + 8}, {0x21, 4}, {0xA1, 2},
                {0x21, 1}, {0xA1, 1}, {0xA1, 0xFF}};
        if (initialize) {
            for (int[] write : writes) {
                a.mov(AL, write[1]);
                a.out(write[0], AL);
            }
        }
        a.mov(AL, mask);
        a.out(0x21, AL);
    }

    private void localTimer() {
        a.mov(apic(LVT_TIMER), VECTOR_LOCAL_TIMER);
        a.mov(apic(INITIAL_COUNT), 5 * MILLISECOND);
        waitFor(localTicks, 1);
        // A one-shot timer fires once: were it still running, its count would say so.
        a.mov(EAX, apic(CURRENT_COUNT));
        Label fired = a.label("fired");
        a.test(EAX, EAX);
        a.j(Cond.E, fired);
        fail("one-shot timer still counts");
        a.bind(fired);
        boot.serial().printLine("timer-ipi: OK local APIC timer, one-shot");
        a.mov(apic(LVT_TIMER), PERIODIC | VECTOR_LOCAL_TIMER);
        a.mov(apic(INITIAL_COUNT), 5 * MILLISECOND);
        waitFor(localTicks, 1 + TICKS);
        a.mov(apic(LVT_TIMER), MASKED);
        a.mov(apic(INITIAL_COUNT), 0);
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
        a.mov(apic(LVT_LINT0), EXT_INT);
        startPit();
        maskPic(0xFE, false);
        waitFor(picTicks, TICKS);
        maskPic(0xFF, false);
        a.mov(apic(LVT_LINT0), MASKED);
        boot.serial().printLine("timer-ipi: OK PIT through PIC, 10 ticks");
    }

    private void pitThroughIoApic() {
        a.mov(R14D, IO_APIC);
        redirect(0x10 + 2 * PIT_PIN + 1, 0);
        redirect(0x10 + 2 * PIT_PIN, VECTOR_IO_APIC_TIMER);
        startPit();
        waitFor(ioApicTicks, TICKS);
        redirect(0x10 + 2 * PIT_PIN, MASKED);
        boot.serial().printLine("timer-ipi: OK PIT through I/O APIC, 10 ticks");
    }

    private void redirect(int register, int value) {
        a.mov(mem(R14).dword(), register);
        a.mov(mem(R14).disp(0x10).dword(), value);
    }

    private void selfIpi() {
        a.mov(apic(ICR_LOW), ICR_SELF | ICR_FIXED | VECTOR_SELF);
        waitFor(selfIpis, 1);
        boot.serial().printLine("timer-ipi: OK IPI to self");
    }

    private void otherProcessors() {
        Label next = a.label("nextProcessor");
        Label done = a.label("allProcessors");
        a.cld();
        a.mov(RSI, trampoline);
        a.mov(EDI, TRAMPOLINE);
        a.mov(ECX, TRAMPOLINE_BYTES);
        a.rep().movs(1);
        // R13 is the APIC ID of the processor at hand, R12 the number of pongs to wait for.
        a.mov(R13D, 1);
        a.xor(R12D, R12D);
        a.bind(next);
        a.cmp(R13, boot.parameter(0));
        a.j(Cond.AE, done);
        startProcessor();
        Label round = a.label("round");
        a.mov(EBX, TICKS);
        a.bind(round);
        a.mov(RDI, R13);
        a.mov(ESI, ICR_FIXED | VECTOR_PING);
        a.call(sendIpi);
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
        a.bind(done);
    }

    /** INIT, 10 ms, SIPI, up to 200 ms, SIPI again, up to many seconds (Intel SDM volume 3, section 8.4.4). */
    private void startProcessor() {
        Label started = a.label("started");
        a.mov(RAX, R13);
        a.imul(RAX, RAX, AP_STACK_BYTES);
        a.lea(RCX, mem(trampoline));
        a.sub(RCX, RAX);
        a.mov(mem(nextStack), RCX);
        a.mov(RDI, R13);
        a.mov(ESI, ICR_INIT);
        a.call(sendIpi);
        a.mov(EDI, 10);
        a.call(delay);
        for (int milliseconds : new int[] {200, 20_000}) {
            a.mov(RDI, R13);
            a.mov(ESI, ICR_STARTUP | TRAMPOLINE >> 12);
            a.call(sendIpi);
            a.mov(EBX, milliseconds);
            Label poll = a.bind("poll");
            a.cmp(mem(running), R13);
            a.j(Cond.E, started);
            a.mov(EDI, 1);
            a.call(delay);
            a.dec(EBX);
            a.j(Cond.NE, poll);
        }
        fail("processor did not start");
        a.bind(started);
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

    /** EDI milliseconds by the masked local timer, where the APIC bus runs at 1 GHz. */
    private void emitDelay() {
        a.bind(delay);
        a.imul(EDI, EDI, MILLISECOND);
        a.mov(apic(INITIAL_COUNT), EDI);
        Label poll = a.bind("delayPoll");
        a.pause();
        a.mov(EAX, apic(CURRENT_COUNT));
        a.test(EAX, EAX);
        a.j(Cond.NE, poll);
        a.ret();
    }

    /** Interrupt command ESI to APIC ID EDI. Keeps all registers. */
    private void emitSendIpi() {
        a.bind(sendIpi);
        a.push(RAX);
        a.push(RDX);
        a.mov(EDX, LOCAL_APIC);
        a.mov(EAX, EDI);
        a.shl(EAX, 24);
        a.mov(mem(RDX).disp(ICR_HIGH), EAX);
        a.mov(mem(RDX).disp(ICR_LOW), ESI);
        Label pending = a.bind("pending");
        a.mov(EAX, mem(RDX).disp(ICR_LOW));
        a.bt(EAX, 12);
        Label sent = a.label("sent");
        a.jShort(Cond.AE, sent);
        a.pause();
        a.jmp(pending);
        a.bind(sent);
        a.pop(RDX);
        a.pop(RAX);
        a.ret();
    }

    /** Where a further processor arrives, in 64-bit mode. */
    private void emitApEntry() {
        a.bind(apEntry);
        a.mov(EAX, BootPrologue.KERNEL_DS);
        a.mov(Seg.DS, EAX);
        a.mov(Seg.ES, EAX);
        a.mov(Seg.SS, EAX);
        a.mov(RSP, mem(nextStack));
        a.lidt(mem(boot.idtPointer()));
        enableLocalApic();
        a.mov(EAX, apic(ID));
        a.shr(EAX, 24);
        a.mov(mem(running), RAX);
        Label idle = a.bind("idle");
        a.sti();
        a.hlt();
        a.jmp(idle);
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

    private void endOfInterrupt() {
        a.mov(EAX, LOCAL_APIC + EOI);
        a.mov(mem(RAX).dword(), 0);
    }

    /** Real mode to 64-bit mode, at a page below 1 MiB. Everything it names is bound by now. */
    private byte[] trampolineCode() {
        Assembler t = new Assembler(TRAMPOLINE, Mode.BITS16);
        Label flat = t.label("flat");
        t.cli();
        t.xor(AX, AX);
        t.mov(Seg.DS, AX);
        Label pointer = t.label("pointer");
        t.lgdt(mem(pointer));
        t.mov(EAX, Cr.CR0);
        t.or(EAX, 1);
        t.mov(Cr.CR0, EAX);
        t.jmpFar(BootPrologue.KERNEL32_CS, flat, 4);
        t.bits(Mode.BITS32);
        t.bind(flat);
        t.mov(EAX, BootPrologue.KERNEL_DS);
        t.mov(Seg.DS, EAX);
        t.mov(Seg.SS, EAX);
        BootPrologue.switchToLongMode(t, boot.pageTables());
        t.jmpFar(BootPrologue.KERNEL_CS, apEntry.address(), 4);
        t.align(4);
        t.bind(pointer);
        // The 16-bit form of LGDT takes 24 bits of base, and the image lies below 16 MiB.
        t.dw(10 * 8 - 1);
        t.dd(boot.gdtAddress());
        t.padTo(TRAMPOLINE_BYTES);
        return t.assemble();
    }
}
