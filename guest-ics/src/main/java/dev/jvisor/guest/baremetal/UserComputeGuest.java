package dev.jvisor.guest.baremetal;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;

/**
 * Runs an integer loop at CPL3 and prints its checksum: goes there by IRETQ, marks begin and end of the loop by writing 1
 * and 2 to port 0x80 (allowed by the TSS' I/O bitmap), comes back by INT3.
 *
 * <p>Parameters: 0 iterations (at least 1), 1 non-zero to print the TSC cycles of the loop. The loop is also to be had
 * as a function ({@link #loopCode()}) to run on the host for comparison, and in Java ({@link #checksum}).
 */
public final class UserComputeGuest {
    /** The port that marks begin (1) and end (2) of the loop. */
    public static final int MARK_PORT = 0x80;

    private static final long MULTIPLIER = 6364136223846793005L;
    private static final long INCREMENT = 1442695040888963407L;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final int BREAKPOINT = 3;

    private UserComputeGuest() {
    }

    /**
     * Makes the guest.
     *
     * @param iterations  of the loop, at least 1
     * @param printCycles whether to print the TSC cycles it took
     * @return the guest
     */
    public static GuestProgram program(long iterations, boolean printCycles) {
        if (iterations < 1) {
            throw new IllegalArgumentException("at least one iteration: iterations=" + iterations);
        }
        return build().withParameter(0, iterations).withParameter(1, printCycles ? 1 : 0);
    }

    /**
     * {@return the loop as a function of the System V ABI: iterations in RDI, checksum in RAX; position independent}
     */
    public static byte[] loopCode() {
        Assembler a = new Assembler(0, Mode.BITS64);
        emitLoop(a);
        return a.assemble();
    }

    /**
     * {@return the checksum the loop computes}
     *
     * @param iterations at least 1
     */
    public static long checksum(long iterations) {
        long x = GOLDEN;
        long y = iterations;
        for (long i = iterations; i != 0; i--) {
            x = x * MULTIPLIER + INCREMENT;
            y ^= x >>> 33;
            y = Long.rotateLeft(y, 7) + i;
            if ((x & 1L << 40) != 0) {
                y += GOLDEN;
            }
        }
        return y;
    }

    private static void emitLoop(Assembler a) {
        a.mov(R8, GOLDEN);
        a.mov(R9, MULTIPLIER);
        a.mov(R10, INCREMENT);
        a.mov(R11, GOLDEN);
        a.mov(RAX, RDI);
        Label loop = a.bind("loop");
        a.imul(R8, R9);
        a.add(R8, R10);
        a.mov(RDX, R8);
        a.shr(RDX, 33);
        a.xor(RAX, RDX);
        a.rol(RAX, 7);
        a.add(RAX, RDI);
        a.lea(RCX, mem(RAX).index(R11, 1));
        a.bt(R8, 40);
        a.cmov(Cond.B, RAX, RCX);
        a.dec(RDI);
        a.j(Cond.NE, loop);
        a.ret();
    }

    private static GuestProgram build() {
        BootPrologue boot = new BootPrologue();
        Assembler a = boot.assembler();
        Label user = a.label("user");
        Label userStack = a.label("userStack");
        Label back = a.label("back");
        Label loop = a.label("loop");
        Label cycles = a.label("cycles");
        boot.start();
        boot.enterLongMode(true);
        boot.serial().print("user-compute: ");
        boot.serial().printDecimal(boot.parameter(0));
        boot.serial().printLine(" iterations at CPL3");
        boot.onInterrupt(BREAKPOINT, back, true);
        // A firmware may have left its timer running, and user code runs with interrupts on.
        Pics.maskAll(a);
        a.push(BootPrologue.USER_DS);
        a.mov(RAX, userStack);
        a.push(RAX);
        a.push(0x202);
        a.push(BootPrologue.USER_CS);
        a.mov(RAX, user);
        a.push(RAX);
        a.iretq();

        a.bind(user);
        a.mov(AL, 1);
        a.out(MARK_PORT, AL);
        TimeStampCounter.read(a);
        a.mov(R12, RAX);
        a.mov(RDI, boot.parameter(0));
        a.call(loop);
        a.mov(RBX, RAX);
        TimeStampCounter.read(a);
        a.sub(RAX, R12);
        a.mov(mem(cycles), RAX);
        a.mov(AL, 2);
        a.out(MARK_PORT, AL);
        boot.serial().printLine("user-compute: loop done, back by INT3");
        a.int3();
        a.ud2();

        // Only the user code's own INT3 may end here.
        a.bind(back);
        Label wrong = a.label("wrong");
        a.cmp(mem(RSP).disp(8).qword(), BootPrologue.USER_CS);
        a.j(Cond.NE, wrong);
        boot.serial().print("user-compute: checksum 0x");
        a.mov(RAX, RBX);
        boot.serial().printHex();
        boot.serial().printLine("");
        Label quiet = a.label("quiet");
        a.cmp(boot.parameter(1), 0);
        a.j(Cond.E, quiet);
        boot.serial().print("user-compute: cycles ");
        boot.serial().printDecimal(mem(cycles));
        boot.serial().printLine("");
        a.bind(quiet);
        PowerOff.emit(a, 0);
        a.bind(wrong);
        boot.serial().printLine("user-compute: INT3 did not come from CPL3");
        PowerOff.emit(a, 2);

        a.align(64);
        a.bind(loop);
        emitLoop(a);
        a.align(16);
        a.bind(cycles);
        a.dq(0, 0);
        a.zeros(4096);
        a.bind(userStack);
        return boot.finish("user-compute");
    }
}
