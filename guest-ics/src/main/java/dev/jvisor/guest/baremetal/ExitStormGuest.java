package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mem;

/**
 * Leaves the guest as often as it can: writes to port 0x80, then 32-bit reads and 32-bit writes (of what was read) at an
 * MMIO address, each a given number of times, from 64-bit code at CPL0.
 *
 * <p>Parameters: 0 port writes, 1 MMIO reads and as many MMIO writes, 2 the MMIO address, 3 non-zero to print the TSC
 * cycles of each phase (which differ from run to run).
 */
public final class ExitStormGuest {
    /** IOREGSEL of the I/O APIC: reads give what was written, and nothing happens. */
    public static final long DEFAULT_MMIO_ADDRESS = IoApic.GPA;
    /** The port written to: the POST code port. */
    public static final int PORT = 0x80;

    private static final String[] PHASES = {" port writes", " MMIO reads", " MMIO writes"};

    private ExitStormGuest() {
    }

    /**
     * Makes the guest.
     *
     * @param portWrites   how many, not negative
     * @param mmioAccesses how many reads, and how many writes, not negative
     * @param mmioAddress  GPA below 4 GiB, a multiple of four
     * @param printCycles  whether to print how long each phase took
     * @return the guest
     */
    public static GuestProgram program(long portWrites, long mmioAccesses, long mmioAddress, boolean printCycles) {
        if (portWrites < 0 || mmioAccesses < 0 || mmioAddress < 0 || mmioAddress >= 1L << 32 || mmioAddress % 4 != 0) {
            throw new IllegalArgumentException("portWrites=" + portWrites + ", mmioAccesses=" + mmioAccesses + ", mmioAddress=" + mmioAddress);
        }
        return build().withParameter(0, portWrites).withParameter(1, mmioAccesses).withParameter(2, mmioAddress)
                .withParameter(3, printCycles ? 1 : 0);
    }

    private static GuestProgram build() {
        BootPrologue boot = new BootPrologue();
        Assembler a = boot.assembler();
        boot.start();
        boot.enterLongMode(false);
        boot.serial().printLine("exit-storm: start");
        Label cycles = a.label("cycles");
        for (int phase = 0; phase < PHASES.length; phase++) {
            a.mov(RBX, boot.parameter(2));
            a.mov(RCX, boot.parameter(phase == 0 ? 0 : 1));
            a.xor(EDI, EDI);
            TimeStampCounter.read(a);
            a.mov(R8, RAX);
            Label loop = a.label("loop");
            Label end = a.label("end");
            a.test(RCX, RCX);
            a.j(Cond.E, end);
            a.xor(EAX, EAX);
            a.bind(loop);
            switch (phase) {
                case 0 -> a.out(PORT, AL);
                case 1 -> a.mov(EDX, mem(RBX));
                default -> a.mov(mem(RBX), ESI);
            }
            a.inc(RDI);
            a.cmp(RDI, RCX);
            a.j(Cond.NE, loop);
            a.bind(end);
            if (phase == 1) {
                a.mov(ESI, EDX);
                a.mov(mem(cycles).disp(8).dword(), ESI);
            }
            TimeStampCounter.read(a);
            a.sub(RAX, R8);
            a.mov(mem(cycles), RAX);
            report(boot, phase, mem(cycles));
            a.mov(ESI, mem(cycles).disp(8));
        }
        boot.serial().printLine("exit-storm: OK");
        PowerOff.emit(a, 0);
        a.align(8);
        a.bind(cycles);
        a.dq(0, 0);
        return boot.finish("exit-storm");
    }

    private static void report(BootPrologue boot, int phase, Mem cycles) {
        Assembler a = boot.assembler();
        boot.serial().print("exit-storm: ");
        a.mov(RAX, RDI);
        boot.serial().printDecimal();
        boot.serial().print(PHASES[phase]);
        Label quiet = a.label("quiet");
        a.cmp(boot.parameter(3), 0);
        a.j(Cond.E, quiet);
        boot.serial().print(", cycles ");
        boot.serial().printDecimal(cycles);
        a.bind(quiet);
        boot.serial().printLine("");
    }
}
