package dev.jvisor.ci;

import static dev.jvisor.guest.asm.Gpr.EAX;
import static dev.jvisor.guest.asm.Gpr.EDI;
import static dev.jvisor.guest.asm.Gpr.EDX;
import static dev.jvisor.guest.asm.Gpr.ESI;
import static dev.jvisor.guest.asm.Gpr.R10;
import static dev.jvisor.guest.asm.Gpr.R12;
import static dev.jvisor.guest.asm.Gpr.R13;
import static dev.jvisor.guest.asm.Gpr.R8;
import static dev.jvisor.guest.asm.Gpr.RAX;
import static dev.jvisor.guest.asm.Gpr.RDI;
import static dev.jvisor.guest.asm.Gpr.RDX;
import static dev.jvisor.guest.asm.Gpr.RSI;
import static dev.jvisor.guest.asm.Gpr.RSP;
import static dev.jvisor.guest.asm.Mem.mem;

import dev.jvisor.guest.asm.Assembler;
import dev.jvisor.guest.asm.Cond;
import dev.jvisor.guest.asm.Label;
import dev.jvisor.guest.asm.Mode;

/**
 * A Linux program of its own system calls only, for guests without libraries: {@code kexec KERNEL INITRD COMMANDLINE} has the kernel load
 * another (kexec_file_load(2)), {@code kexec} alone goes there (reboot(2)). It ends with the number of the error.
 */
final class KexecProgram {
    private static final long ORIGIN = 0x400000;
    private static final int OPEN = 2;
    private static final int EXIT = 60;
    private static final int REBOOT = 169;
    private static final int KEXEC_FILE_LOAD = 320;
    private static final long REBOOT_MAGIC = 0xFEE1DEADL;
    private static final int REBOOT_MAGIC_2 = 672274793;
    private static final int REBOOT_CMD_KEXEC = 0x45584543;
    private static final int HEADERS = 64 + 56;

    private KexecProgram() { }

    /** {@return the program, an ELF64 file of one segment} */
    static byte[] elf() {
        byte[] code = code();
        Assembler a = new Assembler(ORIGIN, Mode.BITS64);
        a.db(0x7F, 'E', 'L', 'F', 2, 1, 1, 0);
        a.dq(0);
        // An executable for x86-64, version, entry, program headers, no section headers.
        a.dw(2, 62);
        a.dd(1);
        a.dq(ORIGIN + HEADERS, 64, 0);
        a.dd(0);
        a.dw(64, 56, 1, 0, 0, 0);
        // PT_LOAD, readable and executable, the whole file.
        a.dd(1, 5);
        a.dq(0, ORIGIN, ORIGIN, HEADERS + code.length, HEADERS + code.length, 0x1000);
        a.bytes(code);
        return a.assemble();
    }

    private static byte[] code() {
        Assembler a = new Assembler(ORIGIN + HEADERS, Mode.BITS64);
        Label go = a.label("go");
        Label end = a.label("end");
        // At the start the stack holds argc, then pointers to the arguments.
        a.cmp(mem(RSP).qword(), 4);
        a.j(Cond.NE, go);
        open(a, 16);
        a.mov(R12, RAX);
        open(a, 24);
        a.mov(R13, RAX);
        a.mov(R10, mem(RSP).disp(32));
        a.mov(RDX, -1);
        Label next = a.bind("next");
        a.inc(RDX);
        a.cmp(mem(R10).index(RDX, 1).byte_(), 0);
        a.j(Cond.NE, next);
        // The length counts the zero at the end.
        a.inc(RDX);
        a.mov(RDI, R12);
        a.mov(RSI, R13);
        a.mov(R8, 0);
        a.mov(EAX, KEXEC_FILE_LOAD);
        a.syscall();
        a.jmp(end);
        a.bind(go);
        a.mov(EDI, REBOOT_MAGIC);
        a.mov(ESI, REBOOT_MAGIC_2);
        a.mov(EDX, REBOOT_CMD_KEXEC);
        a.mov(EAX, REBOOT);
        a.syscall();
        a.bind(end);
        a.neg(EAX);
        a.mov(EDI, EAX);
        a.mov(EAX, EXIT);
        a.syscall();
        return a.assemble();
    }

    private static void open(Assembler a, int argument) {
        a.mov(RDI, mem(RSP).disp(argument));
        a.mov(ESI, 0);
        a.mov(EAX, OPEN);
        a.syscall();
    }
}
