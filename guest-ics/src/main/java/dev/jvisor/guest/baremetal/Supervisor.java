package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;

/**
 * What is left at CPL0 of a guest that lives at CPL3: a way down, and two services called by INT3. Where the host interprets supervisor code
 * (KVM-PVM) such a guest runs at full speed all the same, ports and device memory included; everywhere else it costs nothing to speak of.
 *
 * <p>User code runs with interrupts off. They are taken only inside {@link #sleep}, so an interrupt that comes between a look at memory
 * and the sleep ends the sleep at once, and nothing is missed.
 *
 * <p>Use: after {@link BootPrologue#enterLongMode} with user pages, {@link #start}, other set-up at CPL0, {@link #enterUser}, user code;
 * {@link #emit} once, where code does not run into it.
 */
public final class Supervisor {
    private static final int BREAKPOINT = 3;
    private static final int USER_STACK_BYTES = 4096;
    /** RFLAGS with nothing but the bit that is always set: interrupts off. */
    private static final int QUIET = 2;
    private static final int SLEEP = 0;
    private static final int WRITE_MSR = 1;

    private final BootPrologue boot;
    private final Assembler a;
    private final Label service;
    private final Label endOfInterrupt;
    private final Label spurious;
    private final Label userStack;

    /** Makes the services of a guest. @param boot its prologue */
    public Supervisor(BootPrologue boot) {
        this.boot = boot;
        a = boot.assembler();
        service = a.label("service");
        endOfInterrupt = a.label("endOfInterrupt");
        spurious = a.label("spurious");
        userStack = a.label("userStack");
        boot.onInterrupt(BREAKPOINT, service, true);
        boot.onInterrupt(LocalApic.VECTOR_SPURIOUS, spurious, false);
    }

    /** Emits, at CPL0, the set-up of the interrupt controllers: PICs masked, local APIC on. Changes RAX and RBX. */
    public void start() {
        Pics.maskAll(a);
        a.mov(EBX, LocalApic.GPA);
        LocalApic.enable(a, RBX);
    }

    /** Has a vector end {@link #sleep}, and nothing more. @param vector 32 to 254 */
    public void wakeOn(int vector) {
        boot.onInterrupt(vector, endOfInterrupt, false);
    }

    /** Emits, at CPL0, the routing of an edge-triggered line of the I/O APIC to the first processor. Changes RBX. */
    public void route(int pin, int vector) {
        wakeOn(vector);
        a.mov(EBX, IoApic.GPA);
        IoApic.redirectToFirst(a, RBX, pin);
        IoApic.redirect(a, RBX, pin, vector);
    }

    /** Emits the way down: what follows runs at CPL3 with a stack of its own. Changes RAX. */
    public void enterUser() {
        Label user = a.label("user");
        a.push(BootPrologue.USER_DS);
        a.mov(RAX, userStack);
        a.push(RAX);
        a.push(QUIET);
        a.push(BootPrologue.USER_CS);
        a.mov(RAX, user);
        a.push(RAX);
        a.iretq();
        a.bind(user);
    }

    /** Emits, at CPL3, a wait for the next interrupt; one that is pending ends it at once. Changes RAX. */
    public void sleep() {
        a.mov(EAX, SLEEP);
        a.int3();
    }

    /** Emits, at CPL3, a WRMSR of EDX:EBX. Changes RAX and RCX. */
    public void writeMsr(int msr) {
        a.mov(EAX, WRITE_MSR);
        a.mov(ECX, msr);
        a.int3();
    }

    /** Emits the services, the handlers and the user stack. */
    public void emit() {
        a.bind(service);
        Label msr = a.label("serviceMsr");
        a.test(EAX, EAX);
        a.j(Cond.NE, msr);
        a.sti();
        a.hlt();
        a.cli();
        a.iretq();
        a.bind(msr);
        a.mov(EAX, EBX);
        a.wrmsr();
        a.iretq();

        a.bind(endOfInterrupt);
        a.push(RAX);
        LocalApic.endOfInterrupt(a);
        a.pop(RAX);
        a.bind(spurious);
        a.iretq();

        a.align(16);
        a.zeros(USER_STACK_BYTES);
        a.bind(userStack);
    }
}
