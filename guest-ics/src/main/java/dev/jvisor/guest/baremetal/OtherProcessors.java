package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Cr;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.asm.Seg;

/**
 * The way of a guest's further processors into 64-bit code: INIT, start-up IPIs, a trampoline below 1 MiB, and the {@link LocalApic} that all
 * of it takes. APIC IDs run from 0 without gaps; the first processor is 0.
 *
 * <p>Use: {@link #enableLocalApic} on the first processor; {@link #start} for each further one; {@link #emitRoutines} where nothing runs into
 * them; {@link #emitArrival}, followed by what the arrivals are to do; {@link #emitTrampoline} behind {@link BootPrologue#emitTables}, as
 * the last of the image.
 */
public final class OtherProcessors {
    /** Highest number of processors. */
    public static final int MOST = 16;
    /** Timer counts at divide-by-16; a millisecond where the APIC bus runs at 1 GHz. */
    public static final int MILLISECOND = 62_500;

    private static final int TRAMPOLINE = 0x8000;
    private static final int TRAMPOLINE_BYTES = 256;
    private static final int STACK_BYTES = 4096;

    private final BootPrologue boot;
    private final Assembler a;
    private final Label running;
    private final Label nextStack;
    private final Label delay;
    private final Label sendIpi;
    private final Label arrival;
    private final Label trampoline;

    /** Makes the routines of a guest. @param boot its prologue */
    public OtherProcessors(BootPrologue boot) {
        this.boot = boot;
        a = boot.assembler();
        running = a.label("running");
        nextStack = a.label("nextStack");
        delay = a.label("delay");
        sendIpi = a.label("sendIpi");
        arrival = a.label("arrival");
        trampoline = a.label("trampoline");
    }

    /** {@return a register of the local APIC, whose address {@link #enableLocalApic} left in R15} */
    public Mem apic(int register) {
        return mem(R15).disp(register).dword();
    }

    /** Emits the enabling of the present processor's local APIC, its timer masked. Leaves its address in R15. */
    public void enableLocalApic() {
        a.mov(R15D, LocalApic.GPA);
        LocalApic.enable(a, R15);
        a.mov(apic(LocalApic.TIMER_DIVIDE), LocalApic.DIVIDE_BY_16);
        a.mov(apic(LocalApic.LVT_TIMER), LocalApic.LVT_MASKED);
    }

    /** {@return EDI milliseconds by the masked local timer, where the APIC bus runs at 1 GHz: a routine that changes RAX and RDI} */
    public Label delay() {
        return delay;
    }

    /** {@return interrupt command ESI to APIC ID EDI: a routine that keeps all registers} */
    public Label sendIpi() {
        return sendIpi;
    }

    /** Emits the copying of the trampoline to where start-up IPIs lead. Changes RCX, RSI and RDI. */
    public void placeTrampoline() {
        a.cld();
        a.mov(RSI, trampoline);
        a.mov(EDI, TRAMPOLINE);
        a.mov(ECX, TRAMPOLINE_BYTES);
        a.rep().movs(1);
    }

    /**
     * Emits the start of the processor whose APIC ID is in R13: INIT, 10 ms, SIPI, up to 200 ms, SIPI again, up to many seconds (Intel SDM
     * volume 3, section 8.4.4). Changes RAX, RBX, RCX, RSI and RDI; R15 is the local APIC.
     *
     * @param failed where to go when it does not come
     */
    public void start(Label failed) {
        Label started = a.label("started");
        a.mov(RAX, R13);
        a.imul(RAX, RAX, STACK_BYTES);
        a.lea(RCX, mem(trampoline));
        a.sub(RCX, RAX);
        a.mov(mem(nextStack), RCX);
        a.mov(RDI, R13);
        a.mov(ESI, LocalApic.ICR_INIT);
        a.call(sendIpi);
        a.mov(EDI, 10);
        a.call(delay);
        for (int milliseconds : new int[] {200, 20_000}) {
            a.mov(RDI, R13);
            a.mov(ESI, LocalApic.ICR_STARTUP | TRAMPOLINE >> 12);
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
        a.jmp(failed);
        a.bind(started);
    }

    /** Emits the routines. Not to be run into. */
    public void emitRoutines() {
        a.bind(delay);
        a.imul(EDI, EDI, MILLISECOND);
        a.mov(apic(LocalApic.TIMER_INITIAL), EDI);
        Label poll = a.bind("delayPoll");
        a.pause();
        a.mov(EAX, apic(LocalApic.TIMER_CURRENT));
        a.test(EAX, EAX);
        a.j(Cond.NE, poll);
        a.ret();

        a.bind(sendIpi);
        a.push(RAX);
        a.push(RDX);
        a.mov(EDX, LocalApic.GPA);
        a.mov(EAX, EDI);
        a.shl(EAX, 24);
        a.mov(mem(RDX).disp(LocalApic.ICR_HIGH), EAX);
        a.mov(mem(RDX).disp(LocalApic.ICR_LOW), ESI);
        Label pending = a.bind("pending");
        a.mov(EAX, mem(RDX).disp(LocalApic.ICR_LOW));
        a.bt(EAX, LocalApic.ICR_PENDING_BIT);
        Label sent = a.label("sent");
        a.jShort(Cond.AE, sent);
        a.pause();
        a.jmp(pending);
        a.bind(sent);
        a.pop(RDX);
        a.pop(RAX);
        a.ret();
        a.align(8);
        a.bind(running);
        a.dq(0);
        a.bind(nextStack);
        a.dq(0);
    }

    /**
     * Emits where a further processor arrives: 64-bit mode, CPL0, interrupts off, a stack of its own, the guest's IDT, its local APIC on. What
     * follows it runs with the APIC ID in RAX, and with R15 set. There is no TSS.
     */
    public void emitArrival() {
        a.bind(arrival);
        a.mov(EAX, BootPrologue.KERNEL_DS);
        a.mov(Seg.DS, EAX);
        a.mov(Seg.ES, EAX);
        a.mov(Seg.SS, EAX);
        a.mov(RSP, mem(nextStack));
        a.lidt(mem(boot.idtPointer()));
        enableLocalApic();
        a.mov(EAX, apic(LocalApic.ID));
        a.shr(EAX, 24);
        a.mov(mem(running), RAX);
    }

    /** Emits the stacks and the trampoline: real mode to 64-bit mode, at a page below 1 MiB. Everything it names is bound by now. */
    public void emitTrampoline() {
        // Processor n's stack ends n - 1 stacks below the trampoline.
        a.align(16);
        a.zeros(STACK_BYTES * MOST);
        a.bind(trampoline);
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
        t.jmpFar(BootPrologue.KERNEL_CS, arrival.address(), 4);
        t.align(4);
        t.bind(pointer);
        // The 16-bit form of LGDT takes 24 bits of base, and the image lies below 16 MiB.
        t.dw(10 * 8 - 1);
        t.dd(boot.gdtAddress());
        t.padTo(TRAMPOLINE_BYTES);
        a.bytes(t.assemble());
    }
}
