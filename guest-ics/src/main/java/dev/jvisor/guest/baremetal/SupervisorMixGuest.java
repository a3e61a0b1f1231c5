package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;
import static dev.jvisor.guest.asm.Xmm.*;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;

/**
 * At CPL0, what any kernel of today does and an interpreter of supervisor code may lack (KVM-PVM does): POPCNT, SSE2 arithmetic and moves,
 * MXCSR, CMPXCHG16B, x87, INT3 and INT n with handlers, a vector store to device memory. Each round folds its results into a checksum,
 * which is printed; parameter 0 is the number of rounds.
 */
public final class SupervisorMixGuest {
    private static final int INT_VECTOR = 0x50;
    private static final int BREAKPOINT = 3;
    /** IOREGSEL: a store there does nothing that lasts. */
    private static final long DEVICE = IoApic.GPA;
    private static final int CR4_OSFXSR = 0x200;

    private SupervisorMixGuest() { }

    /**
     * Makes the guest.
     *
     * @param rounds at least 1
     */
    public static GuestProgram program(long rounds) {
        if (rounds < 1) {
            throw new IllegalArgumentException("at least one round: rounds=" + rounds);
        }
        return build().withParameter(0, rounds);
    }

    private static GuestProgram build() {
        BootPrologue boot = new BootPrologue();
        Assembler a = boot.assembler();
        Label breakpoint = a.label("breakpoint");
        Label software = a.label("softwareInterrupt");
        Label scratch = a.label("scratch");
        Label round = a.label("round");
        boot.start();
        boot.enterLongMode(false);
        boot.onInterrupt(BREAKPOINT, breakpoint, false);
        boot.onInterrupt(INT_VECTOR, software, false);
        a.mov(RAX, dev.jvisor.guest.asm.Cr.CR4);
        a.or(RAX, CR4_OSFXSR);
        a.mov(dev.jvisor.guest.asm.Cr.CR4, RAX);
        a.fninit();
        boot.serial().printLine("supervisor-mix: start");
        a.movabs(R12, 0x9E3779B97F4A7C15L);
        a.mov(RBP, boot.parameter(0));
        a.bind(round);
        a.popcnt(RAX, R12);
        fold(a);
        a.movq(XMM0, R12);
        a.punpcklqdq(XMM0, XMM0);
        a.paddd(XMM0, XMM0);
        a.pxor(XMM1, XMM1);
        a.psubw(XMM1, XMM0);
        a.movdqu(mem(scratch), XMM1);
        a.mov(RAX, mem(scratch).disp(8).qword());
        fold(a);
        a.stmxcsr(mem(scratch).dword());
        a.mov(EAX, mem(scratch).dword());
        fold(a);
        // CMPXCHG16B of what is there.
        a.lea(RSI, mem(scratch));
        a.mov(RAX, mem(RSI));
        a.mov(RDX, mem(RSI).disp(8));
        a.mov(RBX, R12);
        a.mov(RCX, RBP);
        a.cmpxchg16b(mem(RSI));
        a.set(Cond.E, AL);
        a.movzx(EAX, AL);
        a.add(RAX, mem(RSI));
        fold(a);
        a.cvtsi2sd(XMM2, RBP);
        a.sqrtsd(XMM2, XMM2);
        a.movq(RAX, XMM2);
        fold(a);
        a.int3();
        a.int_(INT_VECTOR);
        a.mov(EDI, DEVICE);
        a.movaps(mem(RDI), XMM1);
        a.dec(RBP);
        a.j(Cond.NE, round);
        boot.serial().print("supervisor-mix: checksum 0x");
        a.mov(RAX, R12);
        boot.serial().printHex();
        boot.serial().printLine("");
        PowerOff.emit(a, 0);

        a.bind(breakpoint);
        a.rol(R12, 5);
        a.iretq();
        a.bind(software);
        a.xor(R12, RBP);
        a.iretq();
        a.align(16);
        a.bind(scratch);
        a.dq(0, 0);
        return boot.finish("supervisor-mix");
    }

    /** RAX into the checksum, R12. */
    private static void fold(Assembler a) {
        a.xor(R12, RAX);
        a.rol(R12, 13);
        a.add(R12, RAX);
    }
}
