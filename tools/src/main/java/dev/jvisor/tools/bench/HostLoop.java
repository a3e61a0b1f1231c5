package dev.jvisor.tools.bench;

import static dev.jvisor.guest.asm.Gpr.*;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;
import dev.jvisor.guest.baremetal.UserComputeGuest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The loop of the user-compute guest as a Linux process: the same bytes, in a static ELF file of a few hundred, timed by the kernel's count
 * of the process's CPU time. That is the native speed which a guest's user mode is compared with.
 */
final class HostLoop {
    private static final long BASE = 0x400000;
    private static final int ELF_HEADER = 64;
    private static final int PROGRAM_HEADER = 56;
    private static final int CODE = ELF_HEADER + PROGRAM_HEADER;
    private static final int SYS_WRITE = 1;
    private static final int SYS_EXIT = 60;
    private static final int SYS_CLOCK_GETTIME = 228;
    private static final int CLOCK_PROCESS_CPUTIME = 2;
    private static final int RESULT_BYTES = 40;

    /** CPU time in nanoseconds, and what the loop computed. */
    record Result(long cpuNs, long checksum) { }

    private HostLoop() { }

    /** Runs the loop. @throws IOException when this host does not let a program of ours run */
    static Result run(long iterations) throws IOException, InterruptedException {
        Path file = Files.createTempFile("jvisor-loop", "", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        try {
            Files.write(file, executable(iterations));
            Process p = new ProcessBuilder(file.toString()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            byte[] out = p.getInputStream().readAllBytes();
            if (p.waitFor() != 0 || out.length != RESULT_BYTES) {
                throw new IOException("the loop ended with " + p.exitValue() + " and " + out.length + " bytes");
            }
            ByteBuffer b = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN);
            long ns = (b.getLong(16) - b.getLong(0)) * 1_000_000_000L + b.getLong(24) - b.getLong(8);
            return new Result(ns, b.getLong(32));
        } finally {
            Files.delete(file);
        }
    }

    /** {@return a static x86-64 executable: time, loop, time, write both and the checksum to stdout} */
    static byte[] executable(long iterations) {
        Assembler a = new Assembler(BASE + CODE, Mode.BITS64);
        Label loop = a.label("loop");
        a.sub(RSP, 64);
        clock(a, 0);
        a.mov(RDI, iterations);
        a.call(loop);
        a.mov(mem(RSP).disp(32), RAX);
        clock(a, 16);
        a.mov(EAX, SYS_WRITE);
        a.mov(EDI, 1);
        a.mov(RSI, RSP);
        a.mov(EDX, RESULT_BYTES);
        a.syscall();
        a.mov(EAX, SYS_EXIT);
        a.xor(EDI, EDI);
        a.syscall();
        a.align(64);
        a.bind(loop);
        a.bytes(UserComputeGuest.loopCode());
        byte[] code = a.assemble();
        ByteBuffer elf = ByteBuffer.allocate(CODE + code.length).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1}).position(16);
        elf.putShort((short) 2).putShort((short) 62).putInt(1).putLong(BASE + CODE).putLong(ELF_HEADER).putLong(0).putInt(0)
                .putShort((short) ELF_HEADER).putShort((short) PROGRAM_HEADER).putShort((short) 1).putShort((short) 0).putInt(0);
        elf.putInt(1).putInt(5).putLong(0).putLong(BASE).putLong(BASE).putLong(elf.capacity()).putLong(elf.capacity()).putLong(4096);
        return elf.put(code).array();
    }

    private static void clock(Assembler a, int at) {
        a.mov(EAX, SYS_CLOCK_GETTIME);
        a.mov(EDI, CLOCK_PROCESS_CPUTIME);
        a.lea(RSI, mem(RSP).disp(at));
        a.syscall();
    }
}
